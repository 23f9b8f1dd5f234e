import CLinux
import Glibc
package import OfficeCore
import Synchronization

/// A file being received: hidden and unnamed to everyone until `commit`, and found again after an interruption.
///
/// Beside it lies its journal, in which the receiver notes what of it is there; no journal is made before
/// something is appended. While it is open it is locked: nobody else opens the same one. All methods are
/// thread-safe and block.
///
/// A journal that speaks of bytes is only as true as the bytes are: call `sync()` between writing them and
/// noting them, or verify them when the transfer goes on.
package final class PartialFile: Sendable {
    /// Bytes that a journal can have.
    package static let maximumJournal = 64 << 20

    /// Whether it was made by this opening: there is nothing to go on with.
    package let isNew: Bool

    private let path: RelativePath
    private let place: Place
    private let final: Place
    private let journalPlace: Place
    private let owner: Owner
    private let state: Mutex<State>

    private struct State {
        /// nil once it is closed, committed or discarded.
        var content: Descriptor?
        var journal: Descriptor?
        /// Whether something was written that is not known to be on the disk.
        var isDirty: Bool
        /// Set when fsync failed once: what the kernel dropped then, a later success doesn't bring back.
        var isBroken = false
    }

    init(
        _ opened: OpenedPartial, final: Place, journal: Place, path: RelativePath, owner: Owner
    ) {
        place = opened.place
        isNew = opened.isNew
        self.final = final
        journalPlace = journal
        self.path = path
        self.owner = owner
        state = Mutex(State(content: opened.content, isDirty: true))
    }

    private var what: String { path.what }

    private func content() throws(OfficeError) -> Descriptor {
        guard let content = state.withLock({ $0.content }) else { throw .closed(what) }
        return content
    }

    /// Writes all of `bytes` at `offset`. On a full disk `.noSpace`: what is there stays, to be gone on with.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(OfficeError) {
        let content = try content()
        state.withLock { $0.isDirty = true }
        try content.write(bytes, at: offset, what)
    }

    /// Shares all of a file's blocks (ioctl_ficlone(2)); false where the file system can't.
    func share(_ file: ReadableFile) throws(OfficeError) -> Bool {
        let content = try content()
        state.withLock { $0.isDirty = true }
        return Outcome.of { os_ficlone(content.number, file.file.number) }.succeeded
    }

    /// Shares a range of blocks with a file where it has them, too (ioctl_ficlonerange(2)); false where the file
    /// system can't, and then nothing was changed.
    package func share(_ range: Range<Int64>, with file: ReadableFile) throws(OfficeError) -> Bool {
        let content = try content()
        state.withLock { $0.isDirty = true }
        return Outcome.of {
            os_ficlonerange(
                content.number, file.file.number, UInt64(range.lowerBound), UInt64(range.count),
                UInt64(range.lowerBound))
        }.succeeded
    }

    /// Fills `buffer` from `offset` on; less than all of it only at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(OfficeError) -> Int {
        try content().read(into: buffer, at: offset, what)
    }

    /// Makes it exactly so long; what was never written is a hole.
    package func setSize(_ size: Int64) throws(OfficeError) {
        let content = try content()
        guard size >= 0 else { throw .negative(what) }
        state.withLock { $0.isDirty = true }
        let outcome = Outcome.of { ftruncate(content.number, off_t(size)) }
        guard outcome.succeeded else { throw outcome.error(what) }
    }

    /// The content's size now, in bytes.
    package func size() throws(OfficeError) -> Int64 {
        Int64(try content().status(what).st_size)
    }

    /// Puts what was written so far on the disk (fdatasync(2)).
    package func sync() throws(OfficeError) {
        try synchronise { fdatasync($0) }
    }

    private func synchronise(_ call: (Int32) -> Int32) throws(OfficeError) {
        let content = try content()
        let isNeeded = state.withLock { state in
            defer { state.isDirty = false }
            return state.isDirty || state.isBroken
        }
        guard isNeeded else { return }
        let outcome = Outcome.of { call(content.number) }
        if outcome.succeeded, !state.withLock({ $0.isBroken }) { return }
        state.withLock { $0.isBroken = true }
        throw OfficeError(
            .io, what, "what was received could not be put on the disk", mend: "Check the disk, and start over.")
    }

    // MARK: The journal

    /// All of the journal; empty where there is none.
    package func journal() throws(OfficeError) -> [UInt8] {
        guard let journal = try openJournal(creating: false) else { return [] }
        let size = try journal.status(what).st_size
        guard size <= Self.maximumJournal else { throw .journalFull(what) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var span = bytes.mutableSpan
        let count = try span.withUnsafeMutableBytes { (buffer) throws(OfficeError) -> Int in
            try journal.read(into: buffer, at: 0, what)
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Appends to the journal: all of `bytes`, or (on a full disk) none.
    package func appendJournal(_ bytes: [UInt8]) throws(OfficeError) {
        guard let journal = try openJournal(creating: true) else { throw .closed(what) }
        let end = try journal.status(what).st_size
        guard end + bytes.count <= Self.maximumJournal else { throw .journalFull(what) }
        do {
            try bytes.span.withUnsafeBytes { (buffer) throws(OfficeError) in
                try journal.write(buffer, at: Int64(end), what)
            }
        } catch {
            _ = Outcome.of { ftruncate(journal.number, end) }
            throw error
        }
    }

    /// Empties the journal.
    package func resetJournal() throws(OfficeError) {
        guard let journal = try openJournal(creating: false) else { return }
        let outcome = Outcome.of { ftruncate(journal.number, 0) }
        guard outcome.succeeded else { throw outcome.error(what) }
    }

    private func openJournal(creating: Bool) throws(OfficeError) -> Descriptor? {
        _ = try content()
        return try state.withLock { (state) throws(OfficeError) -> Descriptor? in
            if let journal = state.journal { return journal }
            state.journal = try OpenedPartial.journal(at: journalPlace, owner, creating: creating, what)
            return state.journal
        }
    }

    // MARK: The end

    /// Gives the content its name, its time and its mode, in one atomic step: a crash at any instant leaves the
    /// old file or the new one. The content is on the disk before it has the name.
    ///
    /// With `durableDirectory` the name is on the disk too when this returns; a batch of files in one folder
    /// does without, and calls `Folder.sync` once. When it fails the partial is still there and open.
    package func commit(
        modified: FileTime, executable: Bool, replacing: Replacement, durableDirectory: Bool = true
    ) throws(OfficeError) {
        try settle(modified: modified, executable: executable, replacing: replacing)
        try publish(replacing: replacing, durableDirectory: durableDirectory)
    }

    /// The first half of `commit`, and the slow one: content, time and mode, on the disk. Nobody sees it yet.
    package func settle(modified: FileTime, executable: Bool, replacing: Replacement) throws(OfficeError) {
        let content = try content()
        let status = try content.status(what)
        let permissions = try permissions(of: content, status, replacing).executable(executable)
        try content.setPermissions(permissions, was: status, what)
        let times = [timespec(tv_sec: 0, tv_nsec: Flag.omitTime), modified.stamp]
        let stamped = Outcome.of { futimens(content.number, times) }
        guard stamped.succeeded else { throw stamped.error(what) }
        try synchronise { fsync($0) }
    }

    /// The second half of `commit`: the name, or another one in the same folder.
    package func publish(
        as name: FileName? = nil, replacing: Replacement, durableDirectory: Bool = true
    ) throws(OfficeError) {
        let content = try content()
        let final = name.map { Place(self.final.directory, $0) } ?? self.final
        let status = try content.status(what)
        guard let there = try place.directory.look(at: place.name, what), Descriptor.same(there, status) else {
            throw OfficeError(.temporary, what, "its partial file was removed meanwhile", mend: "Run the same again.")
        }
        // An exchange leaves the old file under the partial's name for a moment. Should that moment be the last,
        // no journal may say of it that it is the new one.
        if case .ifUnchanged = replacing { try journalPlace.directory.unlink(journalPlace.name, what) }
        try place.rename(to: final, replacing: replacing, from: what, what)
        try? journalPlace.directory.unlink(journalPlace.name, what)
        close()
        if durableDirectory { try OpenedPartial.synchronise(final.directory, content, what) }
    }

    /// A handle of its own on the content, for reading it whatever becomes of this and of its name.
    package func reading() throws(OfficeError) -> ReadableFile {
        let content = try content()
        let copy = Outcome.of { fcntl(content.number, F_DUPFD_CLOEXEC, 0) }
        guard copy.succeeded else { throw copy.error(what) }
        return ReadableFile(Descriptor(owning: Int32(copy.value)), try content.status(what), what: what)
    }

    /// Takes everybody else's access away, and with it any list.
    func restrict() throws(OfficeError) {
        let content = try content()
        try content.setPermissions(0o600, was: try content.status(what), what)
    }

    /// Whether the path it stands for still leads to the folder that it is in: that folder may have been moved, or
    /// removed with all that was in it, since the transfer began.
    package func isInPlace(in folder: Folder) throws(OfficeError) -> Bool {
        let status = try content().status(what)
        do throws(OfficeError) {
            let parent = try folder.parent(of: path).directory
            guard folder.staging == nil else {
                return Descriptor.same(try parent.status(what), try final.directory.status(what))
            }
            guard let there = try parent.look(at: place.name, what) else { return false }
            return Descriptor.same(there, status)
        } catch  where error.code == .notFound {
            return false
        }
    }

    /// The permissions it was created with (the folder's default ACL or the umask decided), but nothing for
    /// others that the file it replaces doesn't give them.
    private func permissions(
        of content: Descriptor, _ status: stat, _ replacing: Replacement
    ) throws(OfficeError) -> mode_t {
        guard replacing != .never, let old = try final.directory.look(at: final.name, what), old.isRegular else {
            return status.permissions
        }
        // With an ACL the group's bits are its mask, and taking from that would take from the folder's owner.
        let hasList = os_fgetxattr(content.number, "system.posix_acl_access", nil, 0) > 0
        return status.permissions & (old.permissions | (hasList ? 0o770 : 0o700))
    }

    /// Removes content and journal. It is closed then.
    package func discard() throws(OfficeError) {
        _ = try content()
        try place.directory.unlink(place.name, what)
        try journalPlace.directory.unlink(journalPlace.name, what)
        close()
    }

    /// Closes it, and keeps content and journal for the next time.
    package func close() {
        // Released outside of the lock: calls in flight may hold the handles a moment longer.
        _ = state.withLock { state in
            defer { (state.content, state.journal) = (nil, nil) }
            return (state.content, state.journal)
        }
    }
}

extension OfficeError {
    fileprivate static func closed(_ what: String) -> OfficeError {
        OfficeError(.fault, what, "its partial file is closed already")
    }

    fileprivate static func journalFull(_ what: String) -> OfficeError {
        OfficeError(
            .limit, what, "the journal of its transfer is over \(PartialFile.maximumJournal) bytes long",
            mend: "Start the transfer over.")
    }
}
