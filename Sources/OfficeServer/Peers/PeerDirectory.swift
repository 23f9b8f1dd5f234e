import OfficeCore
import OfficeDiscovery

/// What is known of other nodes: where they were seen, whether they are there, and what they offer.
///
/// Facts only; who connects when is `PeerLinks`' affair. Members are known by their id; strangers only by what
/// mDNS tells, which is a hint and never a proof.
actor PeerDirectory {
    /// How an address became known, in the order of what `peers` shows.
    enum Source: String, Sendable, Codable {
        case mdns, `static`, gossip
    }

    /// Somebody announced by mDNS, and when that was heard.
    struct Announced: Sendable, Equatable {
        var sighting: Sighting
        var seen: Timestamp
        /// Whether its port answers. Members are known by their links; for strangers this is asked now and then,
        /// because mDNS doesn't tell of a cable that was pulled.
        var answers = true

        var idPrefix: String { sighting.idPrefix }
        var endpoints: [Endpoint] {
            sighting.addresses.map { Endpoint(host: $0, port: sighting.port) }
        }
    }

    enum Presence: Sendable, Equatable {
        /// Not reached since this daemon started.
        case unknown
        case online
        /// Lost without a goodbye.
        case offline
        /// Said goodbye.
        case gone
    }

    /// What is known of a member.
    struct Known: Sendable {
        var presence = Presence.unknown
        var hello: PeerHello?
        /// When that was heard, by a clock that nobody sets.
        var heard = ContinuousClock.now
        var offers: [PeerOffer] = []
        /// Whether it is the file server and its store can't be used, as it says.
        var isWithoutStore = false
        var pins: [PeerPin] = []
        var queues: [PeerQueue] = []
        var reached: Endpoint?
        var told: [Endpoint] = []
        var configured: [Endpoint] = []
        var lastSeen: Timestamp?
        init() {}
    }

    private static let mostEndpoints = 8

    private var mostAnnounced: Int
    private(set) var announced: [Sighting.Key: Announced] = [:]
    private(set) var known: [NodeID: Known] = [:]
    /// Configured addresses nobody has been recognised behind yet.
    private(set) var unreached: [Endpoint] = []

    init(mostAnnounced: Int) { self.mostAnnounced = mostAnnounced }

    // MARK: Sightings

    /// Takes an announcement; false where there are too many to keep one more.
    func found(_ sighting: Sighting, now: Timestamp) -> Bool {
        guard announced[sighting.key] != nil || announced.count < mostAnnounced else { return false }
        announced[sighting.key] = Announced(sighting: sighting, seen: now)
        return true
    }

    /// Forgets an announcement.
    func lost(_ key: Sighting.Key) { announced[key] = nil }

    func answered(_ key: Sighting.Key, _ answers: Bool, now: Timestamp) {
        announced[key]?.answers = answers
        if answers { announced[key]?.seen = now }
    }

    /// How many announcements are kept from now on.
    func keep(atMost announcements: Int) { mostAnnounced = announcements }

    /// Forgets all announcements: they come from interfaces that may not be used any more.
    func forgetAnnouncements() { announced = [:] }

    func configure(_ endpoints: [Endpoint]) {
        let recognised = Set(known.values.flatMap(\.configured))
        unreached = endpoints.filter { !recognised.contains($0) }
    }

    func told(_ gossip: PeerGossip) {
        var record = known[gossip.node] ?? Known()
        record.told = Array(gossip.endpoints.prefix(Self.mostEndpoints))
        known[gossip.node] = record
    }

    /// A member called from there: that is where it can be called back.
    func called(_ node: NodeID, from endpoint: Endpoint) {
        var record = known[node] ?? Known()
        guard !record.told.contains(endpoint) else { return }
        record.told = Array(([endpoint] + record.told).prefix(Self.mostEndpoints))
        known[node] = record
    }

    // MARK: Members

    func remember(_ node: NodeID, reached endpoint: Endpoint?, lastSeen: Timestamp?) {
        var record = known[node] ?? Known()
        record.reached = endpoint ?? record.reached
        record.lastSeen = lastSeen ?? record.lastSeen
        known[node] = record
    }

    func online(_ node: NodeID, at endpoint: Endpoint, hello: PeerHello, now: Timestamp) {
        var record = known[node] ?? Known()
        record.presence = .online
        record.hello = hello
        record.heard = .now
        record.reached = endpoint
        record.lastSeen = now
        if let place = unreached.firstIndex(of: endpoint) {
            unreached.remove(at: place)
            record.configured.append(endpoint)
        }
        known[node] = record
    }

    func offers(_ offers: [PeerOffer], isWithoutStore: Bool = false, of node: NodeID) {
        known[node]?.offers = offers
        known[node]?.isWithoutStore = isWithoutStore
    }

    func pins(_ pins: [PeerPin], of node: NodeID) { known[node]?.pins = pins }

    /// The nodes that are there and keep a copy of a share, the newest copy first.
    func copies(of share: Label, owner: NodeID) -> [(node: NodeID, pin: PeerPin)] {
        known.flatMap { node, record in
            record.presence == .online
                ? record.pins.filter { $0.owner == owner && $0.share == share }.map { (node, $0) } : []
        }.sorted { ($1.1.asOf, $0.0) < ($0.1.asOf, $1.0) }
    }

    /// What a node told of its queues when it was there last.
    func recall(_ queues: [PeerQueue], of node: NodeID) {
        var record = known[node] ?? Known()
        record.queues = queues
        known[node] = record
    }

    func queues(_ queues: [PeerQueue], of node: NodeID) { known[node]?.queues = queues }

    /// The link to a node ended; `said` whether with a goodbye.
    func ended(_ node: NodeID, goodbye said: Bool, now: Timestamp) {
        guard let record = known[node], record.presence == .online else { return }
        known[node]?.presence = said ? .gone : .offline
        known[node]?.lastSeen = now
    }

    /// What the clocks of the nodes that are there say now, in seconds.
    func clocks() -> [Int64] {
        known.values.compactMap { record in
            guard record.presence == .online, let told = record.hello?.time else { return nil }
            return told.time.seconds + (ContinuousClock.now - record.heard).components.seconds
        }
    }

    func forget(membersOtherThan isMember: (NodeID) -> Bool) {
        known = known.filter { isMember($0.key) }
    }

    subscript(node: NodeID) -> Known? { known[node] }

    /// Addresses to try for a member, best first: where it was reached last, where it is announced, then hearsay.
    func endpoints(of node: NodeID) -> [Endpoint] {
        let record = known[node]
        var endpoints: [Endpoint] = []
        func add(_ more: some Sequence<Endpoint>) {
            for endpoint in more.prefix(Self.mostEndpoints) where !endpoints.contains(endpoint) {
                endpoints.append(endpoint)
            }
        }
        add(record?.reached.map { [$0] } ?? [])
        for announcement in announcements(of: node) { add(announcement.endpoints) }
        add(record?.configured ?? [])
        add(record?.told ?? [])
        add(unreached)
        return endpoints
    }

    func announcements(of node: NodeID) -> [Announced] {
        announced.values.filter { $0.idPrefix == node.short }
            .sorted { ($0.sighting.interfaceIndex, $0.sighting.name) < ($1.sighting.interfaceIndex, $1.sighting.name) }
    }

    /// What this node tells others about third ones: where members are reached right now.
    func gossip() -> [PeerGossip] {
        known.compactMap { node, record in
            guard record.presence == .online, let endpoint = record.reached, !endpoint.host.contains("%") else {
                return nil
            }
            return PeerGossip(node: node, endpoints: [endpoint])
        }.sorted { $0.node < $1.node }
    }
}
