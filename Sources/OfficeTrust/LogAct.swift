package import OfficeCore

/// The hash of an entry of the office log: SHA-256 of its body, without the signature (ECDSA signatures can be
/// changed by anyone into other valid ones).
package struct EntryHash: DigestIdentifier {
    package let digest: Digest256
    package init(_ digest: Digest256) { self.digest = digest }
}

/// A node as an admission names it.
package struct Admission: Hashable, Sendable {
    package var key: NodeKey
    package var name: Label
    package var node: NodeID { key.id }

    package init(key: NodeKey, name: Label) {
        self.key = key
        self.name = name
    }
}

/// The centre of the office at an epoch.
package struct FileServerSetting: Hashable, Sendable {
    package static let greatestNodes = 16
    package static let longestStore = 4096

    /// Grows with each change; of two settings the higher counts.
    package var epoch: Int64
    /// The nodes of the store, ascending; empty: no file server any more.
    package var nodes: [NodeID]
    /// Nodes that keep a copy and can take over, ascending.
    package var standby: [NodeID]
    /// The store's directory on those nodes, as the file system's bytes; empty with no nodes.
    package var store: [UInt8]

    package init(epoch: Int64, nodes: [NodeID], standby: [NodeID], store: [UInt8]) {
        self.epoch = epoch
        self.nodes = nodes.sorted()
        self.standby = standby.sorted()
        self.store = store
    }
}

/// What an entry of the office log does.
package enum LogAct: Hashable, Sendable {
    /// The first entry: the founder, the office's name, and the public half of the recovery key.
    case found(office: Label, founder: Admission, recovery: NodeKey)
    case admit(Admission)
    case remove(NodeID)
    case leave
    case rename(NodeID, Label)
    case grant(NodeID)
    case revoke(NodeID)
    /// The recovery key makes a node an admin (and a member, should it be none).
    case recover(Admission)
    case server(FileServerSetting)
    /// A kind, or a format version, that this program doesn't know: kept, passed on, without effect.
    case unknown(kind: String)

    /// The name of the kind, as entries carry it and `office log` shows it.
    package var kind: String {
        switch self {
        case .found: "found"
        case .admit: "admit"
        case .remove: "remove"
        case .leave: "leave"
        case .rename: "rename"
        case .grant: "grant"
        case .revoke: "revoke"
        case .recover: "recover"
        case .server: "server"
        case .unknown(let kind): kind
        }
    }

    /// The admission in it, if it is one.
    var admission: Admission? {
        switch self {
        case .found(_, let founder, _): founder
        case .admit(let admission), .recover(let admission): admission
        default: nil
        }
    }
}

extension LogAct {
    static let knownKinds: Set<String> = [
        "found", "admit", "remove", "leave", "rename", "grant", "revoke", "recover", "server",
    ]

    /// The payload, for the canonical body.
    var payload: CanonicalJSON {
        switch self {
        case .found(let office, let founder, let recovery):
            .object([
                "key": .base64(founder.key.spki), "name": .text(office.description),
                "nodeName": .text(founder.name.description), "recoveryKey": .base64(recovery.spki),
            ])
        case .admit(let admission), .recover(let admission):
            .object(["key": .base64(admission.key.spki), "name": .text(admission.name.description)])
        case .remove(let node), .grant(let node), .revoke(let node): .object(["node": .text(node.description)])
        case .leave, .unknown: .object([String: CanonicalJSON]())
        case .rename(let node, let name):
            .object(["name": .text(name.description), "node": .text(node.description)])
        case .server(let setting):
            .object([
                "epoch": .integer(setting.epoch), "nodes": .array(setting.nodes.map { .text($0.description) }),
                "standby": .array(setting.standby.map { .text($0.description) }), "store": .base64(setting.store),
            ])
        }
    }

    /// Reads a payload of format version 1.
    init(kind: String, payload: CanonicalJSON) throws(OfficeError) {
        guard Self.knownKinds.contains(kind) else {
            self = .unknown(kind: kind)
            return
        }
        var fields = try EntryFields(payload)
        switch kind {
        case "found":
            let founder = Admission(key: try fields.key("key"), name: try fields.label("nodeName"))
            self = .found(office: try fields.label("name"), founder: founder, recovery: try fields.key("recoveryKey"))
        case "admit": self = .admit(try fields.admission())
        case "recover": self = .recover(try fields.admission())
        case "remove": self = .remove(try fields.id("node"))
        case "grant": self = .grant(try fields.id("node"))
        case "revoke": self = .revoke(try fields.id("node"))
        case "rename": self = .rename(try fields.id("node"), try fields.label("name"))
        case "server": self = .server(try fields.fileServer())
        default: self = .leave
        }
        try fields.close()
    }
}
