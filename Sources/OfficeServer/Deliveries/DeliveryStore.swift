import GRDB
import OfficeCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The records of deliveries, in the node's database: what `write` has returned from survives a power cut.
struct DeliveryStore: Sendable {
    /// Whose record it is: a node may be a delivery's sender and its receiver.
    enum Box: String, Sendable { case outbox, inbox }

    private let database: Database

    init(database: Database) { self.database = database }

    static func createTable(_ db: GRDB.Database) throws {
        try db.create(table: "delivery") { table in
            table.autoIncrementedPrimaryKey("sequence")
            table.column("box", .text).notNull()
            table.column("id", .text).notNull()
            table.column("record", .text).notNull()
            table.uniqueKey(["box", "id"])
        }
    }

    /// All records of a box in the order of their coming.
    func all<Record: Decodable & Sendable>(_ box: Box, as type: Record.Type) async throws -> [Record] {
        let texts = try await database.queue.read { db in
            try String.fetchAll(
                db, sql: "SELECT record FROM delivery WHERE box = ? ORDER BY sequence", arguments: [box.rawValue])
        }
        return try texts.map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
    }

    /// Adds or replaces records, all of them or none; new ones come after all others.
    func write(_ records: [(id: DeliveryID, record: some Encodable & Sendable)], _ box: Box) async throws(OfficeError) {
        do {
            let texts = try records.map {
                ($0.id.description, String(decoding: try JSONEncoder().encode($0.record), as: UTF8.self))
            }
            try await database.queue.write { db in
                for (id, text) in texts {
                    try db.execute(
                        sql: """
                            INSERT INTO delivery (box, id, record) VALUES (?, ?, ?)
                            ON CONFLICT (box, id) DO UPDATE SET record = excluded.record
                            """, arguments: [box.rawValue, id, text])
                }
            }
        } catch {
            throw Self.failure(error)
        }
    }

    func remove(_ ids: [DeliveryID], _ box: Box) async throws(OfficeError) {
        guard !ids.isEmpty else { return }
        do {
            try await database.queue.write { db in
                for id in ids {
                    try db.execute(
                        sql: "DELETE FROM delivery WHERE box = ? AND id = ?",
                        arguments: [box.rawValue, id.description])
                }
            }
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: any Error) -> OfficeError {
        let isFull = (error as? DatabaseError)?.resultCode == .SQLITE_FULL
        return OfficeError(
            isFull ? .noSpace : .io, "this node", "its records can't be written (\(error))",
            mend: "Make room on the disk of its state directory.")
    }
}
