import CLinux
import Glibc

// What is noted on a file without being part of it (xattr(7)): it goes where the file goes on one machine, and is lost
// where a file system, a program or a copy knows nothing of it. So nothing may depend on its being there.

extension ReadableFile {
    /// Bytes of an attribute that are read.
    package static let longestAttribute = 8192

    /// nil where there is none, or none can be.
    package func attribute(_ name: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: Self.longestAttribute)
        let count = bytes.withUnsafeMutableBytes { buffer in
            name.withCString { os_fgetxattr(file.number, $0, buffer.baseAddress, buffer.count) }
        }
        guard count >= 0 else { return nil }
        return Array(bytes.prefix(count))
    }

    /// Whether it is noted now: it needs the right to write the file.
    @discardableResult
    package func setAttribute(_ name: String, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            name.withCString { os_fsetxattr(file.number, $0, buffer.baseAddress, buffer.count) == 0 }
        }
    }
}
