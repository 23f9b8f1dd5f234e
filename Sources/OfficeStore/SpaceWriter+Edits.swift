import OfficeCore
import OfficeFolders
import OfficeTransfer

// Edits that were made from what somebody else has replaced since, and what other stores have.

extension SpaceWriter {
    /// What has the name is somebody else's edit of the same base: both stay.
    func putBeside(_ file: CompleteFile) throws(OfficeError) -> FileName {
        guard let last = file.path.last else { throw occupied(file.path) }
        let conflict = ConflictName(last, author: authorName, seconds: FileTime.now.seconds)
        if let root = file.root, let known = try copy(like: conflict, of: file.path, size: file.size, root) {
            try file.partial.discard()
            return known
        }
        let name = try space.locked { (state) throws(OfficeError) -> FileName in
            try mayChange()
            try checkPlace(of: file)
            try checkRoom(for: file, nil, &state)
            for number in 1...Self.namesTried {
                let name = conflict.name(number: number)
                guard try entryIfAny(try file.path.parent.appending(name)) == nil else { continue }
                let content = try content(of: file)
                try file.partial.publish(as: name, replacing: .never, durableDirectory: false)
                account(for: file, nil, &state)
                note(file, at: try file.path.parent.appending(name), content, kept: nil)
                return name
            }
            throw occupied(file.path)
        }
        let told = Conflict(
            path: file.path, copy: try file.path.parent.appending(name), author: author,
            other: try? space.shelf.versions(of: file.path).first?.name.author, seconds: FileTime.now.seconds)
        space.conflicts.note(told)
        note(.conflict(space.name, told))
        noted()
        return name
    }

    private static let namesTried = 1000

    /// The copy that an earlier try of the same upload has made, where its answer was lost.
    func knownCopy(of path: RelativePath, size: Int64, _ root: ContentRoot) throws(OfficeError) -> FileName? {
        guard let last = path.last else { return nil }
        return try copy(like: ConflictName(last, author: authorName, seconds: 0), of: path, size: size, root)
    }

    private func copy(
        like conflict: ConflictName, of path: RelativePath, size: Int64, _ root: ContentRoot
    ) throws(OfficeError) -> FileName? {
        let listing = try folder.list(path.parent)
        while case let batch = try listing.next(upTo: 256), !batch.isEmpty {
            for entry in batch where entry.kind == .file && entry.size == size {
                guard let name = entry.path.last, conflict.mayHaveMade(name),
                    try look(at: try path.parent.appending(name))?.root == root
                else { continue }
                return name
            }
        }
        return nil
    }

    /// What is at the path, hashed; nil where nothing is. What is no file has no root.
    func look(at path: RelativePath) throws(OfficeError) -> (identity: FileIdentity, root: ContentRoot?)? {
        guard let entry = try entryIfAny(path) else { return nil }
        guard entry.kind == .file else { return (try folder.identity(path), nil) }
        do throws(OfficeError) {
            let opened = try folder.open(path)
            return (opened.identity, try contentRoot(of: opened, cache: hashes, most: .max))
        } catch  where error.code == .notFound || error.code == .changed {
            return (try folder.identity(path), nil)
        }
    }

    /// Removes what another store has removed, by the name that it is kept by there. Answers whether it is gone: not where
    /// it has changed since `isSame` looked, or somebody has locked it.
    func remove(
        _ path: RelativePath, keepingAs theirs: VersionName, _ isSame: () throws(OfficeError) -> Bool
    ) throws(OfficeError) -> Bool {
        try mayChange()
        guard let seen = try? folder.identity(path), try isSame() else { return false }
        let name = try space.name(for: theirs, of: path)
        let isGone = try space.locked { (state) throws(OfficeError) -> Bool in
            try mayChange()
            guard (try? state.locks.check(path, by: author, now: .now)) != nil, let existing = try entryIfAny(path),
                try folder.identity(path) == seen
            else { return false }
            try space.shelf.keep(path, of: folder, as: name, .move)
            state.book.changed(files: -1, bytes: -existing.bytes)
            note(.removed(space.name, path, as: name.fileName))
            return true
        }
        if isGone { try sync(path.parent) }
        return isGone
    }

    /// Keeps what another store has kept of a path.
    func keepVersion(
        of path: RelativePath, _ theirs: VersionName, _ entry: Entry, _ file: ReadableFile?
    ) throws(OfficeError) {
        try mayChange()
        let name = try space.name(for: theirs, of: path)
        let content = try file.map { (file) throws(OfficeError) -> PartialFile in
            let partial = try space.shelf.partial(for: name, of: path)
            try partial.fill(from: file)
            return partial
        }
        defer { content?.close() }
        try space.locked { (_) throws(OfficeError) in
            try mayChange()
            guard try space.shelf.take(name, of: path, entry, content) else { return }
            note(
                .version(
                    space.name, path, as: name.fileName, size: entry.bytes, modified: entry.modified,
                    executable: entry.executable, target: entry.target),
                content: space.feed.isFollowed ? space.shelf.open(name, of: path) : nil)
        }
        try space.shelf.sync()
    }
}
