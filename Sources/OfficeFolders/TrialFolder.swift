import CLinux
import Glibc
package import OfficeCore
import Synchronization

/// A folder in which a file system is put to the test: plain calls, of which each does what it says and nothing to make
/// up for what the file system lacks. Nobody's files are in it. Thread-safe; its methods block.
package final class TrialFolder: Sendable {
    private let folder: Descriptor
    private let held = Mutex<[FileName: Descriptor]>([:])

    package init(_ path: RelativePath, in root: Folder) throws(OfficeError) {
        folder = try root.resolve(path, flags: O_RDONLY | O_DIRECTORY)
    }

    private func open(_ name: FileName, _ flags: Int32) -> Outcome {
        name.call { os_openat(folder.number, $0, flags | O_NOFOLLOW | O_CLOEXEC, 0o600) }
    }

    private func opened(_ name: FileName, _ flags: Int32) throws(OfficeError) -> Descriptor {
        let outcome = open(name, flags)
        guard outcome.succeeded else { throw outcome.error("\(name)") }
        return Descriptor(owning: Int32(outcome.value))
    }

    private func write(_ bytes: [UInt8], to file: Descriptor, _ name: FileName) throws(OfficeError) {
        try bytes.span.withUnsafeBytes { (buffer) throws(OfficeError) in try file.write(buffer, at: 0, "\(name)") }
        try file.synchronise("\(name)")
    }

    private func all(of file: Descriptor, _ name: FileName) throws(OfficeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        var span = bytes.mutableSpan
        let count = try span.withUnsafeMutableBytes { (buffer) throws(OfficeError) in
            try file.read(into: buffer, at: 0, "\(name)")
        }
        return Array(bytes.prefix(count))
    }

    // MARK: What is written

    /// A new file takes the name: temporary, fsync, rename.
    package func put(_ bytes: [UInt8], as name: FileName) throws(OfficeError) {
        let temporary = Place(folder, Temporary.unique())
        let file = try opened(temporary.name, O_RDWR | O_CREAT | O_EXCL)
        try write(bytes, to: file, name)
        try temporary.rename(to: Place(folder, name), replacing: .always, from: "\(name)", "\(name)")
    }

    /// The file of that name has this content now, in place.
    package func overwrite(_ bytes: [UInt8], in name: FileName) throws(OfficeError) {
        let file = try opened(name, O_RDWR)
        let sized = Outcome.of { ftruncate(file.number, off_t(bytes.count)) }
        guard sized.succeeded else { throw sized.error("\(name)") }
        try write(bytes, to: file, name)
    }

    package func remove(_ name: FileName) throws(OfficeError) { try folder.unlink(name, "\(name)") }

    // MARK: What is seen

    /// What the file of that name holds, and its size by a look at the name alone; nil where nothing is there.
    package func read(_ name: FileName) throws(OfficeError) -> (bytes: [UInt8], size: Int)? {
        guard let seen = try folder.look(at: name, "\(name)") else { return nil }
        let outcome = open(name, O_RDONLY)
        if outcome.errno == ENOENT || outcome.errno == ESTALE { return nil }
        guard outcome.succeeded else { throw outcome.error("\(name)") }
        return (try all(of: Descriptor(owning: Int32(outcome.value)), name), Int(seen.st_size))
    }

    /// Opens it, and keeps it open.
    package func hold(_ name: FileName) throws(OfficeError) {
        let file = try opened(name, O_RDONLY)
        _ = try all(of: file, name)
        held.withLock { $0[name] = file }
    }

    /// What the file that is kept open holds, and its size.
    package func readHeld(_ name: FileName) throws(OfficeError) -> (bytes: [UInt8], size: Int)? {
        guard let file = held.withLock({ $0[name] }) else { return nil }
        return (try all(of: file, name), Int(try file.status("\(name)").st_size))
    }

    package func names() throws(OfficeError) -> [FileName] {
        let listing = os_openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard listing >= 0 else { throw OfficeError(errno: errno, ".") }
        let reader = DirectoryReader(Descriptor(owning: listing), what: ".")
        var names: [FileName] = []
        while let next = try reader.next() { if !next.name.isReserved { names.append(next.name) } }
        return names
    }

    // MARK: What only one may have

    /// O_EXCL; false where it is there.
    package func create(_ name: FileName) throws(OfficeError) -> Bool {
        let outcome = open(name, O_RDWR | O_CREAT | O_EXCL)
        if outcome.errno == EEXIST { return false }
        guard outcome.succeeded else { throw outcome.error("\(name)") }
        _ = Descriptor(owning: Int32(outcome.value))
        return true
    }

    /// A second name for a file; false where something has it.
    package func link(_ name: FileName, as other: FileName) throws(OfficeError) -> Bool {
        let outcome = name.withCString { old in
            other.call { linkat(folder.number, old, folder.number, $0, 0) }
        }
        if outcome.errno == EEXIST { return false }
        guard outcome.succeeded else { throw outcome.error("\(name)") }
        return true
    }

    /// flock; false while somebody else has it.
    package func lock(_ name: FileName) throws(OfficeError) -> Bool {
        let file = try opened(name, O_RDWR | O_CREAT)
        guard try OpenedPartial.lock(file, "\(name)") else { return false }
        held.withLock { $0[name] = file }
        return true
    }

    /// Closes what is kept open, without a word: as the kernel does for a process that is killed.
    package func drop(_ name: FileName) { held.withLock { $0[name] = nil } }

    // MARK: What it can

    /// Whether it keeps times to the nanosecond.
    package func keepsNanoseconds(_ name: FileName) throws(OfficeError) -> Bool {
        let file = try opened(name, O_RDWR)
        let stamp = timespec(tv_sec: 1_000_000_000, tv_nsec: 123_456_789)
        let outcome = Outcome.of { futimens(file.number, [stamp, stamp]) }
        guard outcome.succeeded else { throw outcome.error("\(name)") }
        return try folder.look(at: name, "\(name)")?.st_mtim.tv_nsec == stamp.tv_nsec
    }

    /// Whether files can have attributes of a user's.
    package func keepsAttributes(_ name: FileName) throws(OfficeError) -> Bool {
        let file = try opened(name, O_RDWR)
        return Outcome.of { os_fsetxattr(file.number, "user.officeshare.trial", "1", 1) }.succeeded
    }
}
