import CLinux
import Glibc
import OfficeCore

/// The raw entries of one open directory, by getdents64(2) in big pieces: for 100,000 names a dozen calls.
///
/// Not thread-safe; whoever shares one locks it.
final class DirectoryReader {
    let directory: Descriptor
    private let what: String
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var position = 0

    /// Bytes asked for at once. Pages of it that a small folder doesn't need are never touched.
    private static let capacity = 256 << 10

    init(_ directory: Descriptor, what: String) {
        self.directory = directory
        self.what = what
        buffer = .allocate(byteCount: Self.capacity, alignment: 8)
    }

    deinit { buffer.deallocate() }

    struct Name {
        var name: FileName
        /// DT_DIR, DT_REG, … or DT_UNKNOWN where the file system doesn't say.
        var type: UInt8
    }

    /// The next name, `.` and `..` left out; nil at the end.
    func next() throws(OfficeError) -> Name? {
        while true {
            if position >= filled {
                guard try fill() else { return nil }
            }
            // struct linux_dirent64: inode (8), offset (8), length of the record (2), type (1), name.
            let length = Int(buffer.loadUnaligned(fromByteOffset: position + 16, as: UInt16.self))
            let type = buffer[position + 18]
            let name = buffer[(position + 19)..<(position + length)].prefix { $0 != 0 }
            position += length
            if name.elementsEqual(Self.dot) || name.elementsEqual(Self.dotDot) { continue }
            return Name(name: FileName(trusted: Array(name)), type: type)
        }
    }

    /// Begins again at the first entry.
    func rewind() throws(OfficeError) {
        let outcome = Outcome.of { lseek(directory.number, 0, SEEK_SET) }
        guard outcome.succeeded else { throw outcome.error(what) }
        filled = 0
        position = 0
    }

    private func fill() throws(OfficeError) -> Bool {
        let outcome = Outcome.of { os_getdents64(directory.number, buffer.baseAddress, UInt(buffer.count)) }
        // ENOENT: the directory was removed while it was read, so that is the end of it.
        guard outcome.succeeded || outcome.errno == ENOENT else { throw outcome.error(what) }
        position = 0
        filled = max(0, outcome.value)
        return filled > 0
    }

    private static let dot = [UInt8(ascii: ".")]
    private static let dotDot = [UInt8(ascii: "."), UInt8(ascii: ".")]
}
