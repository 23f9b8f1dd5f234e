package import OfficeCore
package import OfficeFolders
package import OfficeTransfer

/// One caller's changes of a space.
package struct SpaceWriter: FolderChanging {
    package let space: Space
    let author: Author
    /// As people know them.
    let authorName: String
    let hashes: any HashCache
    /// Told of a conflict, once it is written down.
    let noted: @Sendable () -> Void
    /// The name that what is replaced gets, where another store has given it one: this one is a copy of that.
    private let given: VersionName?
    private let isCopy: Bool
    /// No quota stops it.
    private let isExempt: Bool
    /// Throws where this node may change the space no longer: asked under the lock, before each change.
    let mayChange: @Sendable () throws(OfficeError) -> Void

    package init(
        _ space: Space, author: Author, authorName: String? = nil, hashes: any HashCache = MemoryHashCache(),
        isExempt: Bool = false, noted: @escaping @Sendable () -> Void = {},
        mayChange: @escaping @Sendable () throws(OfficeError) -> Void = {}
    ) {
        self.space = space
        self.author = author
        self.authorName = authorName ?? "\(author.user)@\(author.node)"
        self.hashes = hashes
        self.noted = noted
        given = nil
        isCopy = false
        self.isExempt = isExempt
        self.mayChange = mayChange
    }

    /// Does in a copy what was done in the store it is a copy of: no quota stops it, and what is replaced has its name.
    init(copying space: Space, keepingAs given: VersionName?) {
        self.space = space
        self.given = given
        author = given?.author ?? Author(user: "", node: "")
        authorName = ""
        hashes = MemoryHashCache()
        noted = {}
        isCopy = true
        isExempt = true
        mayChange = { () throws(OfficeError) in }
    }

    package var folder: Folder { space.folder }

    private func versionName(
        _ state: inout Space.State, _ how: VersionName.How
    ) throws(OfficeError) -> VersionName {
        guard isCopy else { return try space.versionName(&state, how, author) }
        guard let given else {
            throw OfficeError(.changed, space.name.description, "the copy has something that the store doesn't")
        }
        try space.passed(&state, given.number)
        return given
    }

    func note(_ change: StoreChange, content: ReadableFile? = nil) {
        if !isCopy { space.feed.note(change, content: content) }
    }

    // MARK: Files

    package func reserve(_ size: Int64, for path: RelativePath) throws(OfficeError) -> Reservation? {
        try mayChange()
        let existing = try entryIfAny(path)
        return try space.locked { (state) throws(OfficeError) in
            let held = try state.book.reserve(size - (existing?.bytes ?? 0), space.name, path.description)
            return SpaceReservation(space, held)
        }
    }

    @discardableResult
    package func commit(_ file: CompleteFile) throws(OfficeError) -> FileName? {
        let (path, partial) = (file.path, file.partial)
        try checkLock(path)
        try partial.settle(modified: file.modified, executable: file.executable, replacing: file.replacing)
        guard let base = file.base else {
            try space.locked { (state) throws(OfficeError) in try put(file, file.replacing, &state) }
            return nil
        }
        // Hashing takes its time, and is done before the lock is taken: who is faster meanwhile is looked at again.
        for _ in 0..<Self.looks {
            let seen = try look(at: path)
            let isDone = try space.locked { (state) throws(OfficeError) -> Bool in
                guard try identityIfAny(path) == seen?.identity else { return false }
                guard let seen else {
                    try put(file, .never, &state)
                    return true
                }
                guard seen.root == base || seen.root == file.root else { return false }
                try put(file, .ifUnchanged(seen.identity), &state)
                return true
            }
            if isDone { return nil }
            if let root = seen?.root, root != base, root != file.root { break }
        }
        return try putBeside(file)
    }

    /// Looks at a file that others change before what was seen last counts as changed.
    private static let looks = 8

    /// Gives a file the name that it is for, under the lock.
    private func put(_ file: CompleteFile, _ replacing: Replacement, _ state: inout Space.State) throws(OfficeError) {
        let path = file.path
        try mayChange(path, state)
        try checkPlace(of: file)
        let existing = try entryIfAny(path)
        try checkRoom(for: file, existing, &state)
        let content = try content(of: file)
        let kept = try replace(path, existing, replacing, &state) { (replacing) throws(OfficeError) in
            try file.partial.publish(replacing: replacing, durableDirectory: false)
        }
        account(for: file, existing, &state)
        note(file, at: path, content, kept: kept)
    }

    /// Open before it has its name: whoever follows needs this content, and not what has the name later.
    func content(of file: CompleteFile) throws(OfficeError) -> ReadableFile? {
        isCopy || !space.feed.isFollowed ? nil : try file.partial.reading()
    }

    func note(_ file: CompleteFile, at path: RelativePath, _ content: ReadableFile?, kept: VersionName?) {
        note(
            .file(
                space.name, path, size: file.size, modified: file.modified, executable: file.executable,
                kept: kept?.fileName), content: content)
    }

    private func identityIfAny(_ path: RelativePath) throws(OfficeError) -> FileIdentity? {
        do throws(OfficeError) {
            return try folder.identity(path)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    func checkPlace(of file: CompleteFile) throws(OfficeError) {
        guard try file.partial.isInPlace(in: folder) else {
            throw OfficeError(
                .temporary, file.path.description, "its folder was moved or removed meanwhile",
                mend: "Run the same again.")
        }
    }

    func checkRoom(
        for file: CompleteFile, _ existing: Entry?, _ state: inout Space.State
    ) throws(OfficeError) {
        if isExempt { return }
        let held = (file.reservation as? SpaceReservation)?.bytes ?? 0
        try state.book.checkRoom(
            for: file.size - (existing?.bytes ?? 0), besides: held, space.name, file.path.description)
    }

    func account(for file: CompleteFile, _ existing: Entry?, _ state: inout Space.State) {
        state.book.changed(files: existing == nil ? 1 : 0, bytes: file.size - (existing?.bytes ?? 0))
        if let reservation = file.reservation as? SpaceReservation { state.book.release(reservation.take()) }
    }

    /// Keeps what has the name, then has `publish` put the new in its place. Answers what it was kept as.
    private func replace(
        _ path: RelativePath, _ existing: Entry?, _ asked: Replacement, _ state: inout Space.State,
        _ publish: (Replacement) throws(OfficeError) -> Void
    ) throws(OfficeError) -> VersionName? {
        guard let existing else {
            if case .ifUnchanged = asked { throw changed(path) }
            try publish(.never)
            return nil
        }
        guard existing.kind != .directory else { throw occupied(path) }
        let before = try folder.identity(path)
        switch asked {
        case .never: throw occupied(path)
        case .always: break
        case .ifUnchanged(let identity): guard before == identity else { throw changed(path) }
        }
        let name = try versionName(&state, .replaced)
        try space.shelf.keep(path, of: folder, as: name, .link)
        do throws(OfficeError) {
            // A second name changes the inode: this is what has to be there still when the new one takes its place.
            let now = try folder.identity(path)
            guard now.isSameContent(as: before) else { throw changed(path) }
            try publish(existing.kind == .file ? .ifUnchanged(now) : .always)
        } catch {
            takeBack(path, before, name)
            throw error
        }
        return name
    }

    /// What was kept isn't needed where it still has its name.
    private func takeBack(_ path: RelativePath, _ before: FileIdentity, _ name: VersionName) {
        guard let there = try? folder.identity(path), (there.device, there.inode) == (before.device, before.inode)
        else {
            return
        }
        space.shelf.discard(path, name)
    }

    // MARK: Names

    package func makeDirectory(_ path: RelativePath) throws(OfficeError) {
        try space.locked { (_) throws(OfficeError) in
            try mayChange()
            try folder.makeDirectory(path)
            note(.folder(space.name, path))
        }
    }

    package func makeSymlink(
        _ path: RelativePath, target: [UInt8], replacing: Replacement
    ) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in
            try mayChange(path, state)
            let existing = try entryIfAny(path)
            let kept = try replace(path, existing, replacing, &state) { (replacing) throws(OfficeError) in
                try folder.makeSymlink(path, target: target, replacing: replacing)
            }
            state.book.changed(files: existing == nil ? 1 : 0, bytes: -(existing?.bytes ?? 0))
            note(.link(space.name, path, target: target, kept: kept?.fileName))
        }
    }

    package func move(_ from: RelativePath, to: RelativePath, replacing: Replacement) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in
            try mayChange(from, state)
            try mayChange(to, state)
            let existing = try entryIfAny(to)
            if let existing, from != to, existing.kind == .directory { throw occupied(to) }
            guard let existing, replacing == .always, from != to else {
                try folder.move(from, to: to, replacing: replacing)
                if from != to { note(.move(space.name, from, to: to, kept: nil)) }
                return
            }
            let source = try folder.entry(from)
            guard source.kind != .directory else { throw occupied(to) }
            let before = try folder.identity(to)
            let name = try versionName(&state, .replaced)
            try space.shelf.keep(to, of: folder, as: name, .link)
            do throws(OfficeError) {
                try folder.move(from, to: to, replacing: .always)
            } catch {
                takeBack(to, before, name)
                throw error
            }
            state.book.changed(files: -1, bytes: -existing.bytes)
            note(.move(space.name, from, to: to, kept: name.fileName))
        }
    }

    package func remove(_ path: RelativePath, recursive: Bool) throws(OfficeError) {
        let tree = try space.locked { (state) throws(OfficeError) -> RelativePath? in
            try mayChange(path, state)
            let existing = try folder.entry(path)
            if existing.kind == .directory, !recursive {
                try folder.removeEmptyFolder(path)
                note(.emptyFolderRemoved(space.name, path))
                return nil
            }
            let name = try versionName(&state, .removed)
            guard existing.kind == .directory || folder.staging != nil else {
                try space.shelf.keep(path, of: folder, as: name, .move)
                state.book.changed(files: -1, bytes: -existing.bytes)
                note(.removed(space.name, path, as: name.fileName))
                return nil
            }
            let contents =
                existing.kind == .directory
                ? try folder.subfolder(path).contents() : FolderContents(files: 1, bytes: existing.bytes)
            let tree = try space.shelf.takeTree(path, of: folder, as: name)
            state.book.changed(files: -contents.files, bytes: -contents.bytes)
            note(.removed(space.name, path, as: name.fileName))
            space.leaveUnfinished()
            return tree
        }
        guard let tree else { return }
        defer { space.finish() }
        try folder.sync(path.parent)
        try space.sort(tree)
    }

    package func setModified(_ path: RelativePath, _ time: FileTime) throws(OfficeError) {
        try space.locked { (_) throws(OfficeError) in
            try mayChange()
            try folder.setModified(path, time)
            note(.modified(space.name, path, time))
        }
    }

    package func setExecutable(_ path: RelativePath, _ executable: Bool) throws(OfficeError) {
        try space.locked { (_) throws(OfficeError) in
            try mayChange()
            try folder.setExecutable(path, executable)
            note(.executable(space.name, path, executable))
        }
    }

    /// What was kept comes first: no name is told to be another's before.
    package func sync(_ path: RelativePath) throws(OfficeError) {
        try space.shelf.sync()
        try folder.sync(path)
    }

    /// Throws where it isn't sure that this node still led the space when the last of it was done.
    package func confirm() throws(OfficeError) {
        try space.lease?.check()
        try space.feed.confirm()
    }

    // MARK: Locks

    private func checkLock(_ path: RelativePath) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in try state.locks.check(path, by: author, now: .now) }
    }

    /// Under the lock, before a change.
    private func mayChange(_ path: RelativePath, _ state: borrowing Space.State) throws(OfficeError) {
        try mayChange()
        try state.locks.check(path, by: author, now: .now)
    }

    // MARK: What is there

    func entryIfAny(_ path: RelativePath) throws(OfficeError) -> Entry? {
        do throws(OfficeError) {
            return try folder.entry(path)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    func occupied(_ path: RelativePath) -> OfficeError {
        OfficeError(.exists, path.description, "something of that name is there already")
    }

    private func changed(_ path: RelativePath) -> OfficeError {
        OfficeError(
            .changed, path.description, "it was changed or removed meanwhile",
            mend: "Look at it, and run the same again."
        )
    }
}

extension Entry {
    /// What it counts in a space's books: the size of a file.
    var bytes: Int64 { kind == .file ? size : 0 }
}
