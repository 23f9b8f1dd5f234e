import OfficeCore
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The word of a node that somebody may read one of its contents just now: by it others who hold blocks of it in passing
/// give them to that one, and to nobody else.
struct ContentTicket: Codable, Sendable, Equatable {
    /// How long one is good, in milliseconds of its author's running time.
    static let lifetime: Int64 = 30_000
    /// How far off a holder may reckon its author's running time.
    static let slack: Int64 = 10_000

    var v = 1
    var origin: NodeID
    var root: ContentRoot
    /// Who may read it: a node, and a user by that node's word; empty: the node for itself.
    var bearer: NodeID
    var user: String
    /// Its author's running time at the signing, and which run it is of: no clock decides.
    var incarnation: String
    var issued: Int64
    var lifetime = ContentTicket.lifetime
}

/// A ticket as its author signed it.
struct SealedTicket: Codable, Sendable, Hashable {
    private static let longest = 2048

    /// `ContentTicket` as JSON.
    let body: Data
    /// For `SigningPurpose.ticket`.
    let signature: Data

    init(_ ticket: ContentTicket, by identity: NodeIdentity) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        body = try encoder.encode(ticket)
        signature = Data(try identity.sign([UInt8](body), for: .ticket))
    }

    /// As it travels in a header; nil of what can't be one.
    init?(header: String) {
        let parts = header.split(separator: ".", maxSplits: 1)
        guard header.utf8.count <= Self.longest, parts.count == 2, let body = Data(base64Encoded: String(parts[0])),
            let signature = Data(base64Encoded: String(parts[1]))
        else { return nil }
        (self.body, self.signature) = (body, signature)
    }

    var header: String { body.base64EncodedString() + "." + signature.base64EncodedString() }

    /// What it says, if it is `key`'s; else it says nothing.
    func ticket(by key: NodeKey) -> ContentTicket? {
        guard key.verifies([UInt8](signature), of: [UInt8](body), for: .ticket),
            let ticket = try? JSONDecoder().decode(ContentTicket.self, from: body), ticket.v == 1,
            ticket.origin == key.id
        else { return nil }
        return ticket
    }
}

extension ContentTicket {
    /// Whether it lets this one read that content now. Throws `.notAllowed` with what is wrong.
    ///
    /// - Parameter now: Its author's running time, as reckoned here; nil where this node has not talked with that run.
    func check(_ key: BlockCache.Key, bearer: NodeID, user: String, now: Int64?) throws(OfficeError) {
        func refusal(_ why: String) -> OfficeError { OfficeError(.notAllowed, key.root.short, "the ticket \(why)") }
        guard origin == key.origin, root == key.root else { throw refusal("is for another content") }
        guard self.bearer == bearer, self.user == user else { throw refusal("is another's") }
        guard let now else { throw refusal("is of a run of its author that isn't known here") }
        guard (0...Self.lifetime).contains(lifetime), issued <= now + Self.slack else {
            throw refusal("is not good yet")
        }
        guard now <= issued + lifetime else { throw refusal("has expired") }
    }
}
