import Glibc
import OfficeCore

/// The office log on the disk: records appended to one file, each durable before it is acknowledged.
///
/// A record: 4 bytes magic, 4 bytes length of the rest (big-endian), 8 bytes checksum (the first of the SHA-256 of
/// what follows), 64 bytes signature, the entry's body. Every call blocks. The file is locked while it is open.
struct LogFile {
    static let fileName = "office.log"
    private static let magic: [UInt8] = Array("OSL1".utf8)
    private static let headerBytes = 16

    private let directory: StateDirectory
    private let handle: CInt
    /// Where the next record goes: behind the last one that is durable.
    private var end = 0
    /// After a failed sync nobody knows what is on the disk: nothing is written any more until it is opened anew.
    private var failure: OfficeError?

    /// Opens the file, made if there is none, and reads what is whole in it.
    static func open(in directory: StateDirectory, limits: LogLimits) throws(OfficeError) -> (LogFile, LogRecovery) {
        if try directory.create(fileName, contents: []) {}
        let handle = openat(directory.handle, fileName, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard handle >= 0 else {
            throw OfficeError(
                .configuration, directory.display(fileName),
                "it can't be opened: \(StateDirectory.why(errno))")
        }
        var file = LogFile(directory: directory, handle: handle)
        do throws(OfficeError) {
            try directory.checkPrivate(handle, fileName)
            guard flock(handle, LOCK_EX | LOCK_NB) == 0 else {
                throw OfficeError(
                    .unavailable, directory.display(fileName), "another officeshared has it open",
                    mend: "Stop the other one: systemctl stop officeshared.")
            }
            return (file, try file.recover(limits: limits))
        } catch {
            Glibc.close(handle)
            throw error
        }
    }

    private init(directory: StateDirectory, handle: CInt) {
        self.directory = directory
        self.handle = handle
    }

    func close() { Glibc.close(handle) }

    private var name: String { directory.display(Self.fileName) }

    // MARK: Writing

    /// Appends entries; when it returns they are on the disk. When it throws none of them counts, and the file is
    /// as it was.
    mutating func append(_ entries: [SealedEntry]) throws(OfficeError) {
        if let failure { throw failure }
        let bytes = entries.flatMap(Self.record)
        if bytes.isEmpty { return }
        do throws(OfficeError) {
            try StateDirectory.writeAll(bytes, to: handle, what: name)
            guard fdatasync(handle) == 0 else { throw StateDirectory.writeError(name, errno) }
            end += bytes.count
        } catch {
            try rewind(after: error)
            throw error
        }
    }

    /// Takes a half-written append back.
    private mutating func rewind(after error: OfficeError) throws(OfficeError) {
        if ftruncate(handle, off_t(end)) == 0, lseek(handle, off_t(end), SEEK_SET) == off_t(end), fsync(handle) == 0 {
            return
        }
        failure = OfficeError(
            .io, name, "an earlier write failed, and could not be taken back", mend: "Restart officeshared.")
        throw error
    }

    private static func record(_ entry: SealedEntry) -> [UInt8] {
        let content = entry.signature + entry.body
        let length = UInt32(truncatingIfNeeded: content.count)
        return magic + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + checksum(content) + content
    }

    private static func checksum(_ content: some Sequence<UInt8>) -> ArraySlice<UInt8> {
        Digest256.of(content).bytes.prefix(8)
    }

    // MARK: Reading

    /// Reads all records. Cuts off what is no whole record at the end: only a crash in the middle of an append
    /// leaves that. Passes over damage that has whole records behind it, for these were acknowledged.
    private mutating func recover(limits: LogLimits) throws(OfficeError) -> LogRecovery {
        let bytes = try readAll()
        var recovery = LogRecovery()
        var position = 0
        while position < bytes.count {
            if let (entry, next) = Self.record(in: bytes, at: position, limits: limits) {
                recovery.entries.append(entry)
                position = next
                end = position
                continue
            }
            guard let next = Self.nextRecord(in: bytes, after: position, limits: limits) else { break }
            recovery.damagedBytes += next - position
            position = next
        }
        recovery.cutBytes = bytes.count - end
        if recovery.cutBytes > 0, ftruncate(handle, off_t(end)) != 0 || fsync(handle) != 0 {
            throw StateDirectory.writeError(name, errno)
        }
        guard lseek(handle, off_t(end), SEEK_SET) == off_t(end) else { throw StateDirectory.writeError(name, errno) }
        return recovery
    }

    private static func record(in bytes: [UInt8], at start: Int, limits: LogLimits) -> (SealedEntry, next: Int)? {
        guard start + headerBytes <= bytes.count, bytes[start..<start + 4].elementsEqual(magic) else { return nil }
        let length = bytes[start + 4..<start + 8].reduce(0) { $0 << 8 | Int($1) }
        let content = start + headerBytes
        guard length > LogEntry.signatureBytes, length <= LogEntry.signatureBytes + limits.entryBytes,
            content + length <= bytes.count,
            bytes[start + 8..<content].elementsEqual(checksum(bytes[content..<content + length]))
        else { return nil }
        let body = content + LogEntry.signatureBytes
        let entry = SealedEntry(
            body: Array(bytes[body..<content + length]), signature: Array(bytes[content..<body]))
        return (entry, content + length)
    }

    private static func nextRecord(in bytes: [UInt8], after start: Int, limits: LogLimits) -> Int? {
        (start + 1..<bytes.count).first { bytes[$0] == magic[0] && record(in: bytes, at: $0, limits: limits) != nil }
    }

    private func readAll() throws(OfficeError) -> [UInt8] {
        var status = stat()
        guard fstat(handle, &status) == 0 else { throw OfficeError(.io, name, StateDirectory.why(errno)) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(handle, $0.baseAddress?.advanced(by: filled), $0.count - filled, off_t(filled))
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw OfficeError(.io, name, "it can't be read: \(StateDirectory.why(errno))") }
            if count == 0 { return Array(bytes.prefix(filled)) }
            filled += count
        }
        return bytes
    }

    /// Puts the file aside under another name and begins an empty one: for a node that left its office.
    mutating func archive(as archived: String, limits: LogLimits) throws(OfficeError) -> LogFile {
        guard renameat(directory.handle, Self.fileName, directory.handle, archived) == 0 else {
            throw StateDirectory.writeError(name, errno)
        }
        try directory.sync()
        let (file, _) = try Self.open(in: directory, limits: limits)
        close()
        return file
    }
}

/// What was found when the log's file was opened.
package struct LogRecovery: Sendable, Equatable {
    /// Bytes at the end that were no whole record: the rest of an append that a crash interrupted.
    package var cutBytes = 0
    /// Bytes in the middle that are damaged; the records behind them were kept.
    package var damagedBytes = 0
    /// Entries that could not be taken into the log any more: what they follow was in the damaged part.
    package var strandedEntries = 0
    var entries: [SealedEntry] = []
}
