import CLinux
import Glibc
package import OfficeCore

/// A regular file, open for reading. Thread-safe: every read says where.
package final class ReadableFile: Sendable {
    let file: Descriptor
    private let what: String
    /// As it was when it was opened.
    package let identity: FileIdentity
    package let executable: Bool
    private let isReplacedWhole: Bool

    init(_ file: Descriptor, _ status: stat, what: String, isReplacedWhole: Bool = false) {
        self.isReplacedWhole = isReplacedWhole
        self.file = file
        self.what = what
        identity = FileIdentity(status)
        executable = status.isExecutable
    }

    /// Fills `buffer` from `offset` on; less than all of it only at the end of the file.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(OfficeError) -> Int {
        try file.read(into: buffer, at: offset, what)
    }

    /// As it is now: another identity than before says that what was read may be a mixture.
    package func currentIdentity() throws(OfficeError) -> FileIdentity {
        FileIdentity(try file.status(what))
    }

    /// Whether what was read so far and what is read now are of one content.
    package func isUnchanged() throws(OfficeError) -> Bool {
        let now = try currentIdentity()
        // A second name, and the loss of one, change the time of the inode, too.
        return isReplacedWhole ? now.isSameContent(as: identity) : now == identity
    }

    /// Where the next byte at or behind `offset` is that is not in a hole; nil where there is none.
    package func nextData(from offset: Int64) -> Int64? {
        let outcome = Outcome.of { lseek(file.number, off_t(offset), Flag.seekData) }
        if outcome.succeeded { return Int64(outcome.value) }
        // ENXIO: only holes from here to the end. Else the file system knows of no holes: all is data.
        return outcome.errno == ENXIO ? nil : offset
    }

    /// Tells the kernel to read ahead far.
    package func adviseSequential() {
        posix_fadvise(file.number, 0, 0, POSIX_FADV_SEQUENTIAL)
    }
}

extension Descriptor {
    /// pread(2) until `buffer` is full or the file at its end.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, _ what: String
    ) throws(OfficeError) -> Int {
        guard offset >= 0 else { throw .negative(what) }
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let outcome = Outcome.of { pread(number, rest.baseAddress, rest.count, off_t(offset) + off_t(done)) }
            guard outcome.succeeded else { throw outcome.error(what) }
            if outcome.value == 0 { break }
            done += outcome.value
        }
        return done
    }

    /// pwrite(2) until all of `buffer` is written.
    func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64, _ what: String) throws(OfficeError) {
        guard offset >= 0, offset <= Int64.max - Int64(buffer.count) else { throw .negative(what) }
        var done = 0
        while done < buffer.count {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
            let outcome = Outcome.of { pwrite(number, rest.baseAddress, rest.count, off_t(offset) + off_t(done)) }
            guard outcome.succeeded else { throw outcome.error(what) }
            done += outcome.value
        }
    }
}

extension OfficeError {
    static func negative(_ what: String) -> OfficeError {
        OfficeError(.malformed, what, "there is no such place in a file")
    }
}
