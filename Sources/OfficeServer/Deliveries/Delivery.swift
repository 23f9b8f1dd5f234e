import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

/// A delivery's UUID, made once by the node it was sent from and the same at both ends.
struct DeliveryID: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    let description: String

    init() { description = UUIDText.make() }

    init(_ text: String) throws(OfficeError) {
        guard let parsed = UUIDText.parse(text) else {
            throw OfficeError(
                .malformed, String(text.prefix(64)).escapedForTerminal, "a delivery's id is a UUID",
                mend: "'officeshare sent' and 'officeshare inbox' show them.")
        }
        description = parsed
    }

    /// The name of its folder in a spool.
    var path: RelativePath {
        get throws(OfficeError) { try RelativePath([FileName(description)]) }
    }

    static func < (a: DeliveryID, b: DeliveryID) -> Bool { a.description < b.description }

    init(from decoder: any Decoder) throws {
        try self.init(try decoder.singleValueContainer().decode(String.self))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// How a delivery stands: the words of the command line's contract.
enum DeliveryState: String, Codable, Sendable {
    /// Safe in the sender's outbox; the receiver has not heard of it.
    case queued
    /// The receiver knows of it, and somebody there has to accept it.
    case offered
    /// Accepted: the receiver fetches it.
    case moving
    /// Verified, on the receiver's disk, and receipted.
    case delivered
    case rejected

    /// Whether nothing more happens to it by itself.
    var isFinal: Bool { self == .delivered || self == .rejected }
}

/// `POST /v1/deliveries`: what a node offers to another.
struct DeliveryOffer: Codable, Sendable, Hashable {

    var id: DeliveryID
    /// From 1; raised when a person sends it once more.
    var attempt: Int
    /// One name, of which nothing is made but a name.
    var name: RelativePath
    var size: Int64
    var root: ContentRoot
    /// Who sends it, by the sending node's word.
    var user: UserName
    /// Whom it is for; nil: everyone who uses the node.
    var to: UserName?

    /// Throws `.malformed` for what no sender of ours would say.
    func check() throws(OfficeError) {
        guard name.components.count == 1, !name.isReserved else {
            throw OfficeError(.malformed, "a delivery", "its name can't be a file's")
        }
        guard (0...TransferLimits().fileBytes).contains(size), (1..<1 << 30).contains(attempt) else {
            throw OfficeError(.malformed, "a delivery", "its offer can't be right")
        }
    }
}

/// What a receiver says of a delivery: in answer to an offer, and by itself when it changed.
struct DeliveryReport: Codable, Sendable, Hashable {
    var id: DeliveryID
    var attempt: Int
    var state: DeliveryState
    var reason: String?
    /// Of what is delivered: see `Receipt`.
    var receipt: Receipt?
    /// Bytes that are there and verified, while it moves: they needn't all have come from its sender.
    var bytes: Int64?
    /// What its sender sends isn't what its own offer says: it has to look at what it has.
    var damaged: Bool?
}

/// The receiving node's signature over a delivery's id and its content's root, for the purpose `officeshare receipt 1`:
/// 36 characters of the UUID, then the 32 bytes of the root.
struct Receipt: Codable, Sendable, Hashable {
    /// r and s, as hexadecimal digits.
    let signature: String

    init(of id: DeliveryID, _ root: ContentRoot, by identity: NodeIdentity) throws(OfficeError) {
        signature = hexEncoded(try identity.sign(Self.message(id, root), for: .receipt))
    }

    func isValid(for id: DeliveryID, _ root: ContentRoot, by key: NodeKey) -> Bool {
        guard let bytes = hexDecoded(signature), bytes.count == 64 else { return false }
        return key.verifies(bytes, of: Self.message(id, root), for: .receipt)
    }

    private static func message(_ id: DeliveryID, _ root: ContentRoot) -> [UInt8] {
        Array(id.description.utf8) + root.digest.bytes
    }

    init(from decoder: any Decoder) throws {
        signature = try decoder.singleValueContainer().decode(String.self)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(signature)
    }
}

/// What the outbox and the inbox may hold, from the configuration.
struct DeliveryLimits: Sendable, Hashable {
    /// Deliveries that are not at their end; of one other node.
    var deliveries: Int
    var deliveriesPerNode: Int
    /// Bytes of all contents.
    var bytes: Int64
    /// How long, in seconds, and how many bytes of delivered contents are kept for `resend`.
    var retentionSeconds: Int64 = 0
    var retainedBytes: Int64 = 0
    /// Ended deliveries that are remembered.
    var history = 1000
}
