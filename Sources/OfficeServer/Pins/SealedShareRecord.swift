import OfficeCore
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the owner of a share, or the file server of a space, says of it to who keeps a copy: who may use it. Signed, so
/// that the copy can be served by the owner's own list while the owner is away.
struct ShareStatement: Codable, Sendable, Equatable {
    var v = 1
    var owner: NodeID
    var share: Label
    var access: AccessList
    var comment: String?
    /// Informs, decides nothing.
    var time: Timestamp
    /// The file server that says so, where the owner is the office; nil: its owner does.
    var server: NodeID?

    /// Who has to have signed it.
    var author: NodeID { server ?? owner }
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

    /// What it says, if it is of that share and signed by who may speak for it; else it says nothing.
    ///
    /// - Parameter key: A member's key. Only the file server speaks for the office: that the author was it is known
    ///   by who had it from there.
    func statement(
        of key: PinRecord.Key, isOffice: Bool, key nodeKey: (NodeID) -> NodeKey?
    ) -> ShareStatement? {
        guard let statement = try? JSONDecoder().decode(ShareStatement.self, from: body), statement.v == 1,
            statement.owner == key.owner, statement.share == key.share, isOffice == (statement.server != nil),
            let author = nodeKey(statement.author),
            author.verifies([UInt8](signature), of: [UInt8](body), for: .record)
        else { return nil }
        return statement
    }
}
