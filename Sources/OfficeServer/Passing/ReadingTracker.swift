import OfficeCore
import OfficeTransfer
import OfficeTrust

/// Who reads which of this node's contents now, or did so lately: where several do at once, each hears of the others,
/// and gets a ticket for what they hold.
///
/// In memory alone, and bounded: contents, readers of each, and how long a reader is remembered.
actor ReadingTracker {
    struct Limits: Sendable {
        var contents = 256
        var readers = 64
        /// Holders that one reader is told of.
        var told = 32
    }

    /// How long after it last said so a node counts as reading.
    static let attention = Duration.seconds(3)
    /// How long it is told to others after that.
    static let memory = Duration.seconds(60)
    /// How long a ticket is given out again.
    private static let renewal: Int64 = 10_000

    private struct Reader {
        var seen: Duration
        /// It was told to keep what flows through it.
        var isHolder = false
        var tickets: [String: (ticket: SealedTicket, issued: Int64)] = [:]
    }

    private struct Content {
        var readers: [NodeID: Reader] = [:]
        var finding: Task<ContentRoot?, Never>?
        var touched: Duration
    }

    private let identity: NodeIdentity
    nonisolated let incarnation: String
    private let limits: Limits
    private let clock: TransferClock
    /// What its tickets go by.
    nonisolated let running = RunningTime()
    private var contents: [String: Content] = [:]

    init(
        identity: NodeIdentity, incarnation: String, limits: Limits = Limits(), clock: TransferClock = .continuous
    ) {
        self.identity = identity
        self.incarnation = incarnation
        self.limits = limits
        self.clock = clock
    }

    /// Somebody who may reads a content, and asks who else does.
    ///
    /// - Parameters:
    ///   - version: What is read, as this node names it.
    ///   - keeps: Whether the reader's node holds it for others.
    ///   - owners: Who has it in shares of their own.
    ///   - root: The content of that version; asked for when it is in demand, and once.
    func note(
        _ version: String, by node: NodeID, _ user: String, keeps: Bool = true,
        owners: Set<NodeID> = [],
        root: @escaping @Sendable () async throws -> ContentRoot
    ) async throws -> ReadingAnswer {
        let now = clock.now()
        forget(before: now - Self.memory)
        let isKept = seen(version, node, now)
        let (isShared, owners) = (isInDemand(version, beside: node, now), owners.subtracting([node]))
        guard isKept, isShared || !owners.isEmpty else { return answer(nil) }
        guard let root = await self.root(of: version, root), contents[version]?.readers[node] != nil else {
            return answer(nil)
        }
        if isShared { contents[version]?.readers[node]?.isHolder = keeps }
        let reading = holders(of: version, beside: node, clock.now())
        let others = owners.subtracting(reading.map(\.node)).sorted().prefix(max(0, limits.told - reading.count))
        return answer(
            .init(
                root: root, ticket: try ticket(version, root, node, user),
                holders: reading + others.map { .init(node: $0, isReading: false) }, isAlone: isShared ? nil : true))
    }

    private func answer(_ demand: ReadingAnswer.Demand?) -> ReadingAnswer {
        ReadingAnswer(incarnation: incarnation, now: running.now, demand: demand)
    }

    // MARK: Who reads

    private func forget(before oldest: Duration) {
        contents = contents.filter { $0.value.touched >= oldest }.mapValues { content in
            var content = content
            content.readers = content.readers.filter { $0.value.seen >= oldest }
            return content
        }
    }

    /// False where no more are kept in mind.
    private func seen(_ version: String, _ node: NodeID, _ now: Duration) -> Bool {
        if contents[version] == nil, contents.count >= limits.contents,
            let oldest = contents.min(by: { $0.value.touched < $1.value.touched })
        {
            contents[oldest.key] = nil
        }
        var content = contents[version] ?? Content(touched: now)
        content.touched = now
        defer { contents[version] = content }
        guard content.readers[node] != nil || content.readers.count < limits.readers else { return false }
        content.readers[node, default: Reader(seen: now)].seen = now
        return true
    }

    private func isInDemand(_ version: String, beside node: NodeID, _ now: Duration) -> Bool {
        contents[version]?.readers.contains { other, reader in
            other != node && (reader.isHolder || now - reader.seen <= Self.attention)
        } ?? false
    }

    private func holders(of version: String, beside node: NodeID, _ now: Duration) -> [ReadingAnswer.Holder] {
        let others = contents[version]?.readers.filter { $0.key != node && $0.value.isHolder } ?? [:]
        return others.sorted { ($1.value.seen, $0.key) < ($0.value.seen, $1.key) }.prefix(limits.told)
            .map { .init(node: $0.key, isReading: now - $0.value.seen <= Self.attention) }
    }

    /// Reckoned once for all who ask.
    private func root(
        of version: String, _ find: @escaping @Sendable () async throws -> ContentRoot
    ) async -> ContentRoot? {
        let root = await finding(version, find).value
        if root == nil { contents[version]?.finding = nil }
        return root
    }

    private func finding(
        _ version: String, _ find: @escaping @Sendable () async throws -> ContentRoot
    ) -> Task<ContentRoot?, Never> {
        if let known = contents[version]?.finding { return known }
        let new = Task { try? await find() }
        contents[version]?.finding = new
        return new
    }

    // MARK: Tickets

    private func ticket(
        _ version: String, _ root: ContentRoot, _ node: NodeID, _ user: String
    ) throws -> SealedTicket {
        let now = running.now
        if let known = contents[version]?.readers[node]?.tickets[user], now - known.issued < Self.renewal {
            return known.ticket
        }
        let sealed = try SealedTicket(
            ContentTicket(
                origin: identity.id, root: root, bearer: node, user: user, incarnation: incarnation, issued: now),
            by: identity)
        // Few users of one node read the same at once: the rest get theirs anew each time.
        if contents[version]?.readers[node]?.tickets.count ?? 0 < limits.readers {
            contents[version]?.readers[node]?.tickets[user] = (sealed, now)
        }
        return sealed
    }
}

/// `POST /v1/readings/…`: what a member reads of a share, or of a delivery to it.
struct ReadingRequest: Codable, Sendable {
    /// Percent-encoded; of a delivery it says nothing.
    var path: String
    /// Whether its node keeps what flows through it for others.
    var keeps: Bool
}

/// What its owner says to that.
struct ReadingAnswer: Codable, Sendable {
    struct Holder: Codable, Sendable, Equatable {
        var node: NodeID
        /// Whether it still reads.
        var isReading: Bool
    }

    struct Demand: Codable, Sendable {
        var root: ContentRoot
        var ticket: SealedTicket
        var holders: [Holder]
        /// Nobody else reads it: the holders have it of their own.
        var isAlone: Bool?
    }

    /// Which run of the owner's node this is, and for how long it has run, in milliseconds.
    var incarnation: String
    var now: Int64
    /// nil: nobody else reads it or has it.
    var demand: Demand?
}
