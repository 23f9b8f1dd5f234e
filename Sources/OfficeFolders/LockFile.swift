import CLinux
import Glibc
package import OfficeCore

/// A lock between processes and machines: flock(2) of a file that is for nothing else. Given back when it is let go.
///
/// It orders those who take it. It keeps nobody from writing who had it and was cut off: see Staging.swift.
package final class LockFile: Sendable {
    private let file: Descriptor

    /// nil while somebody else has it. The file is made where it isn't there.
    package init?(_ path: RelativePath, in folder: Folder) throws(OfficeError) {
        let place = Place(try folder.place(for: path))
        let opened = place.name.call {
            os_openat(place.directory.number, $0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
        }
        guard opened.succeeded else { throw opened.error(path.what) }
        file = Descriptor(owning: Int32(opened.value))
        guard try OpenedPartial.lock(file, path.what) else { return nil }
    }
}
