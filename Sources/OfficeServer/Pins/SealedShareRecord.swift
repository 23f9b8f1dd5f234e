import OfficeCore
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the owner of a share says of it to who keeps a copy: who may use it. Signed, so that the copy can be served
/// by the owner's own list while the owner is away.
struct ShareStatement: Codable, Sendable, Equatable {
    var v = 1
    var owner: NodeID
    var share: Label
    var access: AccessList
    var comment: String?
    /// Informs, decides nothing.
    var time: Timestamp
}

/// A statement as its owner signed it.
struct SealedShareRecord: Codable, Sendable, Equatable {
    /// `ShareStatement` as JSON.
    var body: Data
    /// Of the owner's key, for `SigningPurpose.record`.
    var signature: Data

    init(_ statement: ShareStatement, by identity: NodeIdentity) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        body = try encoder.encode(statement)
        signature = Data(try identity.sign([UInt8](body), for: .record))
    }

    /// What it says, if it is `key`'s and of that share; else it says nothing.
    func statement(of share: Label, by key: NodeKey) -> ShareStatement? {
        guard key.verifies([UInt8](signature), of: [UInt8](body), for: .record),
            let statement = try? JSONDecoder().decode(ShareStatement.self, from: body), statement.v == 1,
            statement.owner == key.id, statement.share == share
        else { return nil }
        return statement
    }
}
