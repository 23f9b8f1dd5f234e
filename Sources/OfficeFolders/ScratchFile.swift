import CLinux
import Glibc
package import OfficeCore

/// A file without a name, for what may be lost at any time: it is gone when the last user lets go of it, or the process
/// ends however it ends. Thread-safe; its methods block.
package final class ScratchFile: Sendable {
    private static let what = "scratch file"

    private let file: Descriptor

    /// - Parameters:
    ///   - directory: A path of this machine; its file system holds the bytes.
    ///   - size: What was never written reads as zeros.
    package init(in directory: String, size: Int64) throws(OfficeError) {
        let opened = Outcome.of { open(directory, O_RDWR | O_CLOEXEC | Int32(os_O_TMPFILE), 0o600) }
        guard opened.succeeded else { throw opened.error(directory) }
        file = Descriptor(owning: Int32(opened.value))
        let number = file.number
        let sized = Outcome.of { ftruncate(number, off_t(size)) }
        guard sized.succeeded else { throw sized.error(directory) }
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(OfficeError) {
        try file.write(bytes, at: offset, Self.what)
    }

    /// Fills `buffer` from `offset` on; less than all of it only at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(OfficeError) -> Int {
        try file.read(into: buffer, at: offset, Self.what)
    }

    /// Gives the disk back what these bytes take; where the file system can't, only with the whole file.
    package func discard(_ range: Range<Int64>) {
        _ = Outcome.of { os_punch_hole(file.number, range.lowerBound, Int64(range.count)) }
    }
}
