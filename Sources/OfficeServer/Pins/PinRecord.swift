import GRDB
import OfficeCore
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A share of another node, or a space of the office, of which this node keeps a copy.
struct PinRecord: Sendable, Equatable {
    struct Key: Hashable, Sendable {
        /// A node, or the office: see `OfficeID.asOwner`.
        let owner: NodeID
        let share: Label
    }

    let key: Key
    /// Who pinned it, and in whose name it is fetched.
    var user: String
    var userID: UInt32
    /// The owner's word on who may use it; nil before it was had, and after it was taken back.
    var sealed: SealedShareRecord?
    /// Seconds that this daemon has run since the owner confirmed it last.
    var ageSeconds = 0
    /// When the last whole copy was begun; nil while there was none.
    var asOf: Timestamp?
    /// Whether everything had come at the last try.
    var isComplete = false
    var files = 0
    var bytes: Int64 = 0
    /// Whether this node keeps it as the file server, because its owner has marked it so; else somebody pinned it.
    var isKept = false
    /// Whether somebody has paused it: that outlives the daemon.
    var isPaused = false
}

extension PinRecord: FetchableRecord, PersistableRecord {
    static let databaseTableName = "pin"

    init(row: Row) throws {
        key = Key(
            owner: try NodeID(hex: row["owner"] as String), share: try Label(bytes: [UInt8](row["share"] as Data)))
        user = row["user"]
        userID = UInt32(clamping: row["userID"] as Int)
        sealed = try (row["sealed"] as String?).map {
            try JSONDecoder().decode(SealedShareRecord.self, from: Data($0.utf8))
        }
        ageSeconds = row["ageSeconds"]
        asOf = (row["asOf"] as Int64?).map { Timestamp(seconds: $0) }
        isComplete = row["complete"]
        files = row["files"]
        bytes = row["bytes"]
        isKept = row["kept"]
        isPaused = row["paused"]
    }

    func encode(to container: inout PersistenceContainer) throws {
        container["owner"] = key.owner.description
        container["share"] = Data(key.share.bytes)
        container["user"] = user
        container["userID"] = Int(userID)
        container["sealed"] = try sealed.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        container["ageSeconds"] = ageSeconds
        container["asOf"] = asOf?.time.seconds
        container["complete"] = isComplete
        container["files"] = files
        container["bytes"] = bytes
        container["kept"] = isKept
        container["paused"] = isPaused
    }
}
