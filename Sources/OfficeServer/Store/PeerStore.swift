import GRDB
import OfficeCore

/// Where members were reached last, kept over restarts: an office without multicast finds itself again.
struct PeerStore: Sendable {
    struct Reached: Sendable {
        var node: NodeID
        var endpoint: Endpoint
        var lastSeen: Timestamp
    }

    private let database: Database

    init(database: Database) { self.database = database }

    func all() async throws -> [Reached] {
        try await database.queue.read { db in
            try Row.fetchAll(db, sql: "SELECT node, host, port, lastSeen FROM peer").compactMap { row in
                guard let node = try? NodeID(hex: row["node"] as String) else { return nil }
                return Reached(
                    node: node, endpoint: Endpoint(host: row["host"], port: UInt16(clamping: row["port"] as Int)),
                    lastSeen: Timestamp(seconds: row["lastSeen"]))
            }
        }
    }

    func remember(_ node: NodeID, at endpoint: Endpoint, now: Timestamp) async throws {
        try await database.queue.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO peer (node, host, port, lastSeen) VALUES (?, ?, ?, ?)",
                arguments: [node.description, endpoint.host, Int(endpoint.port), now.time.seconds])
        }
    }

    func forgetAll() async throws {
        try await database.queue.write { try $0.execute(sql: "DELETE FROM peer") }
    }
}
