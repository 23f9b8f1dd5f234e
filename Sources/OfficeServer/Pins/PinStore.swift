import GRDB
import OfficeCore
import OfficeFolders
import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where pins are written down, and where their copies lie: plain files below the state directory.
struct PinStore: Sendable {
    let database: Database
    /// `pins` in the state directory.
    let root: [UInt8]

    init(database: Database, stateDirectory: String) {
        self.database = database
        root = Array((stateDirectory + "/pins").utf8)
    }

    func all() async throws -> [PinRecord] { try await database.queue.read { try PinRecord.fetchAll($0) } }
    func save(_ pin: PinRecord) async throws { try await database.queue.write { try pin.save($0) } }

    func remove(_ key: PinRecord.Key) async throws {
        try await database.queue.write { db in
            try db.execute(
                sql: "DELETE FROM pin WHERE owner = ? AND share = ?",
                arguments: [key.owner.description, Data(key.share.bytes)])
        }
    }

    /// The copy's folder: by ids, for names change.
    func path(of key: PinRecord.Key) -> [UInt8] { root + Array("/\(Self.name(of: key))".utf8) }

    private static func name(of key: PinRecord.Key) -> String {
        "\(key.owner.short)-\(hexEncoded(key.share.bytes))"
    }

    /// Sees to it that the copy's folder is there. Its path.
    func makeFolder(of key: PinRecord.Key, on pool: WorkPool) async throws -> [UInt8] {
        let (root, path, name) = (self.root, path(of: key), Self.name(of: key))
        try await pool.run {
            try StateDirectory.prepare(String(decoding: root, as: UTF8.self))
            let folder = try Folder(at: root)
            do {
                try folder.makeDirectory(try RelativePath([try FileName(name)]))
            } catch let error as OfficeError where error.code == .exists {}
        }
        return path
    }

    /// Removes what there is of a copy; there may be nothing.
    func removeCopy(of key: PinRecord.Key, on pool: WorkPool) async throws {
        let (root, name) = (self.root, Self.name(of: key))
        try await pool.run {
            do {
                try Folder(at: root).remove(try RelativePath([try FileName(name)]), recursive: true)
            } catch let error as OfficeError where error.code == .notFound {}
        }
    }
}
