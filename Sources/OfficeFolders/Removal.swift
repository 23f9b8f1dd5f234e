import CLinux
import Glibc
package import OfficeCore

extension Folder {
    /// Removes a file, a link (never what it points to) or a folder; a folder with something in it only where
    /// `recursive`. What is only officeshare's own and not in use goes with an otherwise empty folder.
    ///
    /// Every directory on the way is opened anew beneath this one without following links, so whatever races it
    /// stays inside; other file systems mounted below are refused. Memory is flat, and bounded by the depth.
    /// Stops at the first thing that can't be removed.
    package func remove(_ path: RelativePath, recursive: Bool) throws(OfficeError) {
        let place = Place(try parent(of: path))
        let outcome = place.name.call { unlinkat(place.directory.number, $0, 0) }
        if outcome.succeeded { return }
        // POSIX has EPERM for a directory, Linux EISDIR; only of a directory there is more to try.
        guard let status = try place.directory.look(at: place.name, path.what), status.isDirectory else {
            throw outcome.error(path.what)
        }
        if recursive { return try Removal(Folder(of: place, path), path).run(place) }
        try removeEmpty(place, path)
    }

    /// rmdir, after taking away what of officeshare's own nobody uses, where there is nothing else.
    private func removeEmpty(_ place: Place, _ path: RelativePath) throws(OfficeError) {
        let outcome = place.removeDirectory()
        if outcome.succeeded { return }
        guard outcome.errno == ENOTEMPTY || outcome.errno == EEXIST else { throw outcome.error(path.what) }
        let reader = DirectoryReader(try Folder(of: place, path).directory(.root), what: path.what)
        while let next = try reader.next() {
            guard next.name.isReserved else { throw outcome.error(path.what) }
        }
        try reader.rewind()
        while let next = try reader.next() {
            try PartialFile.removeUnused(Place(reader.directory, next.name), path.what)
        }
        let again = place.removeDirectory()
        guard again.succeeded else { throw again.error(path.what) }
    }

    /// The directory at `place` itself (not where a link of that name points) as a folder.
    fileprivate convenience init(of place: Place, _ path: RelativePath) throws(OfficeError) {
        let outcome = place.name.call {
            os_openat2(
                place.directory.number, $0, UInt64(Flag.path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0,
                os_RESOLVE_BENEATH() | os_RESOLVE_NO_SYMLINKS() | os_RESOLVE_NO_XDEV())
        }
        guard outcome.succeeded else {
            throw outcome.errno == EXDEV ? .mountPoint(path.what) : outcome.error(path.what)
        }
        try self.init(root: Descriptor(owning: Int32(outcome.value)), path.what)
    }
}

extension Place {
    func removeDirectory() -> Outcome { name.call { unlinkat(directory.number, $0, AT_REMOVEDIR) } }
}

extension OfficeError {
    static func mountPoint(_ what: String) -> OfficeError {
        OfficeError(.notAllowed, what, "another file system is mounted there")
    }
}

/// The recursive removal of one folder: a walk in depth, with names instead of handles for what is above.
private struct Removal {
    /// Subfolders that are gone into before a directory is read again: bounds the memory for each level.
    private static let batch = 256
    /// How often a directory is read again into which others keep writing.
    private static let passes = 16

    private let root: Folder
    private let path: RelativePath

    init(_ root: Folder, _ path: RelativePath) {
        self.root = root
        self.path = path
    }

    /// One directory on the way down: the subfolders found in it and not yet removed.
    private struct Level {
        var path: RelativePath
        var pending: [FileName] = []
        /// How often it was not empty when all that had been found in it was removed.
        var surprises = 0
    }

    /// Empties the folder, then removes it from `place`.
    func run(_ place: Place) throws(OfficeError) {
        var levels = [Level(path: .root, pending: try empty(.root) ?? [])]
        while var level = levels.popLast() {
            guard let name = level.pending.popLast() else {
                if try finish(&level, place) { levels.append(level) }
                continue
            }
            guard let below = try? level.path.appending(name) else {
                levels.append(level)
                levels[0].pending.append(try raise(name, from: level.path))
                continue
            }
            let pending = try empty(below)
            if pending == nil { level.surprises += 1 }
            levels.append(level)
            if let pending { levels.append(Level(path: below, pending: pending)) }
        }
    }

    /// Removes a directory of which all that was found in it is gone; true where there is more in it by now.
    private func finish(_ level: inout Level, _ place: Place) throws(OfficeError) -> Bool {
        let outcome = try removeDirectory(level.path, place)
        switch outcome.errno {
        case 0, ENOENT: return false
        // Something else by now: the next pass over its parent removes it.
        case ENOTDIR where !level.path.isRoot: return false
        case ENOTEMPTY, EEXIST: break
        default: throw outcome.error(what(level.path))
        }
        level.pending = try empty(level.path) ?? []
        // Nothing to go into: then others wrote into it, and that is not waited for without end.
        if level.pending.isEmpty { level.surprises += 1 }
        guard level.surprises <= Self.passes else {
            throw OfficeError(.temporary, what(level.path), "others keep writing into it", mend: "Run the same again.")
        }
        return true
    }

    private func removeDirectory(_ below: RelativePath, _ place: Place) throws(OfficeError) -> Outcome {
        guard let name = below.last else { return place.removeDirectory() }
        guard let parent = try root.descend(below.parent, flags: Flag.path, what(below)) else {
            return Outcome(value: 0, errno: 0)
        }
        return Place(parent, name).removeDirectory()
    }

    /// Moves a directory that lies too deep for its path to be said directly below the root of the removal.
    private func raise(_ name: FileName, from below: RelativePath) throws(OfficeError) -> FileName {
        let raised = Temporary.unique()
        guard let parent = try root.descend(below, flags: Flag.path, what(below)) else { return raised }
        let target = Place(root.handle, raised)
        try Place(parent, name).rename(to: target, replacing: .never, from: what(below), what(below))
        return raised
    }

    /// Removes everything in a directory but subfolders, of which it answers some; nil where it is gone.
    private func empty(_ below: RelativePath) throws(OfficeError) -> [FileName]? {
        guard let directory = try root.descend(below, flags: O_RDONLY, what(below)) else { return nil }
        let reader = DirectoryReader(directory, what: what(below))
        var subfolders: [FileName] = []
        while subfolders.count < Self.batch, let next = try reader.next() {
            if next.type == UInt8(DT_DIR) {
                subfolders.append(next.name)
                continue
            }
            let outcome = next.name.call { unlinkat(directory.number, $0, 0) }
            switch outcome.errno {
            case 0, ENOENT: continue
            case EISDIR: subfolders.append(next.name)
            default: throw outcome.error((try? path.appending(below).appending(next.name))?.what ?? what(below))
            }
        }
        return subfolders
    }

    private func what(_ below: RelativePath) -> String { (try? path.appending(below))?.what ?? path.what }
}
