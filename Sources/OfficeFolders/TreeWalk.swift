import CLinux
import Glibc
import OfficeCore

/// A walk over everything below a folder, by handles and through no link. One directory is open at a time;
/// what waits is names of folders.
struct TreeWalk {
    let root: Folder

    /// Calls `visit` for each name in each directory, which answers whether to go into it, and `closed` for each
    /// directory that can't be read.
    func run(
        visit: (_ directory: RelativePath, _ name: FileName, _ handle: Descriptor) throws(OfficeError) -> Bool,
        closed: (_ directory: RelativePath, _ error: OfficeError) throws(OfficeError) -> Void
    ) throws(OfficeError) {
        var pending = [RelativePath.root]
        while let path = pending.popLast() {
            let reader: DirectoryReader
            do {
                guard let directory = try root.look(into: path) else { continue }
                reader = DirectoryReader(directory, what: path.what)
            } catch {
                try closed(path, error)
                continue
            }
            while let next = try reader.next() {
                guard try visit(path, next.name, reader.directory) else { continue }
                do {
                    pending.append(try path.appending(next.name))
                } catch {
                    try closed(path, error)
                }
            }
        }
    }
}

extension Folder {
    /// Opens a directory on a walk: through no link, mounts included; nil where it is gone.
    func look(into path: RelativePath) throws(OfficeError) -> Descriptor? {
        let flags = UInt64(UInt32(bitPattern: O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
        let outcome = path.call {
            os_openat2(handle.number, $0, flags, 0, os_RESOLVE_BENEATH() | os_RESOLVE_NO_SYMLINKS())
        }
        switch outcome.errno {
        case 0: return Descriptor(owning: Int32(outcome.value))
        case ENOENT, ENOTDIR, ELOOP: return nil
        default: throw outcome.error(path.what)
        }
    }
}
