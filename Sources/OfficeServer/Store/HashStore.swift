import GRDB
import OfficeCore
import OfficeFolders
import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Leaf digests of large files, kept over restarts: nobody waits twice for the same hash.
///
/// A database of its own without fsync at each commit: what it loses is computed again. Small files are not kept:
/// they are hashed faster than they are looked up.
final class HashStore: HashCache {
    /// Bytes of a file from which its digests are kept.
    private static let smallestFile: Int64 = 4 << 20
    /// Files that are kept.
    private static let mostFiles = 20_000

    private let queue: DatabaseQueue

    init(at path: String) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            try db.execute(sql: "PRAGMA cache_size = -256")
        }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.write { db in
            try db.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS hash (
                        device INTEGER NOT NULL, inode INTEGER NOT NULL, token TEXT NOT NULL, leaves BLOB NOT NULL,
                        PRIMARY KEY (device, inode))
                    """)
        }
    }

    func leaves(of identity: FileIdentity) -> [Digest256]? {
        guard identity.size >= Self.smallestFile else { return nil }
        let blob: Data? = try? queue.read { db in
            try Data.fetchOne(
                db, sql: "SELECT leaves FROM hash WHERE device = ? AND inode = ? AND token = ?",
                arguments: [
                    Int64(bitPattern: identity.device), Int64(bitPattern: identity.inode), identity.token,
                ])
        }
        guard let bytes = blob.map([UInt8].init), bytes.count == BlockGeometry(size: identity.size).count * 32 else {
            return nil
        }
        return stride(from: 0, to: bytes.count, by: 32).compactMap { Digest256(bytes[$0..<$0 + 32]) }
    }

    func forget(_ identity: FileIdentity) {
        try? queue.write { db in
            try db.execute(
                sql: "DELETE FROM hash WHERE device = ? AND inode = ?",
                arguments: [Int64(bitPattern: identity.device), Int64(bitPattern: identity.inode)])
        }
    }

    func remember(_ leaves: [Digest256], of identity: FileIdentity) {
        guard identity.size >= Self.smallestFile else { return }
        let blob = Data(leaves.flatMap(\.bytes))
        // A cache that can't be written (a full disk) costs time, not truth.
        try? queue.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO hash (device, inode, token, leaves) VALUES (?, ?, ?, ?)",
                arguments: [
                    Int64(bitPattern: identity.device), Int64(bitPattern: identity.inode), identity.token, blob,
                ])
            try db.execute(
                sql: "DELETE FROM hash WHERE rowid <= (SELECT max(rowid) FROM hash) - ?", arguments: [Self.mostFiles])
        }
    }
}
