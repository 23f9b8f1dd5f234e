package import OfficeCore
package import OfficeFolders
package import OfficeTransfer

/// One caller's changes of a space.
package struct SpaceWriter: FolderChanging {
    package let space: Space
    let author: Author
    /// Throws where this node may change the space no longer: asked under the lock, before each change.
    let mayChange: @Sendable () throws(OfficeError) -> Void

    package init(
        _ space: Space, author: Author, mayChange: @escaping @Sendable () throws(OfficeError) -> Void = {}
    ) {
        self.space = space
        self.author = author
        self.mayChange = mayChange
    }

    package var folder: Folder { space.folder }

    // MARK: Files

    package func reserve(_ size: Int64, for path: RelativePath) throws(OfficeError) -> Reservation? {
        try mayChange()
        let existing = try entryIfAny(path)
        return try space.locked { (state) throws(OfficeError) in
            let held = try state.book.reserve(size - (existing?.bytes ?? 0), space.name, path.description)
            return SpaceReservation(space, held)
        }
    }

    package func commit(_ file: CompleteFile) throws(OfficeError) {
        let (path, partial) = (file.path, file.partial)
        try partial.settle(modified: file.modified, executable: file.executable, replacing: file.replacing)
        let reservation = file.reservation as? SpaceReservation
        try space.locked { (state) throws(OfficeError) in
            try mayChange()
            guard try partial.isInPlace(in: folder) else {
                throw OfficeError(
                    .temporary, path.description, "its folder was moved or removed meanwhile",
                    mend: "Run the same again.")
            }
            let existing = try entryIfAny(path)
            let growth = file.size - (existing?.bytes ?? 0)
            try state.book.checkRoom(for: growth, besides: reservation?.bytes ?? 0, space.name, path.description)
            try replace(path, existing, file.replacing, &state) { (replacing) throws(OfficeError) in
                try partial.publish(replacing: replacing, durableDirectory: false)
            }
            state.book.changed(files: existing == nil ? 1 : 0, bytes: growth)
            if let reservation { state.book.release(reservation.take()) }
        }
    }

    /// Keeps what has the name, then has `publish` put the new in its place.
    private func replace(
        _ path: RelativePath, _ existing: Entry?, _ asked: Replacement, _ state: inout Space.State,
        _ publish: (Replacement) throws(OfficeError) -> Void
    ) throws(OfficeError) {
        guard let existing else {
            if case .ifUnchanged = asked { throw changed(path) }
            return try publish(.never)
        }
        guard existing.kind != .directory else { throw occupied(path) }
        let before = try folder.identity(path)
        switch asked {
        case .never: throw occupied(path)
        case .always: break
        case .ifUnchanged(let identity): guard before == identity else { throw changed(path) }
        }
        let name = try space.versionName(&state, .replaced, author)
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
        }
    }

    package func makeSymlink(
        _ path: RelativePath, target: [UInt8], replacing: Replacement
    ) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in
            try mayChange()
            let existing = try entryIfAny(path)
            try replace(path, existing, replacing, &state) { (replacing) throws(OfficeError) in
                try folder.makeSymlink(path, target: target, replacing: replacing)
            }
            state.book.changed(files: existing == nil ? 1 : 0, bytes: -(existing?.bytes ?? 0))
        }
    }

    package func move(_ from: RelativePath, to: RelativePath, replacing: Replacement) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in
            try mayChange()
            let existing = try entryIfAny(to)
            guard let existing, existing.kind != .directory, replacing == .always, from != to else {
                return try folder.move(from, to: to, replacing: replacing)
            }
            let source = try folder.entry(from)
            guard source.kind != .directory else { throw occupied(to) }
            let before = try folder.identity(to)
            let name = try space.versionName(&state, .replaced, author)
            try space.shelf.keep(to, of: folder, as: name, .link)
            do throws(OfficeError) {
                try folder.move(from, to: to, replacing: .always)
            } catch {
                takeBack(to, before, name)
                throw error
            }
            state.book.changed(files: -1, bytes: -existing.bytes)
        }
    }

    package func remove(_ path: RelativePath, recursive: Bool) throws(OfficeError) {
        let tree = try space.locked { (state) throws(OfficeError) -> RelativePath? in
            try mayChange()
            let existing = try folder.entry(path)
            let name = try space.versionName(&state, .removed, author)
            guard existing.kind == .directory else {
                try space.shelf.keep(path, of: folder, as: name, .move)
                state.book.changed(files: -1, bytes: -existing.bytes)
                return nil
            }
            guard recursive else {
                try folder.remove(path, recursive: false)
                return nil
            }
            let contents = try folder.subfolder(path).contents()
            let tree = try space.shelf.takeTree(path, of: folder, as: name)
            state.book.changed(files: -contents.files, bytes: -contents.bytes)
            return tree
        }
        guard let tree else { return }
        try folder.sync(path.parent)
        try space.sort(tree)
    }

    package func setModified(_ path: RelativePath, _ time: FileTime) throws(OfficeError) {
        try space.locked { (_) throws(OfficeError) in
            try mayChange()
            try folder.setModified(path, time)
        }
    }

    package func setExecutable(_ path: RelativePath, _ executable: Bool) throws(OfficeError) {
        try space.locked { (_) throws(OfficeError) in
            try mayChange()
            try folder.setExecutable(path, executable)
        }
    }

    /// What was kept comes first: no name is told to be another's before.
    package func sync(_ path: RelativePath) throws(OfficeError) {
        try space.shelf.sync()
        try folder.sync(path)
    }

    // MARK: What is there

    private func entryIfAny(_ path: RelativePath) throws(OfficeError) -> Entry? {
        do throws(OfficeError) {
            return try folder.entry(path)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    private func occupied(_ path: RelativePath) -> OfficeError {
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
