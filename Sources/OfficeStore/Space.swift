import Dispatch
package import OfficeCore
package import OfficeFolders
import OfficeTransfer
import Synchronization

/// A folder of the office, as the file server holds it: nothing in it is lost, and it has a quota that is never
/// exceeded.
///
/// This process is the only one that changes it. Every change of a name happens under the space's lock, in three steps
/// that a crash may come between at any point: what has the name is kept (a second name in the shelf), the new takes the
/// name, and before it is acknowledged both folders are on the disk. What takes long (reading, hashing, fsync of
/// contents) happens outside of the lock. All methods block.
package final class Space: Sendable {
    /// Version numbers that are claimed in the record at once.
    static let numbersAtOnce: Int64 = 1024

    package let name: Label
    package let folder: Folder
    package let shelf: VersionShelf
    let conflicts: Conflicts
    let feed: ChangeFeed
    /// By what this node leads it, where several could; nil: it is the only one.
    package let lease: SpaceLease?
    private let state: Mutex<State>
    /// Held while a folder that was removed is sorted.
    private let sorting = Mutex<Void>(())
    /// What was begun under the lock and goes on after it: folders that were removed and aren't sorted yet.
    private let unfinished = DispatchGroup()
    /// Writes into the record that all numbers below are taken.
    private let claim: @Sendable (Int64) throws(OfficeError) -> Void

    struct State {
        var book: SpaceBook
        var locks = LockTable()
        var nextNumber: Int64
        var claimed: Int64
        /// Set once it is closed.
        var refusal: OfficeError?

        /// A number that was given elsewhere: none is given twice.
        mutating func passed(
            _ number: Int64, _ claim: (Int64) throws(OfficeError) -> Void
        ) throws(OfficeError) {
            guard number >= nextNumber else { return }
            nextNumber = number
            _ = try self.number(claim)
        }

        /// The number of the next version.
        mutating func number(
            _ claim: (Int64) throws(OfficeError) -> Void
        ) throws(OfficeError) -> Int64 {
            if nextNumber >= claimed {
                try claim(nextNumber + Space.numbersAtOnce)
                claimed = nextNumber + Space.numbersAtOnce
            }
            defer { nextNumber += 1 }
            return nextNumber
        }
    }

    init(
        _ record: SpaceRecord, folder: Folder, shelf: Folder, conflicts: Conflicts,
        feed: ChangeFeed = ChangeFeed(), lease: SpaceLease? = nil, figures: SpaceFigures? = nil,
        claim: @escaping @Sendable (Int64) throws(OfficeError) -> Void
    ) throws(OfficeError) {
        name = record.name
        self.folder = folder
        self.lease = lease
        self.shelf = try VersionShelf(root: shelf, bytes: figures?.versionsBytes)
        self.conflicts = conflicts
        self.feed = feed
        self.claim = claim
        let contents =
            if let figures { FolderContents(files: figures.files, bytes: figures.bytes) } else {
                try folder.contents()
            }
        state = Mutex(
            State(
                book: SpaceBook(files: contents.files, bytes: contents.bytes, quota: record.quota),
                nextNumber: record.nextNumber, claimed: record.nextNumber))
        for place in try self.shelf.unsorted() { try sort(place) }
    }

    package var files: Int { state.withLock { $0.book.files } }
    package var bytes: Int64 { state.withLock { $0.book.bytes } }
    package var versionsBytes: Int64 { shelf.bytes }
    /// Edits that nobody has brought together yet.
    package var openConflicts: [Conflict] { conflicts.open(in: folder) }
    /// Why they may be more than are known.
    package var conflictsProblem: OfficeError? { conflicts.problem }

    /// No change is made from now on, and each is refused with this; returns when none is under way.
    package func close(_ refusal: OfficeError) {
        state.withLock { $0.refusal = refusal }
        unfinished.wait()
    }

    /// Returns when nothing is under way that began before.
    package func drain() {
        state.withLock { _ in }
        unfinished.wait()
    }

    /// Takes away versions that the rule doesn't keep.
    ///
    /// - Parameter mayChange: Throws where nothing may be taken away any more; asked before each.
    package func thin(
        _ rule: Thinning = .staggered, most: Int64, now: Int64,
        mayChange: () throws(OfficeError) -> Void = { () throws(OfficeError) in }
    ) throws(OfficeError) -> Int {
        try shelf.thin(rule, most: most, now: now, mayChange: mayChange)
    }

    package var figures: SpaceFigures {
        let book = state.withLock { $0.book }
        return SpaceFigures(files: book.files, bytes: book.bytes, versionsBytes: shelf.bytes)
    }

    /// Counts what is there, where it was taken from what somebody else had written down; false where it was changed
    /// meanwhile, and so not counted.
    package func recount() throws(OfficeError) -> Bool {
        let before = figures
        let contents = try folder.contents()
        let versions = try shelf.root.contents().bytes
        let isUnchanged = state.withLock { state in
            guard state.book.files == before.files, state.book.bytes == before.bytes else { return false }
            state.book.changed(files: contents.files - before.files, bytes: contents.bytes - before.bytes)
            return true
        }
        return isUnchanged && shelf.correct(versions, from: before.versionsBytes)
    }

    // MARK: For the writer

    func locked<T: ~Copyable>(_ body: (inout State) throws(OfficeError) -> sending T) throws(OfficeError) -> T {
        try state.withLock { (state) throws(OfficeError) in
            if let refusal = state.refusal { throw refusal }
            try lease?.check()
            return try body(&state)
        }
    }

    func versionName(
        _ state: inout State, _ how: VersionName.How, _ author: Author
    ) throws(OfficeError) -> VersionName {
        VersionName(number: try state.number(claim), time: FileTime.now.seconds, how: how, author: author)
    }

    func passed(_ state: inout State, _ number: Int64) throws(OfficeError) { try state.passed(number, claim) }

    /// The name for a version that another store has kept: its own, unless that number is taken, or is none that a store
    /// comes to.
    func name(for other: VersionName, of path: RelativePath) throws(OfficeError) -> VersionName {
        try locked { (state) throws(OfficeError) in
            let isTaken = try shelf.versions(of: path).contains { $0.name.number == other.number }
            guard isTaken || other.number > state.nextNumber + Self.farthest else {
                try state.passed(other.number, claim)
                return other
            }
            let number = try state.number(claim)
            return VersionName(number: number, time: other.time, how: other.how, author: other.author)
        }
    }

    static let farthest: Int64 = 1 << 40

    /// Says, under the lock, that something is left to do after it. `finish` has to follow.
    func leaveUnfinished() { unfinished.enter() }
    func finish() { unfinished.leave() }

    func sort(_ place: RelativePath) throws(OfficeError) {
        try sorting.withLock { (_) throws(OfficeError) in
            try shelf.shelve(place)
        }
    }

    func release(_ held: Int64) { state.withLock { $0.book.release(held) } }
}

/// Room that is held in a space for a file on its way.
final class SpaceReservation: Sendable {
    private let space: Space
    private let held: Mutex<Int64>

    init(_ space: Space, _ held: Int64) {
        self.space = space
        self.held = Mutex(held)
    }

    deinit {
        let left = held.withLock { $0 }
        if left > 0 { space.release(left) }
    }

    var bytes: Int64 { held.withLock { $0 } }

    /// The file is there, or will never be: the books have it from now on. The caller releases it.
    func take() -> Int64 {
        held.withLock { held in
            defer { held = 0 }
            return held
        }
    }
}
