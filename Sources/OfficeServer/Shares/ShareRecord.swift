import GRDB
import OfficeControl
import OfficeCore
import OfficeStore
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A folder this node offers.
struct ShareRecord: Sendable, Equatable {
    var name: Label
    /// Absolute, as bytes.
    var path: [UInt8]
    /// The local user who owns the folder and manages the share.
    var owner: UInt32
    var isWritable: Bool
    var access: AccessList
    var comment: String?
    var keep: Bool
    /// What the command line granted the service on the folder; opaque here.
    var grant: String?
    /// The space that has its name and its files now; nil: the folder is what is shared.
    var movedTo: Label?
    /// The share that this was before it was a space: its path leads here.
    var formerly: SpaceRecord.Source?
}

extension ShareRecord: FetchableRecord, PersistableRecord {
    static let databaseTableName = "share"

    init(row: Row) throws {
        let access = try JSONDecoder().decode(AccessList.self, from: Data((row["access"] as String).utf8))
        self.init(
            name: try Label(bytes: [UInt8](row["name"] as Data)), path: [UInt8](row["path"] as Data),
            owner: UInt32(clamping: row["owner"] as Int), isWritable: row["writable"], access: access,
            comment: row["comment"], keep: row["keep"], grant: row["grant"])
        movedTo = try (row["movedTo"] as Data?).map { try Label(bytes: [UInt8]($0)) }
        formerly = try (row["formerly"] as String?).map {
            try JSONDecoder().decode(SpaceRecord.Source.self, from: Data($0.utf8))
        }
    }

    func encode(to container: inout PersistenceContainer) throws {
        container["name"] = Data(name.bytes)
        container["path"] = Data(path)
        container["owner"] = Int(owner)
        container["writable"] = isWritable
        container["access"] = String(decoding: try JSONEncoder().encode(access), as: UTF8.self)
        container["comment"] = comment
        container["keep"] = keep
        container["grant"] = grant
        container["movedTo"] = movedTo.map { Data($0.bytes) }
        container["formerly"] = try formerly.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    }
}

extension ShareRecord {
    /// As its owner sees it, principals by today's names.
    func model(names: OfficeState?, changed: Bool? = nil, withGrant: Bool = false) -> ShareModel {
        let text = String(validating: path, as: UTF8.self)
        return ShareModel(
            name: name.description, path: text ?? String(decoding: path, as: UTF8.self),
            pathBytes: text == nil ? Data(path).base64EncodedString() : nil, mode: isWritable ? "rw" : "ro",
            allow: access.displayed(in: names), keep: keep, comment: comment, grant: withGrant ? grant : nil,
            changed: changed, movedTo: movedTo.map { "\(Label.office)/\($0)" })
    }
}
