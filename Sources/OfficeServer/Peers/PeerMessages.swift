import OfficeCore
import OfficePrinting
import OfficeStore
import OfficeTrust

/// What a node says of itself first on every event stream.
struct PeerHello: Codable, Sendable, Hashable {
    /// Made anew at each start: two that are alive at once under one key are a cloned machine.
    var incarnation: String
    var version: String
    var port: UInt16
    /// Hashes of the office log's newest entries.
    var heads: [EntryHash]
    /// What its clock says: by what most say, one that is wrong is known.
    var time: Timestamp?

    init(incarnation: String, version: String, port: UInt16, heads: [EntryHash], time: Timestamp? = nil) {
        self.incarnation = incarnation
        self.version = version
        self.port = port
        self.heads = heads
        self.time = time
    }
}

/// A share as its owner tells it to one member: only what that member's people may know of.
struct PeerOffer: Codable, Sendable, Hashable {
    var name: Label
    var writable: Bool
    var keep: Bool
    var comment: String?
    /// The users of that member who may use it; nil: all of them.
    var users: [String]?
    /// Whether it is a space of the office, which this node holds as its file server; nil: no.
    var isSpace: Bool?
    /// The share that the space was, or was before it was a space; its path leads here. nil: none.
    var formerly: SpaceRecord.Source?

    init(name: Label, writable: Bool, keep: Bool, comment: String?, users: [String]?) {
        self.name = name
        self.writable = writable
        self.keep = keep
        self.comment = comment
        self.users = users
    }
}

/// A copy that a node keeps of another's share or of a space, as it is told to one member: only what that member's people
/// may read.
struct PeerPin: Codable, Sendable, Hashable {
    /// A node, or the office: see `OfficeID.asOwner`.
    var owner: NodeID
    var share: Label
    /// When the copy was whole.
    var asOf: Timestamp
    var comment: String?
    /// The users of that member who may use it; nil: all of them.
    var users: [String]?
}

/// Where a third node was last reached: members tell each other, so that an office needs no multicast.
struct PeerGossip: Codable, Sendable, Hashable {
    var node: NodeID
    var endpoints: [Endpoint]

    init(node: NodeID, endpoints: [Endpoint]) {
        self.node = node
        self.endpoints = endpoints
    }
}

/// One line of a member's event stream: one JSON object with one or more of these keys. Keys not known are
/// passed over, so that newer nodes may say more. An empty line is a heartbeat.
struct PeerLine: Codable, Sendable {
    var hello: PeerHello?
    /// All of the node's offers, in place of those told before.
    var offers: [PeerOffer]?
    /// With `offers`: the node is the file server, and its store can't be used now; nil: no.
    var isWithoutStore: Bool?
    /// All copies that the node keeps of others' shares, in place of those told before.
    var pins: [PeerPin]?
    /// Shares of the node in which something has changed: for those who keep copies.
    var changed: [Label]?
    /// Spaces of the office in which something has changed, from the file server: for those who keep copies.
    var changedSpaces: [Label]?
    /// New entries of the office log.
    var entries: [SealedEntry]?
    var gossip: [PeerGossip]?
    /// All queues of the node that the member's people may know of, in place of those told before.
    var queues: [PeerQueue]?
    /// Jobs of those queues, and the member's own: all that there were at `allJobsAsOf` (of the count of which
    /// `JobReport.revision` is), or without it those that changed.
    var jobs: [JobReport]?
    var allJobsAsOf: Int?
    /// All that the file server wants the member's people to know, in place of what was told before.
    var notices: [PeerNotice]?
    /// A goodbye: the node stops in good order.
    var bye: Bool?

    init(
        hello: PeerHello? = nil, offers: [PeerOffer]? = nil, isWithoutStore: Bool? = nil, pins: [PeerPin]? = nil,
        changed: [Label]? = nil,
        changedSpaces: [Label]? = nil,
        entries: [SealedEntry]? = nil, gossip: [PeerGossip]? = nil,
        queues: [PeerQueue]? = nil, jobs: [JobReport]? = nil, allJobsAsOf: Int? = nil,
        notices: [PeerNotice]? = nil, bye: Bool? = nil
    ) {
        self.hello = hello
        self.offers = offers
        self.isWithoutStore = isWithoutStore
        self.pins = pins
        self.changed = changed
        self.changedSpaces = changedSpaces
        self.entries = entries
        self.gossip = gossip
        self.queues = queues
        self.jobs = jobs
        self.allJobsAsOf = allJobsAsOf
        self.notices = notices
        self.bye = bye
    }
}

/// `POST /v1/log`: what the caller has; it is answered with what it misses.
struct LogExchange: Codable, Sendable {
    /// Hashes of the newest entries the sender has.
    var heads: [EntryHash]
    /// Entries the other side misses.
    var entries: [SealedEntry]
    init(heads: [EntryHash], entries: [SealedEntry]) {
        self.heads = heads
        self.entries = entries
    }
}
