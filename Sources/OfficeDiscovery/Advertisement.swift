package import OfficeCore

/// What this node tells the LAN of itself. Strangers hear it: no share, no user, nothing of the office but half its id.
package struct Advertisement: Sendable, Hashable {
    /// What a node is in its office.
    package enum Role: String, Sendable, Hashable, CaseIterable {
        case peer
        case server
    }

    /// The instance name. Avahi gives us another where the LAN has it already: see `DiscoveryEvent.renamed`.
    package var name: Label
    package var port: UInt16
    package var nodeID: NodeID
    package var officeID: OfficeID?
    package var role: Role

    package init(name: Label, port: UInt16, nodeID: NodeID, officeID: OfficeID? = nil, role: Role = .peer) {
        self.name = name
        self.port = port
        self.nodeID = nodeID
        self.officeID = officeID
        self.role = role
    }

    var record: TextRecord {
        TextRecord(idPrefix: nodeID.short, officePrefix: officeID?.short, role: role)
    }
}

/// The TXT record of an officeshare node, as it is on the wire (RFC 6763, section 6).
struct TextRecord: Sendable, Hashable {
    static let version = "1"
    /// More than any version of ours will ever need; what is longer is not ours.
    static let maximumLength = 1024
    static let prefixLength = 16

    var idPrefix: String
    var officePrefix: String?
    var role: Advertisement.Role

    /// The record's data: strings, each behind a byte that is its length.
    ///
    /// `turned` swaps two keys, whose order means nothing: a record that says the same in other bytes. Whoever
    /// watches this node is told of a new record, and only then looks its addresses up again.
    func encoded(turned: Bool = false) -> [UInt8] {
        let office = "office=" + (officePrefix ?? "")
        let role = "role=" + role.rawValue
        let pairs = ["v=" + Self.version, "id=" + idPrefix] + (turned ? [role, office] : [office, role])
        return pairs.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    }

    init(idPrefix: String, officePrefix: String?, role: Advertisement.Role) {
        self.idPrefix = idPrefix
        self.officePrefix = officePrefix
        self.role = role
    }

    /// What a stranger sent; nil where it is not the record of a node that we could speak with. Keys are
    /// compared without case and the first of equals counts (RFC 6763, section 6.4); unknown keys are newer
    /// versions' own. An unknown role is a peer.
    init?(parsing bytes: [UInt8]) {
        guard bytes.count <= Self.maximumLength, let pairs = Self.pairs(in: bytes) else { return nil }
        guard pairs["v"] == Self.version, let id = pairs["id"], Self.isPrefix(id) else { return nil }
        let office = pairs["office"] ?? ""
        guard office.isEmpty || Self.isPrefix(office) else { return nil }
        idPrefix = id
        officePrefix = office.isEmpty ? nil : office
        role = pairs["role"].flatMap(Advertisement.Role.init(rawValue:)) ?? .peer
    }

    /// Exactly as we write it: 16 lower-case hexadecimal digits.
    static func isPrefix(_ text: String) -> Bool {
        text.utf8.count == prefixLength
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// The `key=value` strings; nil where a length leads past the end.
    private static func pairs(in bytes: [UInt8]) -> [String: String]? {
        var pairs: [String: String] = [:]
        var rest = bytes[...]
        while let length = rest.popFirst() {
            guard rest.count >= Int(length) else { return nil }
            let string = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            guard let text = String(validating: string, as: UTF8.self), let equals = text.utf8.firstIndex(of: 0x3D)
            else { continue }
            let key = text[..<equals].lowercased()
            if pairs[key] == nil { pairs[key] = String(text[text.utf8.index(after: equals)...]) }
        }
        return pairs
    }
}
