import OfficeCore
import OfficeFolders
import OfficeTransfer

/// Large files of this node's own shares by their content: what others read elsewhere may be here as well.
///
/// Nothing is hashed for that but what a member asks after and has the same size, one file at a time, in the background:
/// whoever asks again hears of it then. Bounded: entries that are looked at, files that are remembered, and how often.
actor OwnContents {
    struct Limits: Sendable {
        /// Entries of all shares that one look goes through.
        var entries = 200_000
        /// Files that are remembered from it.
        var files = 20_000
        /// Files of one size that are hashed.
        var alike = 8
        /// Contents that were found and are remembered.
        var contents = 1024
        /// How long a look is good.
        var freshness = Duration.seconds(30)
    }

    /// Bytes from which it matters: the digests of smaller ones aren't kept.
    static let smallestFile: Int64 = 4 << 20

    private struct Place: Hashable, Sendable {
        let share: Label
        let path: RelativePath
    }

    /// A file that has the content, as far as its identity and what was hashed of it say.
    struct Found: Sendable {
        let file: ReadableFile
        let leaves: [Digest256]
    }

    private let folders: @Sendable () async -> [(Label, Folder)]
    private let hashes: any HashCache
    private let limits: Limits
    private let pool = WorkPool(threads: 1, syncThreads: 1)
    private var places: [Int64: [Place]] = [:]
    private var looked: ContinuousClock.Instant?
    /// Of contents that were found.
    private var sizes: [ContentRoot: Int64] = [:]
    /// Sizes whose files are being hashed, or are to be: one after another.
    private var hashing: Set<Int64> = []

    init(
        folders: @escaping @Sendable () async -> [(Label, Folder)], hashes: any HashCache, limits: Limits = Limits()
    ) {
        self.folders = folders
        self.hashes = hashes
        self.limits = limits
    }

    /// The same of a content that was found before.
    func find(_ root: ContentRoot) async -> Found? {
        guard let size = sizes[root] else { return nil }
        return await find(root, size: size)
    }

    /// A file with just that content; nil where there is none, or where that isn't known yet: then it is found out.
    func find(_ root: ContentRoot, size: Int64) async -> Found? {
        guard size >= Self.smallestFile else { return nil }
        let shared = await folders()
        await look(into: shared)
        let alike = Array((places[size] ?? []).prefix(limits.alike))
        guard !alike.isEmpty else { return nil }
        let (hashes, all) = (self.hashes, Dictionary(shared) { first, _ in first })
        let known = try? await pool.run { () -> (found: Found?, isAll: Bool) in
            var isAll = true
            for place in alike {
                guard let file = try? all[place.share]?.open(place.path), file.identity.size == size else { continue }
                guard let leaves = hashes.leaves(of: file.identity) else {
                    isAll = false
                    continue
                }
                if MerkleTree.root(size: size, leaves: leaves) == root {
                    return (Found(file: file, leaves: leaves), true)
                }
            }
            return (nil, isAll)
        }
        if known?.isAll == false { hash(alike, size, in: all) }
        if known?.found != nil {
            if sizes.count >= limits.contents { sizes = [:] }
            sizes[root] = size
        }
        return known?.found
    }

    /// What was remembered of a file isn't what is read of it: it is hashed anew before it is handed out again.
    nonisolated func doubt(_ file: ReadableFile) { hashes.forget(file.identity) }

    private func hash(_ alike: [Place], _ size: Int64, in folders: [Label: Folder]) {
        guard hashing.insert(size).inserted else { return }
        let (pool, hashes) = (self.pool, self.hashes)
        Task {
            for place in alike {
                try? await pool.run {
                    guard let file = try folders[place.share]?.open(place.path), file.identity.size == size else {
                        return
                    }
                    _ = try NamedContent.of(file, cache: hashes)
                }
            }
            self.hashed(size)
        }
    }

    private func hashed(_ size: Int64) { hashing.remove(size) }

    private func look(into folders: [(Label, Folder)]) async {
        let limits = self.limits
        guard looked.map({ ContinuousClock.now - $0 > limits.freshness }) ?? true else { return }
        looked = .now
        let found = try? await pool.run {
            var (places, entries, files): ([Int64: [Place]], Int, Int) = ([:], limits.entries, limits.files)
            for (share, folder) in folders {
                for (path, size) in folder.files(from: Self.smallestFile, most: files, within: &entries) {
                    places[size, default: []].append(Place(share: share, path: path))
                    files -= 1
                }
            }
            return places
        }
        places = found ?? [:]
    }
}
