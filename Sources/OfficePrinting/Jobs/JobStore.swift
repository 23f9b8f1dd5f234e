import GRDB
package import OfficeCore
package import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The records of print jobs, in SQLite: what `write` has returned from survives a power cut.
package struct JobStore: Sendable {
    /// Whose record it is: a node may be a job's submitter and its owner.
    package enum Role: String, Sendable { case submitted, received }

    private let queue: DatabaseQueue

    package init(at path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA cache_size = -512")
        }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 jobs, shared queues, defaults") { db in
            try db.create(table: "job") { table in
                table.autoIncrementedPrimaryKey("sequence")
                table.column("role", .text).notNull()
                table.column("id", .text).notNull()
                table.column("record", .text).notNull()
                table.uniqueKey(["role", "id"])
            }
            try db.create(table: "queue") { table in
                table.primaryKey("name", .text)
                table.column("access", .text).notNull()
            }
            try db.create(table: "defaultQueue") { table in
                table.primaryKey("user", .integer)
                table.column("node", .text).notNull()
                table.column("queue", .text).notNull()
            }
            try db.create(table: "toldQueues") { table in
                table.primaryKey("node", .text)
                table.column("queues", .text).notNull()
            }
        }
        migrator.registerMigration("2 queued jobs, job numbers") { db in
            try db.execute(
                sql: """
                    UPDATE job SET record = json_set(record, '$.isAtOpenGate', json('false'), '$.stage',
                        replace(json_extract(record, '$.stage'), 'sending', 'submitted')) WHERE role = ?
                    """, arguments: [Role.received.rawValue])
            try db.create(table: "jobNumber") { table in
                table.autoIncrementedPrimaryKey("number")
                table.column("id", .text).notNull().unique()
            }
        }
        try migrator.migrate(queue)
    }

    // MARK: Jobs

    /// All records of a role in the order of their coming.
    package func all<Record: Decodable & Sendable>(_ role: Role, as type: Record.Type) async throws -> [Record] {
        let texts = try await queue.read { db in
            try String.fetchAll(
                db, sql: "SELECT record FROM job WHERE role = ? ORDER BY sequence", arguments: [role.rawValue])
        }
        return try texts.map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
    }

    /// Adds or replaces one record; a new one comes after all others.
    package func write(_ record: some Encodable & Sendable, _ role: Role, _ id: JobID) async throws {
        let text = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        try await queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO job (role, id, record) VALUES (?, ?, ?)
                    ON CONFLICT (role, id) DO UPDATE SET record = excluded.record
                    """, arguments: [role.rawValue, id.description, text])
        }
    }

    package func remove(_ role: Role, _ ids: [JobID]) async throws {
        guard !ids.isEmpty else { return }
        try await queue.write { db in
            for id in ids {
                try db.execute(
                    sql: "DELETE FROM job WHERE role = ? AND id = ?", arguments: [role.rawValue, id.description])
            }
        }
    }

    // MARK: Numbers

    /// Numbers of jobs that are forgotten are kept so long: their documents may still be on their way.
    private static let keptNumbers = 4_096

    /// The job's number, a new one where it has none: one more than any that was ever given (`AUTOINCREMENT`).
    func number(of id: JobID) async throws -> Int32 {
        try await queue.write { db in
            let select = "SELECT number FROM jobNumber WHERE id = ?"
            if let known = try Int32.fetchOne(db, sql: select, arguments: [id.description]) { return known }
            try db.execute(sql: "INSERT INTO jobNumber (id) VALUES (?)", arguments: [id.description])
            let number = db.lastInsertedRowID
            if number % 256 == 0 {
                try db.execute(
                    sql: "DELETE FROM jobNumber WHERE number < ? AND id NOT IN (SELECT id FROM job)",
                    arguments: [number - Int64(Self.keptNumbers)])
            }
            return Int32(clamping: number)
        }
    }

    func job(numbered number: Int32) async throws -> JobID? {
        let text = try await queue.read { db in
            try String.fetchOne(db, sql: "SELECT id FROM jobNumber WHERE number = ?", arguments: [number])
        }
        return try text.map { try JobID($0) }
    }

    // MARK: Shared queues

    package func sharedQueues() async throws -> [Label: AccessList] {
        let rows = try await queue.read { db in
            try Row.fetchAll(db, sql: "SELECT name, access FROM queue").map { row in
                (row["name"] as String, row["access"] as String)
            }
        }
        var shared: [Label: AccessList] = [:]
        for (name, access) in rows {
            shared[try Label(name)] = try JSONDecoder().decode(AccessList.self, from: Data(access.utf8))
        }
        return shared
    }

    /// nil unshares.
    package func share(_ name: Label, access: AccessList?) async throws {
        let text = try access.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        try await queue.write { db in
            guard let text else {
                try db.execute(sql: "DELETE FROM queue WHERE name = ?", arguments: [name.description])
                return
            }
            try db.execute(
                sql: "INSERT OR REPLACE INTO queue (name, access) VALUES (?, ?)", arguments: [name.description, text])
        }
    }

    // MARK: Queues of other nodes

    /// What other nodes told of their queues, as it was written.
    package func rememberedQueues() async throws -> [NodeID: String] {
        let rows = try await queue.read { db in
            try Row.fetchAll(db, sql: "SELECT node, queues FROM toldQueues").map { row in
                (row["node"] as String, row["queues"] as String)
            }
        }
        var told: [NodeID: String] = [:]
        for (node, text) in rows { told[try NodeID(hex: node)] = text }
        return told
    }

    /// nil forgets.
    package func remember(_ queues: String?, of node: NodeID) async throws {
        try await queue.write { db in
            guard let queues else {
                try db.execute(sql: "DELETE FROM toldQueues WHERE node = ?", arguments: [node.description])
                return
            }
            try db.execute(
                sql: "INSERT OR REPLACE INTO toldQueues (node, queues) VALUES (?, ?)",
                arguments: [node.description, queues])
        }
    }

    // MARK: Defaults

    /// A local user's default queue.
    package func defaultQueue(of user: UInt32) async throws -> (node: NodeID, queue: Label)? {
        let found = try await queue.read { db in
            try Row.fetchOne(db, sql: "SELECT node, queue FROM defaultQueue WHERE user = ?", arguments: [Int(user)])
                .map { ($0["node"] as String, $0["queue"] as String) }
        }
        return try found.map { (try NodeID(hex: $0.0), try Label($0.1)) }
    }

    package func setDefaultQueue(of user: UInt32, node: NodeID, queue name: Label) async throws {
        try await queue.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO defaultQueue (user, node, queue) VALUES (?, ?, ?)",
                arguments: [Int(user), node.description, name.description])
        }
    }
}
