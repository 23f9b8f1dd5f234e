import OfficeCore
import OfficeFolders
import OfficeTransfer

#if canImport(Glibc)
    import Glibc
#endif

/// Contents on this node's disk that wait for somebody: a folder for each, named by a UUID, and in it the files under
/// their own names. All by handles; what is in one folder never reaches another.
struct ContentSpool: Sendable {
    /// Where it is, for the engines that begin at a path of this machine.
    let path: String
    private let home: Folder
    private let pool: WorkPool

    /// Opens or makes it (mode 0700).
    init(at path: String, pool: WorkPool) async throws {
        self.path = path
        self.pool = pool
        home = try await pool.run {
            mkdir(path, 0o700)
            return try Folder(at: Array(path.utf8))
        }
    }

    /// Makes a content's folder, durably; one that is there is as good.
    func make(_ id: DeliveryID) async throws -> Folder {
        try await pool.run { [home] in
            let path = try id.path
            do throws(OfficeError) {
                try home.makeDirectory(path)
                try home.sync(.root)
            } catch  where error.code == .exists {
                // Of an earlier try.
            }
            return try home.subfolder(path)
        }
    }

    func folder(_ id: DeliveryID) async throws -> Folder {
        try await pool.run { [home] in try home.subfolder(try id.path) }
    }

    /// What is under this name in a content's folder now; nil where nothing is.
    func entry(_ name: RelativePath, of id: DeliveryID) async -> Entry? {
        try? await pool.run { [home] in try home.entry(try id.path.appending(name)) }
    }

    /// Size and root of a file, made durable with its folder.
    func content(_ name: RelativePath, of id: DeliveryID, cache: any HashCache) async throws -> NamedContent {
        try await pool.run { [home] in
            let folder = try home.subfolder(try id.path)
            let file = try folder.open(name)
            try folder.sync(.root)
            return try NamedContent.of(file, cache: cache)
        }
    }

    /// The same, read and hashed whole, whatever was remembered of it.
    func reread(_ name: RelativePath, of id: DeliveryID, cache: any HashCache) async throws -> NamedContent {
        try await pool.run { [home] in
            let file = try home.subfolder(try id.path).open(name)
            cache.forget(file.identity)
            return try NamedContent.of(file, cache: cache)
        }
    }

    /// Bytes of all files of a content, and its first names.
    func measure(_ id: DeliveryID) async throws -> (bytes: Int64, names: [RelativePath]) {
        try await pool.run { [home] in
            let folder = try home.subfolder(try id.path)
            let listing = try folder.list(.root)
            var names: [RelativePath] = []
            while case let entries = try listing.next(upTo: 512), !entries.isEmpty { names += entries.map(\.path) }
            return (try folder.bytes(below: .root), names)
        }
    }

    func remove(_ id: DeliveryID) async {
        try? await pool.run { [home] in try home.remove(try id.path, recursive: true) }
    }

    /// Removes every content but these: what a crash left.
    func removeAll(except kept: Set<DeliveryID>) async throws {
        try await pool.run { [home] in
            let listing = try home.list(.root)
            var names: [RelativePath] = []
            while case let entries = try listing.next(upTo: 512), !entries.isEmpty { names += entries.map(\.path) }
            for name in names where (try? DeliveryID(name.description)).map(kept.contains) != true {
                try? home.remove(name, recursive: true)
            }
        }
    }
}
