import Crypto
import FoundationEssentials
package import OfficeCore

/// How much of an office log is taken. What is over a limit is refused with a line that names it.
package struct LogLimits: Sendable, Equatable {
    /// Entries of the log.
    package var entries = 10_000
    /// Bytes of one entry's body.
    package var entryBytes = 16 << 10
    /// Entries that one entry can follow.
    package var follows = 16
    /// Entries kept in memory until those they follow arrive.
    package var waiting = 256

    package init() {}
}

/// An entry as it travels and as it is stored: the body's exact bytes and the signature over them.
///
/// In JSON `{"body","signature"}`, both base64.
package struct SealedEntry: Hashable, Sendable, Codable {
    package var body: [UInt8]
    /// r and s, 32 bytes each.
    package var signature: [UInt8]

    package init(body: [UInt8], signature: [UInt8]) {
        self.body = body
        self.signature = signature
    }

    package var hash: EntryHash { EntryHash(Digest256.of(body)) }

    private enum CodingKeys: String, CodingKey { case body, signature }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        body = Array(try container.decode(Data.self, forKey: .body))
        signature = Array(try container.decode(Data.self, forKey: .signature))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Data(body), forKey: .body)
        try container.encode(Data(signature), forKey: .signature)
    }
}

/// One entry of the office log, read and well-formed. Whether its signature is its author's, and whether its
/// author may do what it says, is for `OfficeLog` and the fold. The format is in `docs/protocol.md`.
package struct LogEntry: Hashable, Sendable {
    package static let currentVersion: Int64 = 1
    package static let signatureBytes = 64
    static let longestKind = 32

    package let sealed: SealedEntry
    package let hash: EntryHash
    package let version: Int64
    package let act: LogAct
    /// The entries that its author had seen and no other entry had followed: ascending, none in the first entry.
    package let follows: [EntryHash]
    /// The node that signed it, or the id of the recovery key.
    package let author: NodeID
    /// nil in the first entry, whose hash it is.
    package let office: OfficeID?
    /// When its author's clock says it was written. Informs, decides nothing.
    package let time: Timestamp

    package var kind: String { act.kind }

    package static func == (a: LogEntry, b: LogEntry) -> Bool { a.hash == b.hash }
    package func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    /// Reads an entry strictly; throws `.malformed`, or `.limit` for one that is too long.
    package init(_ sealed: SealedEntry, limits: LogLimits = LogLimits()) throws(OfficeError) {
        guard sealed.body.count <= limits.entryBytes else {
            throw OfficeError(
                .limit, "an entry of the office log",
                "it is \(sealed.body.count) bytes long, at most \(limits.entryBytes) are taken")
        }
        guard sealed.signature.count == Self.signatureBytes else {
            throw EntryFields.refusal("its signature is not \(Self.signatureBytes) bytes long")
        }
        var fields = try EntryFields(try CanonicalJSON(parsing: sealed.body))
        let version = try fields.integer("v")
        let kind = try fields.text("kind")
        guard version >= 1 else { throw EntryFields.refusal("its format version is not a number from 1") }
        guard (1...Self.longestKind).contains(kind.utf8.count), kind.utf8.allSatisfy(Self.isKindByte) else {
            throw EntryFields.refusal("its kind is not a word of small letters")
        }
        self.sealed = sealed
        self.version = version
        hash = sealed.hash
        follows = try fields.ids("follows", limit: limits.follows)
        author = try fields.id("author")
        time = try Timestamp(parsing: try fields.text("time"))
        let payload = try fields.require("payload")
        act = version == Self.currentVersion ? try LogAct(kind: kind, payload: payload) : .unknown(kind: kind)
        office = follows.isEmpty ? nil : try fields.id("office")
        if version == Self.currentVersion { try fields.close() }
        try checkPlace()
    }

    private static func isKindByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-")
    }

    /// Only the first entry follows none, and it alone founds, signed by the key it names.
    private func checkPlace() throws(OfficeError) {
        if case .found(_, let founder, let recovery) = act {
            guard follows.isEmpty, founder.node == author, recovery.id != author else {
                throw EntryFields.refusal("an office is founded by its first entry, signed by the founder")
            }
        } else if follows.isEmpty {
            throw EntryFields.refusal("it follows no entry and founds no office")
        }
    }

    /// Whether the signature is that key's and the key is the author's.
    package func isSigned(by key: NodeKey) -> Bool {
        key.id == author && key.verifies(sealed.signature, of: sealed.body, for: .logEntry)
    }

    /// Writes and signs a new entry.
    static func sealing(
        _ act: LogAct, office: OfficeID?, follows: [EntryHash], time: Timestamp, key: P256.Signing.PrivateKey
    ) throws(OfficeError) -> LogEntry {
        let author = NodeKey(key.publicKey).id
        let body = body(act, office: office, follows: follows, time: time, author: author)
        return try LogEntry(SealedEntry(body: body, signature: try key.signed(body, for: .logEntry)))
    }

    /// The bytes that are signed.
    static func body(
        _ act: LogAct, office: OfficeID?, follows: [EntryHash], time: Timestamp, author: NodeID
    ) -> [UInt8] {
        var fields: [String: CanonicalJSON] = [
            "author": .text(author.description),
            "follows": .array(follows.sorted().map { .text($0.description) }),
            "kind": .text(act.kind),
            "payload": act.payload,
            "time": .text(time.description),
            "v": .integer(currentVersion),
        ]
        if let office { fields["office"] = .text(office.description) }
        return CanonicalJSON.object(fields).bytes
    }
}
