import GRDB
import OfficeCore

/// The node's SQLite database: what is queried. Keys and the office log are plain files beside it.
struct Database: Sendable {
    let queue: DatabaseQueue

    /// Opens or makes the database and brings its schema up to date.
    init(at path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            // What is acknowledged survives a power cut.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA cache_size = -1024")
        }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try Self.migrator.migrate(queue)
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 shares, peers") { db in
            try db.create(table: "share") { table in
                table.primaryKey("name", .blob)
                table.column("path", .blob).notNull()
                table.column("owner", .integer).notNull()
                table.column("writable", .boolean).notNull()
                table.column("access", .text).notNull()
                table.column("comment", .text)
                table.column("keep", .boolean).notNull()
                table.column("grant", .text)
            }
            try db.create(table: "peer") { table in
                table.primaryKey("node", .text)
                table.column("host", .text).notNull()
                table.column("port", .integer).notNull()
                table.column("lastSeen", .integer).notNull()
            }
        }
        migrator.registerMigration("2 pins") { db in
            try db.create(table: "pin") { table in
                table.column("owner", .text).notNull()
                table.column("share", .blob).notNull()
                table.column("user", .text).notNull()
                table.column("userID", .integer).notNull()
                table.column("sealed", .text)
                table.column("ageSeconds", .integer).notNull()
                table.column("asOf", .integer)
                table.column("complete", .boolean).notNull()
                table.column("files", .integer).notNull()
                table.column("bytes", .integer).notNull()
                table.primaryKey(["owner", "share"])
            }
        }
        migrator.registerMigration("3 deliveries") { try DeliveryStore.createTable($0) }
        migrator.registerMigration("4 kept pins") { db in
            try db.alter(table: "pin") { $0.add(column: "kept", .boolean).notNull().defaults(to: false) }
        }
        migrator.registerMigration("5 moved shares") { db in
            try db.alter(table: "share") { $0.add(column: "movedTo", .blob) }
        }
        migrator.registerMigration("6 paused pins") { db in
            try db.alter(table: "pin") { $0.add(column: "paused", .boolean).notNull().defaults(to: false) }
        }
        migrator.registerMigration("7 shares that were spaces") { db in
            try db.alter(table: "share") { $0.add(column: "formerly", .text) }
        }
        return migrator
    }
}
