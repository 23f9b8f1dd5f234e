import CLinux
import OfficeCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a folder that was typed really is.
enum SharedFolder {
    /// The absolute path, without links, of the directory that `path` leads to now. Blocks.
    ///
    /// Asked of the kernel by a handle (proc(5), `/proc/PID/fd`): the answer is of the very folder that was opened,
    /// whatever happens to names meanwhile. The daemon opens it anew and checks its owner.
    static func absolutePath(of path: LocalPath) throws(OfficeError) -> [UInt8] {
        let descriptor = path.bytes.withTerminated {
            os_openat(AT_FDCWD, $0, Int32(os_O_PATH) | O_DIRECTORY | O_CLOEXEC, 0)
        }
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: throw OfficeError(.notFound, path.description, "there is no such folder")
            case ENOTDIR:
                throw OfficeError(
                    .malformed, path.description, "it is not a folder", mend: "Share the folder that it is in.")
            case EACCES: throw OfficeError(.notAllowed, path.description, "you may not go there yourself")
            default: throw OfficeError(.io, path.description, String(cString: strerror(errno)))
            }
        }
        defer { close(descriptor) }
        var buffer = [CChar](repeating: 0, count: RelativePath.maximumLength + 1)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        guard count > 0, count < buffer.count, buffer[0] == CChar(bitPattern: 0x2F) else {
            throw OfficeError(.io, path.description, "where it is can't be found out", mend: "Is /proc mounted?")
        }
        return buffer.prefix(count).map { UInt8(bitPattern: $0) }
    }
}
