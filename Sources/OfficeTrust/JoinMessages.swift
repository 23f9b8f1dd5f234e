import FoundationEssentials
package import OfficeCore

/// What a joiner sends once it has seen that the code is from the node it talks to.
package struct JoinRequest: Codable, Sendable, Equatable {
    package static let maximumBytes = 4096
    package static let currentVersion = 1

    /// Of this exchange.
    package var version: Int
    /// The joiner's proof: see `JoinSecret`.
    package var proof: [UInt8]
    /// The name it would like to have.
    package var name: Label

    package init(code: JoinCode, joinerCertificate: [UInt8], inviterCertificate: [UInt8], name: Label) {
        version = Self.currentVersion
        proof = code.secret.proof(
            by: .joiner, joinerCertificate: joinerCertificate, inviterCertificate: inviterCertificate)
        self.name = name
    }

    /// Reads a body; throws `.malformed` for one that is too long or says anything but this.
    package init(parsing body: some Collection<UInt8>) throws(OfficeError) {
        self = try JoinMessage.decode(Self.self, body, limit: Self.maximumBytes)
        guard version == Self.currentVersion else {
            throw OfficeError(
                .malformed, "the request to join", "it is of version \(version), this node speaks 1",
                mend: "Install the same version of officeshare on both.")
        }
    }

    package func encoded() throws(OfficeError) -> [UInt8] { try JoinMessage.encode(self) }

    private enum CodingKeys: String, CodingKey { case version, proof, name }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(Int.self, forKey: .version)
        name = try container.decode(Label.self, forKey: .name)
        proof = try JoinMessage.proof(container, .proof)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version, forKey: .version)
        try container.encode(Data(proof), forKey: .proof)
        try container.encode(name, forKey: .name)
    }
}

/// What the inviter answers once the proof holds: its own proof, and the whole log with the joiner in it.
package struct JoinAnswer: Codable, Sendable, Equatable {
    /// The inviter's proof: see `JoinSecret`.
    package var proof: [UInt8]
    /// The name that the joiner shows under.
    package var name: Label
    package var entries: [SealedEntry]

    package init(replyProof: [UInt8], name: Label, log: OfficeLog) {
        proof = replyProof
        self.name = name
        entries = log.entries(missingFrom: []).map(\.sealed)
    }

    /// How long an answer can be under some limits: base64 of the bodies, and what stands around them.
    package static func maximumBytes(_ limits: LogLimits) -> Int {
        4096 + limits.entries * ((limits.entryBytes + 2) / 3 * 4 + 160)
    }

    package init(parsing body: some Collection<UInt8>, limits: LogLimits = LogLimits()) throws(OfficeError) {
        self = try JoinMessage.decode(Self.self, body, limit: Self.maximumBytes(limits))
        guard entries.count <= limits.entries else {
            throw OfficeError(
                .limit, "the office log", "it has \(entries.count) entries, at most \(limits.entries) are taken",
                mend: "Raise 'limits.logEntries' on this node.")
        }
    }

    package func encoded() throws(OfficeError) -> [UInt8] { try JoinMessage.encode(self) }

    /// Checks everything the joiner has to: that the inviter knows the secret too, that every entry verifies, that
    /// the inviter is an admin and this node a member. Returns the log to keep.
    package func accept(
        code: JoinCode, identity: NodeIdentity, inviterCertificate: [UInt8], limits: LogLimits = LogLimits()
    ) throws(OfficeError) -> OfficeLog {
        let inviter = try NodeCertificate.parse(der: inviterCertificate)
        let isProven = code.secret.verifies(
            proof, by: .inviter, joinerCertificate: identity.certificateDER, inviterCertificate: inviterCertificate)
        guard code.isFrom(inviter.id), isProven else {
            throw OfficeError(.notAllowed, "the inviting node", "it doesn't know the code it is said to have made")
        }
        let log = try OfficeLog(verifying: entries, limits: limits)
        guard log.state.isAdmin(inviter.id) else {
            throw OfficeError(.notAllowed, "the inviting node", "it is not an admin of the office whose log it sent")
        }
        guard log.state.members[identity.id] != nil else {
            throw OfficeError(.notAllowed, log.state.name.description, "its log doesn't let this node in")
        }
        return log
    }

    private enum CodingKeys: String, CodingKey { case proof, name, entries }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(Label.self, forKey: .name)
        entries = try container.decode([SealedEntry].self, forKey: .entries)
        proof = try JoinMessage.proof(container, .proof)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Data(proof), forKey: .proof)
        try container.encode(name, forKey: .name)
        try container.encode(entries, forKey: .entries)
    }
}

/// What both messages share.
private enum JoinMessage {
    static let proofBytes = 32

    static func proof<Key: CodingKey>(_ container: KeyedDecodingContainer<Key>, _ key: Key) throws -> [UInt8] {
        let proof = Array(try container.decode(Data.self, forKey: key))
        guard proof.count == proofBytes else {
            throw OfficeError(.malformed, "a proof", "it is \(proof.count) bytes long, not \(proofBytes)")
        }
        return proof
    }

    static func decode<Message: Decodable>(
        _ type: Message.Type, _ body: some Collection<UInt8>, limit: Int
    ) throws(OfficeError) -> Message {
        let what = "a message of joining"
        guard body.count <= limit else {
            throw OfficeError(.malformed, what, "it is \(body.count) bytes long, at most \(limit) are read")
        }
        do { return try JSONDecoder().decode(type, from: Data(body)) } catch let error as OfficeError {
            throw error
        } catch { throw OfficeError(.malformed, what, "it can't be read") }
    }

    static func encode(_ message: some Encodable) throws(OfficeError) -> [UInt8] {
        do { return Array(try JSONEncoder().encode(message)) } catch {
            throw OfficeError(.fault, "a message of joining", "it can't be written: \(error)")
        }
    }
}
