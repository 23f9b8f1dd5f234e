package import OfficeCore
import OfficeFolders
package import OfficeTransfer
import OfficeTrust

/// Brings into a store what another store of the office has, whose node was the file server while this one's was, too.
///
/// The other store is only read. What is here already is told by content, so that the same again, after whatever broke it
/// off, goes on where it was; only what is missing moves.
package struct StoreMerge: Sendable {
    /// What came.
    package struct Summary: Codable, Sendable, Equatable {
        /// Files and links that have their names.
        package var files = 0
        /// Those that are beside what has their name.
        package var conflicts = 0
        package var versions = 0
        /// Files that went here, for they were removed there. Nodes of before don't say.
        package var removals: Int?
        package init() {}
    }

    private static let pathsAtOnce = 256
    private static let longestRecord = 1 << 20

    private let store: Store
    private let node: NodeID
    private let name: Label
    private let tree: RemoteTree
    private let downloader: Downloader
    private let pool: WorkPool
    private let hashes: any HashCache
    private let display: @Sendable (Author) -> String
    private let mayChange: @Sendable () throws(OfficeError) -> Void
    /// Told once a space is done: there may be conflicts.
    private let noted: @Sendable () -> Void

    /// - Parameters:
    ///   - node: Whose the other store is, and its name.
    ///   - transport: Leads to that store's folder.
    package init(
        into store: Store, from node: NodeID, named name: Label, transport: some ShareTransport, pool: WorkPool,
        hashes: any HashCache,
        display: @escaping @Sendable (Author) -> String = { "\($0.user)@\($0.node)" },
        noted: @escaping @Sendable () -> Void = {},
        mayChange: @escaping @Sendable () throws(OfficeError) -> Void
    ) throws(OfficeError) {
        self.store = store
        self.node = node
        self.name = name
        self.pool = pool
        self.hashes = hashes
        self.display = display
        self.noted = noted
        self.mayChange = mayChange
        var options = TransferOptions()
        options.patience = .seconds(30)
        tree = RemoteTree(
            RemotePlace(node: name, share: try Label("store")), transport: transport, pool: pool, options: options)
        downloader = Downloader(transport: transport, pool: pool, options: options)
    }

    /// Returns once everything is here, and wherever else it has to be.
    package func run() async throws -> Summary {
        var summary = Summary()
        let store = store
        let staging = try await pool.run {
            let place = try RelativePath([Store.incomingFolder])
            try store.root.makeDirectories(place)
            return try store.root.subfolder(place)
        }
        for record in try await records(staging) {
            let space = try await pool.run { try Self.space(record, in: store, mayChange) }
            try await bring(record, into: space, staging, &summary)
            noted()
        }
        try await pool.run {
            try store.root.remove(try RelativePath([Store.incomingFolder]), recursive: true)
            try store.feed.confirm()
        }
        return summary
    }

    /// The space here; where there is none of that name (any more), one as it was there.
    private static func space(
        _ record: SpaceRecord, in store: Store, _ mayChange: () throws(OfficeError) -> Void
    ) throws(OfficeError) -> Space {
        try mayChange()
        if store.record(of: record.name) == nil {
            _ = try store.add(record.name, access: record.access, quota: record.quota, from: record.from)
        }
        return try store.space(record.name)
    }

    // MARK: Looking

    private func records(_ staging: Folder) async throws -> [SpaceRecord] {
        let folder = try RelativePath([Store.recordFolder])
        let entries = try await tree.entries(below: folder).filter { entry in
            entry.kind == .file && entry.size <= Self.longestRecord
                && entry.path.last?.bytes.suffix(5).elementsEqual(".json".utf8) == true
        }
        let places = try entries.map { try folder.appending($0.path) }
        let contents = try await tree.contents(of: places)
        var records: [SpaceRecord] = []
        for place in places {
            guard let content = contents[place] else { throw Self.changed(place) }
            let file = try await fetch(content, place, staging)
            records.append(
                try await pool.run {
                    var bytes = [UInt8](repeating: 0, count: Int(content.size))
                    _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
                    return try StoreJSON.decode(SpaceRecord.self, bytes, place.description)
                })
        }
        // Of a share that hadn't come whole, its owner has everything.
        return records.filter { $0.isMoving != true }
    }

    private func bring(
        _ record: SpaceRecord, into space: Space, _ staging: Folder, _ summary: inout Summary
    ) async throws {
        let files = try await tree.entries(below: record.folder)
        let versions = try await self.versions(of: record.name)
        let items = try SpaceMerge.items(files: files, in: record.folder, versions: versions, of: record.name)
        let merge = SpaceMerge(
            space, from: node, named: name.description, display: display, hashes: hashes, mayChange: mayChange)
        let last = items.compactMap(\.version?.number).max() ?? 0
        try await pool.run { try merge.pass(last) }
        var groups: [RelativePath: [SpaceMerge.Item]] = [:]
        for item in items where item.entry.kind != .directory { groups[item.path, default: []].append(item) }
        let paths = groups.keys.sorted()
        for first in stride(from: 0, to: paths.count, by: Self.pathsAtOnce) {
            let part = paths[first..<min(first + Self.pathsAtOnce, paths.count)].map { ($0, groups[$0] ?? []) }
            try await bring(part, merge, staging, &summary)
        }
        let folders = Self.emptyFolders(items)
        let left = Self.foldersLeft(items)
        try await pool.run {
            for folder in folders { try merge.makeFolder(folder) }
            for folder in left { try merge.removeIfEmpty(folder) }
        }
    }

    private func versions(of space: Label) async throws -> [Entry] {
        do {
            return try await tree.entries(below: try Store.versionsPath(of: space))
        } catch let error as OfficeError where error.code == .notFound {
            return []
        }
    }

    /// Folders with nothing in them: all others are made by what is.
    private static func emptyFolders(_ items: [SpaceMerge.Item]) -> [RelativePath] {
        let present = items.filter { $0.version == nil }
        let parents = Set(present.map(\.path.parent))
        return present.filter { $0.entry.kind == .directory && !parents.contains($0.path) }.map(\.path)
    }

    /// Folders that were there and are not any more, the deepest first: something that was in them was removed.
    private static func foldersLeft(_ items: [SpaceMerge.Item]) -> [RelativePath] {
        let there = Set(items.filter { $0.version == nil && $0.entry.kind == .directory }.map(\.path))
        var left: Set<RelativePath> = []
        for item in items where item.version?.how == .removed {
            var way = item.path.parent
            while !way.isRoot, !there.contains(way), left.insert(way).inserted { way = way.parent }
        }
        return left.sorted { $0.components.count > $1.components.count }
    }

    // MARK: Bringing

    private func bring(
        _ groups: [(path: RelativePath, items: [SpaceMerge.Item])], _ merge: SpaceMerge, _ staging: Folder,
        _ summary: inout Summary
    ) async throws {
        // What is here by name, as a version, isn't asked about.
        let open = try await pool.run {
            groups.map { (group: $0, items: $0.items.filter { item in !merge.has(item) }) }
        }
        let places = open.flatMap(\.items).filter { $0.entry.kind == .file }.map(\.place)
        let contents = try await tree.contents(of: places)
        for group in open where !group.items.isEmpty {
            var items = group.items
            for index in items.indices {
                if let target = items[index].entry.target {
                    items[index].content = .link(target)
                } else if let content = contents[items[index].place] {
                    items[index].content = .file(content.root)
                } else {
                    throw Self.changed(items[index].place)
                }
            }
            try await bring(
                group.group.path, items, of: group.group.items, contents, merge, staging, &summary)
        }
    }

    private func bring(
        _ path: RelativePath, _ items: [SpaceMerge.Item], of all: [SpaceMerge.Item],
        _ contents: [RelativePath: NamedContent], _ merge: SpaceMerge, _ staging: Folder, _ summary: inout Summary
    ) async throws {
        let ours = try await pool.run { try merge.history(of: path) }
        let current = items.first { $0.version == nil }
        var theirs = PathHistory(
            current: current?.content, versions: Set(items.filter { $0.version != nil }.compactMap(\.content)))
        let removal = try await pool.run { try merge.removal(of: path, items, of: all) }
        theirs.removed = removal?.content
        var missing = MergeStep.missing(theirs: theirs, ours: ours)
        let step = MergeStep(theirs: theirs, ours: ours)
        if step == .remove, let removal, let content = removal.content,
            try await pool.run({ try merge.remove(removal) })
        {
            // It is kept by the name that it has there.
            missing.remove(content)
            summary.removals = (summary.removals ?? 0) + 1
        }
        let kept = items.filter { $0.version != nil }.sorted { ($0.version?.number ?? 0) < ($1.version?.number ?? 0) }
        for item in kept {
            guard let content = item.content, missing.remove(content) != nil else { continue }
            let file = try await fetchIfAny(contents[item.place], item.place, staging)
            try await pool.run { try merge.keep(item, file) }
            summary.versions += 1
            try await discard(contents[item.place], staging)
        }
        guard let current, step != .known, step != .remove else { return }
        let file = try await fetchIfAny(contents[current.place], current.place, staging)
        let place = try await pool.run {
            try merge.bring(current, file, author: Self.author(all), base: step == .replace ? ours.current : nil)
        }
        switch place {
        case .known: break
        case .named: summary.files += 1
        case .beside: summary.conflicts += 1
        }
        try await discard(contents[current.place], staging)
    }

    /// Who replaced the last version wrote what has the name.
    private static func author(_ items: [SpaceMerge.Item]) -> Author? {
        items.compactMap(\.version).filter { $0.how == .replaced }.max { $0.number < $1.number }?.author
    }

    // MARK: Contents

    private func fetch(
        _ content: NamedContent, _ place: RelativePath, _ staging: Folder
    ) async throws -> ReadableFile {
        let path = try Self.staged(content)
        let source = RemotePlace(node: name, share: try Label("store"), path: place)
        let summary = await downloader.fetch(content, from: source, to: path, in: staging)
        if let failed = summary.failed.first { throw failed.error.about(failed.path) }
        if let code = summary.failure { throw OfficeError(code, place.description, "it didn't come") }
        return try await pool.run { try staging.open(path) }
    }

    /// nil of a link, which has no content.
    private func fetchIfAny(
        _ content: NamedContent?, _ place: RelativePath, _ staging: Folder
    ) async throws -> ReadableFile? {
        guard let content else { return nil }
        return try await fetch(content, place, staging)
    }

    private func discard(_ content: NamedContent?, _ staging: Folder) async throws {
        guard let content else { return }
        try await pool.run {
            do throws(OfficeError) {
                try staging.remove(try Self.staged(content), recursive: false)
            } catch  where error.code == .notFound {
                return
            }
        }
    }

    private static func staged(_ content: NamedContent) throws(OfficeError) -> RelativePath {
        try RelativePath([try FileName(content.root.description)])
    }

    private static func changed(_ place: RelativePath) -> OfficeError {
        OfficeError(.temporary, place.description, "it can't be read there, or changes", mend: "It is tried again.")
    }
}
