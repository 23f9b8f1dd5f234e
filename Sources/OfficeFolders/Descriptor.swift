import CLinux
import Glibc
import OfficeCore

/// One open file descriptor, closed exactly once: when the last reference to it goes.
///
/// A call in flight holds a reference, so that no descriptor is closed (and its number given to another file)
/// under a call on another thread.
final class Descriptor: Sendable {
    let number: Int32

    /// Takes over `number`: nobody else closes it.
    init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// fstat(2).
    func status(_ what: @autoclosure () -> String) throws(OfficeError) -> stat {
        var status = stat()
        let outcome = Outcome.of { fstat(number, &status) }
        guard outcome.succeeded else { throw outcome.error(what()) }
        return status
    }

    /// Whether two handles are of one file.
    static func same(_ a: stat, _ b: stat) -> Bool { a.st_dev == b.st_dev && a.st_ino == b.st_ino }
}

extension stat {
    private var type: mode_t { st_mode & S_IFMT }
    var isDirectory: Bool { type == S_IFDIR }
    var isRegular: Bool { type == S_IFREG }
    var isLink: Bool { type == S_IFLNK }
    var permissions: mode_t { st_mode & 0o777 }
    var modified: FileTime { FileTime(seconds: Int64(st_mtim.tv_sec), nanoseconds: Int32(st_mtim.tv_nsec)) }
    var changed: FileTime { FileTime(seconds: Int64(st_ctim.tv_sec), nanoseconds: Int32(st_ctim.tv_nsec)) }
    /// Whether its owner may execute it: what a transfer keeps of the mode.
    var isExecutable: Bool { st_mode & S_IXUSR != 0 }
}
