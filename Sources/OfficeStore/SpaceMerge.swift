package import OfficeCore
package import OfficeFolders
package import OfficeTransfer

/// Brings into a space what another store of the office has of it. Each step may be done again: what is here is found.
/// All methods block.
package struct SpaceMerge: Sendable {
    /// Something that has a path there, or had.
    package struct Item: Sendable {
        package let path: RelativePath
        /// The name of a version; nil: it has the path.
        package let version: VersionName?
        package let entry: Entry
        /// Where it is in that store.
        package let place: RelativePath
        package var content: Content?
    }

    package let space: Space
    /// The other store's node, as people know it.
    private let node: String
    private let nodeID: String
    /// What people know an author as.
    private let display: @Sendable (Author) -> String
    private let hashes: any HashCache
    private let mayChange: @Sendable () throws(OfficeError) -> Void

    package init(
        _ space: Space, from node: NodeID, named name: String, display: @escaping @Sendable (Author) -> String,
        hashes: any HashCache, mayChange: @escaping @Sendable () throws(OfficeError) -> Void
    ) {
        self.space = space
        self.node = name
        nodeID = node.short
        self.display = display
        self.hashes = hashes
        self.mayChange = mayChange
    }

    /// Everything of a space in another store's listing: of its files, and of its versions.
    package static func items(
        files: [Entry], in folder: RelativePath, versions: [Entry], of space: Label
    ) throws(OfficeError) -> [Item] {
        var items: [Item] = []
        for entry in files {
            items.append(
                Item(path: entry.path, version: nil, entry: entry, place: try folder.appending(entry.path)))
        }
        let shelf = try Store.versionsPath(of: space)
        for entry in versions where entry.kind != .directory {
            guard let name = entry.path.last.flatMap(VersionName.init),
                let path = VersionShelf.path(ofShelf: entry.path.parent), !path.isRoot
            else { continue }
            items.append(Item(path: path, version: name, entry: entry, place: try shelf.appending(entry.path)))
        }
        return items
    }

    // MARK: What is here

    /// Whether the very version is here: by its name, which nothing else has, and size.
    package func has(_ item: Item) -> Bool {
        guard let name = item.version else { return false }
        return space.shelf.has(name, of: item.path, like: item.entry)
    }

    package func history(of path: RelativePath) throws(OfficeError) -> PathHistory {
        var history = PathHistory(current: try content(path, in: space.folder))
        for version in try space.shelf.versions(of: path) {
            if let content = try content(version.place, in: space.shelf.root) { history.versions.insert(content) }
        }
        return history
    }

    private func content(_ path: RelativePath, in folder: Folder) throws(OfficeError) -> Content? {
        do throws(OfficeError) {
            let entry = try folder.entry(path)
            if let target = entry.target { return .link(target) }
            guard entry.kind == .file else { return nil }
            return try contentRoot(of: try folder.open(path), cache: hashes, most: .max).map { .file($0) }
        } catch  where error.code == .notFound || error.code == .notAllowed {
            // Nothing, or what is no file; or a link on the way leads elsewhere.
            return nil
        }
    }

    /// The version that a file became when it was removed there: where that was the last that happened to it there, nothing
    /// of it is known here, and nothing happened to it here that isn't known there.
    ///
    /// - Parameters:
    ///   - unknown: What the other store has of the path, and this one hasn't.
    ///   - all: All that it has of it.
    package func removal(of path: RelativePath, _ unknown: [Item], of all: [Item]) throws(OfficeError) -> Item? {
        guard !all.contains(where: { $0.version == nil }),
            let last = all.max(by: { ($0.version?.number ?? 0) < ($1.version?.number ?? 0) }),
            last.version?.how == .removed, let removal = unknown.first(where: { $0.version == last.version })
        else { return nil }
        let theirs = Set(all.compactMap { $0.version?.fileName })
        let ours = try space.shelf.versions(of: path)
        guard ours.allSatisfy({ theirs.contains($0.name.fileName) }),
            let there = try? space.folder.entry(path), there.kind == removal.entry.kind,
            there.size == removal.entry.size, there.modified == removal.entry.modified
        else { return nil }
        return removal
    }

    // MARK: What comes

    /// Removes what was removed there. Not where somebody was faster, or has locked it: then it stays.
    package func remove(_ removal: Item) throws(OfficeError) -> Bool {
        guard let name = removal.version, let content = removal.content else { return false }
        return try writer(name.author).remove(removal.path, keepingAs: name) { () throws(OfficeError) in
            try self.content(removal.path, in: space.folder) == content
        }
    }

    /// A folder that was removed there goes once nothing is in it any more.
    package func removeIfEmpty(_ path: RelativePath) throws(OfficeError) {
        guard (try? space.folder.entry(path))?.kind == .directory else { return }
        do throws(OfficeError) {
            let writer = writer(nil)
            try writer.remove(path, recursive: false)
            try writer.sync(path.parent)
        } catch  where error.code == .exists || error.code == .notFound {
            return
        }
    }

    package func makeFolder(_ path: RelativePath) throws(OfficeError) { _ = try place(for: path, isFolder: true) }

    /// What became of something that came.
    package enum Place: Sendable { case known, named, beside }

    /// Numbers that are given from now on are none of the other store's, so that no version has another's name.
    package func pass(_ number: Int64) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in
            if number < state.nextNumber + Space.farthest { try space.passed(&state, number) }
        }
    }

    /// Gives what came its name, or one beside what has it.
    ///
    /// - Parameters:
    ///   - file: The content; nil of a link.
    ///   - base: What it was made from, where that is known to have the name here.
    package func bring(
        _ item: Item, _ file: ReadableFile?, author: Author?, base: Content?
    ) throws(OfficeError) -> Place {
        let path = try place(for: item.path, isFolder: false)
        let writer = writer(author)
        let there = try content(path, in: space.folder)
        if let content = item.content, there == content { return .known }
        if let target = item.entry.target { return try bring(link: target, at: path, there, item, writer, base: base) }
        guard let file, case .file(let root)? = item.content else { return .known }
        if base == nil, try writer.knownCopy(of: path, size: item.entry.size, root) != nil { return .known }
        let partial = try space.folder.partial(for: path, key: "merge")
        defer { partial.close() }
        try partial.setSize(0)
        try partial.fill(from: file)
        let made: ContentRoot = if case .file(let known)? = base { known } else { root }
        let name = try writer.commit(
            CompleteFile(
                partial: partial, path: path, size: item.entry.size, modified: item.entry.modified,
                executable: item.entry.executable, replacing: .never, base: made, root: root))
        try writer.sync(path.parent)
        return name == nil && path == item.path ? .named : .beside
    }

    private func bring(
        link target: [UInt8], at path: RelativePath, _ there: Content?, _ item: Item, _ writer: SpaceWriter,
        base: Content?
    ) throws(OfficeError) -> Place {
        let isFree = (try? space.folder.entry(path)) == nil
        guard !isFree, there == nil || there != base, let last = path.last else {
            try writer.makeSymlink(path, target: target, replacing: isFree ? .never : .always)
            try writer.sync(path.parent)
            return .named
        }
        let name = ConflictName(last, author: writer.authorName, seconds: item.entry.modified.seconds).name()
        let copy = try path.parent.appending(name)
        guard try content(copy, in: space.folder) != .link(target) else { return .known }
        try writer.makeSymlink(copy, target: target, replacing: .never)
        try writer.sync(path.parent)
        return .beside
    }

    /// Puts what the other store has among the versions of a path among them here.
    package func keep(_ item: Item, _ file: ReadableFile?) throws(OfficeError) {
        guard let name = item.version else { return }
        try writer(name.author).keepVersion(of: item.path, name, item.entry, file)
    }

    private func writer(_ author: Author?) -> SpaceWriter {
        SpaceWriter(
            space, author: author ?? Author(user: "", node: nodeID),
            authorName: author.map(display) ?? node, hashes: hashes,
            isExempt: true, mayChange: mayChange)
    }

    /// Where a path is here: with what is missing on the way made, and another name for a folder whose own a file has.
    private func place(for path: RelativePath, isFolder: Bool) throws(OfficeError) -> RelativePath {
        let writer = writer(nil)
        var way = RelativePath.root
        for name in isFolder ? path.components : path.parent.components {
            let parent = way
            way = try parent.appending(name)
            for _ in 0..<2 {
                do throws(OfficeError) {
                    try writer.makeDirectory(way)
                    try writer.sync(parent)
                } catch  where error.code == .exists {
                    if try space.folder.entry(way).kind == .directory { break }
                    way = try parent.appending(ConflictName(name, author: node, seconds: 0).name())
                    continue
                }
                break
            }
        }
        guard !isFolder, let last = path.last else { return way }
        return try way.appending(last)
    }
}
