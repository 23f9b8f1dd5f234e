package import OfficeCore
import OfficeFolders
import Synchronization

/// Where a space's replaced and removed files are: plain files, in folders that mirror the space's.
///
/// What had the path `letters/offer.odt` is in `in/letters/in/offer.odt/was`, one file a version; between them these two
/// words leave no name that a file of the space could take. A path too long for that has a folder named by its hash.
/// All methods block.
package final class VersionShelf: Sendable {
    private static let children = FileName(trusted: Array("in".utf8))
    private static let versions = FileName(trusted: Array("was".utf8))
    private static let deep = FileName(trusted: Array("deep".utf8))
    private static let gone = FileName(trusted: Array("gone".utf8))

    let root: Folder
    /// Bytes of all versions.
    private let total: Mutex<Int64>
    /// Folders with names that may not be on the disk yet.
    private let unsynced = Mutex<Set<RelativePath>>([])
    /// Held while they are brought there: whoever comes meanwhile waits for it, since it may be its own.
    private let syncing = Mutex<Void>(())

    /// - Parameter bytes: Of all versions, where that is known; nil: they are counted.
    init(root: Folder, bytes known: Int64? = nil) throws(OfficeError) {
        self.root = root
        if let known {
            total = Mutex(known)
            return
        }
        var bytes = try root.contents().bytes
        // What is not sorted yet counts once it is.
        if let unsorted = try? root.subfolder(try RelativePath([Self.gone])) { bytes -= try unsorted.contents().bytes }
        total = Mutex(bytes)
    }

    package var bytes: Int64 { total.withLock { $0 } }

    /// Takes what was counted, unless something was kept or went since; false then.
    func correct(_ counted: Int64, from before: Int64) -> Bool {
        total.withLock { total in
            guard total == before else { return false }
            total = counted
            return true
        }
    }

    // MARK: Places

    /// The folder of one path's versions.
    private func shelf(of path: RelativePath) throws(OfficeError) -> RelativePath {
        do throws(OfficeError) {
            return try RelativePath(path.components.flatMap { [Self.children, $0] } + [Self.versions])
        } catch {
            let hash = Digest256.of(path.bytes).hex
            return try RelativePath([Self.deep, try FileName(Array(hash.utf8)), Self.versions])
        }
    }

    /// Where things below a path are; nil of one that is too long to have any.
    private func branch(of path: RelativePath) -> RelativePath? {
        try? RelativePath(path.components.flatMap { [Self.children, $0] })
    }

    /// The path whose versions a shelf has.
    static func path(ofShelf place: RelativePath) -> RelativePath? {
        guard place.last == Self.versions else { return nil }
        let names = place.components.dropLast()
        guard names.count.isMultiple(of: 2), names.first == Self.children || names.isEmpty else { return nil }
        return try? RelativePath(names.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element))
    }

    // MARK: Keeping

    enum Taking {
        /// It stays where it is, too.
        case link
        case move
    }

    /// Keeps the file or link that is at `path`. It is named for good once `sync` was called.
    func keep(
        _ path: RelativePath, of folder: Folder, as name: VersionName, _ taking: Taking, origin: RelativePath? = nil
    ) throws(OfficeError) {
        let shelf = try shelf(of: origin ?? path)
        let place = try shelf.appending(try FileName(Array(name.fileName.utf8)))
        let size = try folder.entry(path).bytes
        do throws(OfficeError) {
            try take(path, folder, place, taking)
        } catch  where error.code == .notFound {
            try root.makeDirectories(shelf)
            noteUnsynced(shelf)
            try take(path, folder, place, taking)
        }
        total.withLock { $0 += size }
        unsynced.withLock { _ = $0.insert(shelf) }
    }

    private func take(
        _ path: RelativePath, _ folder: Folder, _ place: RelativePath, _ taking: Taking
    ) throws(OfficeError) {
        switch taking {
        case .link: try folder.link(path, into: root, as: place)
        case .move: try folder.move(path, into: root, as: place)
        }
    }

    /// Where the content of a version comes in that another store has kept.
    func partial(for name: VersionName, of path: RelativePath) throws(OfficeError) -> PartialFile {
        let place = try place(of: name, path)
        try root.makeDirectories(place.parent)
        noteUnsynced(place.parent)
        let partial = try root.partial(for: place, key: "merge")
        try partial.setSize(0)
        return partial
    }

    /// Gives such a content its name; of a link makes that. Answers whether it wasn't here already.
    func take(
        _ name: VersionName, of path: RelativePath, _ entry: Entry, _ content: PartialFile?
    ) throws(OfficeError) -> Bool {
        let place = try place(of: name, path)
        if entry.target != nil {
            try root.makeDirectories(place.parent)
            noteUnsynced(place.parent)
        }
        do throws(OfficeError) {
            if let target = entry.target {
                try root.makeSymlink(place, target: target)
            } else {
                try content?.commit(
                    modified: entry.modified, executable: entry.executable, replacing: .never, durableDirectory: false)
            }
        } catch  where error.code == .exists {
            try? content?.discard()
            return false
        }
        total.withLock { $0 += entry.bytes }
        unsynced.withLock { _ = $0.insert(place.parent) }
        return true
    }

    func has(_ name: VersionName, of path: RelativePath, like other: Entry) -> Bool {
        guard let place = try? place(of: name, path), let entry = try? root.entry(place) else { return false }
        return entry.size == other.size && entry.modified == other.modified && entry.target == other.target
    }

    private func place(of name: VersionName, _ path: RelativePath) throws(OfficeError) -> RelativePath {
        try shelf(of: path).appending(try FileName(Array(name.fileName.utf8)))
    }

    /// A version, open for reading; nil of a link.
    func open(_ name: VersionName, of path: RelativePath) -> ReadableFile? {
        (try? place(of: name, path)).flatMap { try? root.open($0) }
    }

    /// What was kept is not needed after all: what was to replace it did not.
    func discard(_ path: RelativePath, _ name: VersionName) {
        guard let shelf = try? shelf(of: path), let file = try? FileName(Array(name.fileName.utf8)),
            let place = try? shelf.appending(file), let size = try? root.entry(place).bytes,
            (try? root.remove(place, recursive: false)) != nil
        else { return }
        total.withLock { $0 -= size }
    }

    private func noteUnsynced(_ place: RelativePath) {
        unsynced.withLock { unsynced in
            var way = place
            while true {
                unsynced.insert(way)
                if way.isRoot { break }
                way = way.parent
            }
        }
    }

    /// Puts all that was kept on the disk.
    func sync() throws(OfficeError) {
        try syncing.withLock { (_) throws(OfficeError) in
            let places = unsynced.withLock { unsynced in
                defer { unsynced = [] }
                return unsynced
            }
            do throws(OfficeError) {
                for place in places {
                    do throws(OfficeError) {
                        try root.sync(place)
                    } catch  where error.code == .notFound {
                        // Thinned away meanwhile, with all that was in it.
                        continue
                    }
                }
            } catch {
                unsynced.withLock { $0.formUnion(places) }
                throw error
            }
        }
    }

    // MARK: Whole folders

    /// Where folders are that were taken and not sorted yet: what is taken away goes through the staging folder.
    private var takings: Folder { root.staging ?? root }

    /// Takes a folder with all that is in it, in one step; `shelve` sorts it afterwards, also after a crash. (Of a file the
    /// same, where names change by way of a staging folder.)
    func takeTree(_ path: RelativePath, of folder: Folder, as name: VersionName) throws(OfficeError) -> RelativePath {
        let place = try RelativePath([Self.gone, try FileName(Array(name.fileName.utf8))])
        let takings = takings
        try takings.makeDirectories(place)
        // The path is needed for sorting: on the disk before the tree is gone from its place.
        try takings.write(path.bytes, to: try place.appending(Self.record))
        try takings.sync(place.parent)
        try takings.sync(.root)
        try folder.move(path, into: takings, as: try place.appending(Self.tree))
        try takings.sync(place)
        return place
    }

    private static let record = FileName(trusted: Array("path".utf8))
    private static let tree = FileName(trusted: Array("tree".utf8))

    /// Sorts a folder that was taken: every file becomes a version of its own path, by the folder's number. (A path is
    /// in a folder once, so that no two versions of one have it; and a copy of the store sorts it the same.)
    func shelve(_ place: RelativePath) throws(OfficeError) {
        let takings = takings
        try keepTree(place, in: takings)
        try takings.remove(place, recursive: true)
    }

    /// Sorts what a writer before left in its staging folder; false where something has come there meanwhile.
    func recoverTakings(of staging: Folder) throws(OfficeError) -> Bool {
        let gone = try RelativePath([Self.gone])
        guard let listing = try staging.listingIfAny(gone) else { return true }
        var isClear = true
        while case let batch = try listing.next(upTo: 64), !batch.isEmpty {
            for entry in batch {
                let place = try gone.appending(entry.path)
                try keepTree(place, in: staging)
                // A tree that was here is the only one that ever comes here.
                let tree = try place.appending(Self.tree)
                if (try? staging.entry(tree)) != nil { try staging.remove(tree, recursive: true) }
                if try !staging.clear(place, of: [Self.record]) { isClear = false }
            }
        }
        return try staging.clear(gone, of: []) && isClear
    }

    private func keepTree(_ place: RelativePath, in takings: Folder) throws(OfficeError) {
        guard let taken = place.last.flatMap(VersionName.init) else { return }
        let record = try place.appending(Self.record)
        let tree = try place.appending(Self.tree)
        if let kind = try? takings.entry(tree).kind {
            let origin = try RelativePath(parsing: try takings.read(record, limit: RelativePath.maximumLength))
            guard kind == .directory else {
                try keep(tree, of: takings, as: taken, .move, origin: origin)
                return try sync()
            }
            let folder = try takings.subfolder(tree)
            // What is moved out of a folder while it is read may hide another name of it: until there is none.
            var moved = 1
            while moved > 0 {
                moved = 0
                try folder.walk { (below, _) throws(OfficeError) in
                    try keep(below, of: folder, as: taken, .move, origin: try origin.appending(below))
                    moved += 1
                }
            }
            try sync()
        }
    }

    /// Folders that were taken and not sorted: a crash came between.
    func unsorted() throws(OfficeError) -> [RelativePath] {
        let gone = try RelativePath([Self.gone])
        do throws(OfficeError) {
            let listing = try takings.list(gone)
            var places: [RelativePath] = []
            while case let batch = try listing.next(upTo: 256), !batch.isEmpty {
                for entry in batch { places.append(try gone.appending(entry.path)) }
            }
            return places
        } catch  where error.code == .notFound {
            return []
        }
    }

    // MARK: Looking

    /// The versions of a path, the newest first.
    package func versions(of path: RelativePath) throws(OfficeError) -> [KeptVersion] {
        let shelf = try shelf(of: path)
        do throws(OfficeError) {
            return try versions(in: shelf, of: path).reversed()
        } catch  where error.code == .notFound {
            return []
        }
    }

    /// Oldest first.
    private func versions(in shelf: RelativePath, of path: RelativePath) throws(OfficeError) -> [KeptVersion] {
        let listing = try root.list(shelf)
        var found: [KeptVersion] = []
        while case let batch = try listing.next(upTo: 256), !batch.isEmpty {
            for entry in batch where entry.kind != .directory {
                guard let name = entry.path.last.flatMap(VersionName.init) else { continue }
                found.append(
                    KeptVersion(name: name, path: path, entry: entry, place: try shelf.appending(entry.path)))
            }
        }
        return found.sorted { $0.name.number < $1.name.number }
    }

    /// The newest version of every path below a folder, at most `limit` of them.
    package func latest(below path: RelativePath, limit: Int) throws(OfficeError) -> [KeptVersion] {
        guard let branch = branch(of: path) else { return [] }
        var latest: [RelativePath: KeptVersion] = [:]
        do throws(OfficeError) {
            try root.subfolder(branch).walk { (below, entry) throws(OfficeError) in
                let place = try branch.appending(below)
                guard let name = place.last.flatMap(VersionName.init), let path = Self.path(ofShelf: place.parent),
                    (latest[path]?.name.number ?? 0) < name.number, latest.count < limit || latest[path] != nil
                else { return }
                latest[path] = KeptVersion(name: name, path: path, entry: entry, place: place)
            }
        } catch  where error.code == .notFound {
            return []
        }
        return latest.values.sorted { $0.path < $1.path }
    }

    // MARK: Thinning

    /// Takes away what the rule no longer keeps, then the oldest of all until no more than `most` bytes are left.
    /// Answers how many versions went.
    func thin(
        _ rule: Thinning, most: Int64, now: Int64, mayChange: () throws(OfficeError) -> Void
    ) throws(OfficeError) -> Int {
        var groups: [RelativePath: [(name: VersionName, file: FileName, size: Int64)]] = [:]
        try root.walk { (place, entry) throws(OfficeError) in
            guard place.parent.last == Self.versions, place.components.first != Self.gone, let file = place.last,
                let name = VersionName(file)
            else { return }
            groups[place.parent, default: []].append((name, file, entry.bytes))
        }
        var removed = 0
        var left: [(name: VersionName, place: RelativePath, size: Int64)] = []
        for (shelf, group) in groups {
            let group = group.sorted { $0.name.number < $1.name.number }
            let superfluous = Set(rule.superfluous(group.map(\.name.time), now: now))
            for (index, version) in group.enumerated() {
                let place = try shelf.appending(version.file)
                guard superfluous.contains(index) else {
                    left.append((version.name, place, version.size))
                    continue
                }
                try mayChange()
                try drop(place, version.size)
                removed += 1
            }
        }
        guard bytes > most else { return removed }
        for version in left.sorted(by: { $0.name.number < $1.name.number }) where bytes > most {
            try mayChange()
            try drop(version.place, version.size)
            removed += 1
        }
        return removed
    }

    private func drop(_ place: RelativePath, _ size: Int64) throws(OfficeError) {
        try root.remove(place, recursive: false)
        total.withLock { $0 -= size }
        // Folders that are empty now go, too.
        var way = place.parent
        while !way.isRoot, (try? root.remove(way, recursive: false)) != nil { way = way.parent }
    }
}
