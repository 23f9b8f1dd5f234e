import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What this node reads together with others, and what it holds for them: tells the owners what is read, keeps their
/// tickets, takes what flows through into the cache, and gives it to who shows a ticket.
final class PassingDesk: Sendable {
    /// Answers to others under way: of all, and of one node.
    private static let mostAnswers = 128
    private static let mostAnswersPerNode = 8
    private static let mostTickets = 1024
    private static let longestAnswer = 64 << 10
    /// How long an owner may take to say who else reads: a transfer doesn't wait longer.
    private static let patience = Duration.seconds(2)

    /// What is read, at its owner.
    enum Place: Sendable {
        case share(Label)
        /// Of the file server of that epoch.
        case space(Label, epoch: Int64)
        case delivery(String)

        fileprivate var path: String {
            switch self {
            case .share(let share): "/v1/readings/shares/\(percentEncoded(share.bytes))"
            case .space(let space, _): "/v1/readings/spaces/\(percentEncoded(space.bytes))"
            case .delivery(let id): "/v1/readings/deliveries/\(id)"
            }
        }
    }

    private struct TicketKey: Hashable {
        let content: BlockCache.Key
        let user: String
    }

    let cache: BlockCache
    let own: OwnContents
    private let office: OfficeKeeper
    private let pool: PeerPool
    private let clocks = OriginClocks()
    private let workers = WorkPool(threads: 4, syncThreads: 1)
    private let tickets = NIOLockedValueBox<[TicketKey: SealedTicket]>([:])
    /// Tickets that were found to be genuine.
    private let verified = NIOLockedValueBox<[SealedTicket: ContentTicket]>([:])
    private let answers = NIOLockedValueBox<[NodeID: Int]>([:])

    init(cache: BlockCache, own: OwnContents, office: OfficeKeeper, pool: PeerPool) {
        self.cache = cache
        self.own = own
        self.office = office
        self.pool = pool
    }

    // MARK: Reading with others

    /// Tells the owner what is read, and hears who else does; nil where nobody does, or the owner can't be asked.
    func reading(
        _ reading: ContentReading, of place: Place, at origin: NodeID, user: String
    ) async -> ContentDemand? {
        let sent = ContinuousClock.now
        guard let answer = await ask(reading, place, origin, user) else { return nil }
        clocks.told(answer.now, incarnation: answer.incarnation, by: origin, sent: sent)
        guard let demand = answer.demand else { return nil }
        let key = BlockCache.Key(origin: origin, root: demand.root)
        tickets.withLockedValue { tickets in
            if tickets.count >= Self.mostTickets { tickets = [:] }
            tickets[TicketKey(content: key, user: user)] = demand.ticket
        }
        let isAlone = demand.isAlone == true
        if !isAlone, let leaves = reading.leaves, reading.root == demand.root {
            let (cache, size) = (self.cache, reading.size)
            try? await workers.run { try cache.open(key, size: size, leaves: leaves) }
        }
        cache.expect(key, held: reading.held)
        let own = office.identity.id
        var holders: [ContentDemand.Holder] = []
        for holder in demand.holders where holder.node != own {
            guard await office.isOtherMember(holder.node), let name = try? Label(await office.name(of: holder.node))
            else { continue }
            holders.append(.init(name: name, key: ContentDemand.key(of: holder.node), isReading: holder.isReading))
        }
        return ContentDemand(
            root: demand.root, own: ContentDemand.key(of: own), holders: holders,
            needsManifest: !isAlone && cache.isOn && !cache.knows(key), isAlone: isAlone)
    }

    private func ask(
        _ reading: ContentReading, _ place: Place, _ origin: NodeID, _ user: String
    ) async -> ReadingAnswer? {
        guard
            let bytes = try? JSONEncoder().encode(
                ReadingRequest(path: percentEncoded(reading.path.bytes), keeps: cache.isOn))
        else { return nil }
        var head = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: place.path)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(bytes.count)
        if !user.isEmpty { head.headerFields[.officeshareUser] = percentEncoded(user.utf8) }
        if case .space(_, let epoch) = place { head.headerFields[.officeshareEpoch] = String(epoch) }
        let (pool, request) = (self.pool, head)
        return await withTaskGroup(of: ReadingAnswer?.self) { group in
            group.addTask {
                try? await pool.exchange(
                    with: origin, request, send: { try await $0(ByteBuffer(bytes: bytes)) },
                    receive: { _, body in try await body.decoded(as: ReadingAnswer.self, limit: Self.longestAnswer) })
            }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    /// What takes an answer with blocks of a content into the cache while it passes; nil where it isn't kept.
    func tap(_ key: BlockCache.Key) -> ContentTap? {
        cache.knows(key) ? ContentTap(into: cache, key, pool: workers) : nil
    }

    /// A request for blocks that another node holds in passing, with the ticket that the content's owner gave.
    func request(for key: BlockCache.Key, user: String) throws(OfficeError) -> HTTPRequest {
        let known = tickets.withLockedValue { $0[TicketKey(content: key, user: user)] }
        guard let ticket = known else {
            throw OfficeError(.notFound, key.root.short, "its owner has given no ticket for it")
        }
        var head = HTTPRequest(
            method: .post, scheme: "https", authority: "officeshare",
            path: "/v1/contents/\(key.origin)/\(key.root)/fetch"
        )
        head.headerFields[.contentType] = FrameMediaType.name
        head.headerFields[.transferEncoding] = "chunked"
        if !user.isEmpty { head.headerFields[.officeshareUser] = percentEncoded(user.utf8) }
        head.headerFields[.ticket] = ticket.header
        return head
    }

    // MARK: Holding for others

    /// Whether a ticket lets this member read the content now. Throws `.notAllowed`, on one line, where not.
    func check(_ header: String?, _ key: BlockCache.Key, bearer: NodeID, user: String) async throws {
        guard let header, let sealed = SealedTicket(header: header) else {
            throw OfficeError(.notAllowed, key.root.short, "its owner's ticket is needed for it")
        }
        // By this node's own log: what a node signed that is no member any more is nobody's word.
        guard let origin = await office.state?.members[key.origin] else {
            throw OfficeError(.notAllowed, key.root.short, "its owner is no member of the office")
        }
        guard let ticket = genuine(sealed, by: origin.key) else {
            throw OfficeError(.notAllowed, key.root.short, "the ticket is not its owner's")
        }
        try ticket.check(
            key, bearer: bearer, user: user, now: clocks.now(of: key.origin, incarnation: ticket.incarnation))
    }

    private func genuine(_ sealed: SealedTicket, by key: NodeKey) -> ContentTicket? {
        if let known = verified.withLockedValue({ $0[sealed] }), known.origin == key.id { return known }
        guard let ticket = sealed.ticket(by: key) else { return nil }
        verified.withLockedValue { verified in
            if verified.count >= Self.mostTickets { verified = [:] }
            verified[sealed] = ticket
        }
        return ticket
    }

    /// Whether a member's content is in a share of this node's as well; its tickets are good here from then on.
    func has(_ asked: HeldRequest, of node: NodeID) async -> Bool {
        clocks.heard(asked.now, incarnation: asked.incarnation, from: node)
        return await own.find(asked.root, size: asked.size) != nil
    }

    /// Gives what is held, and what comes meanwhile; or the same from a file of this node's own.
    func answer(
        _ key: BlockCache.Key, to node: NodeID, request: BodyStream, write: @escaping BodyWriter
    ) async throws {
        let isTooMuch = answers.withLockedValue { answers in
            guard answers[node, default: 0] < Self.mostAnswersPerNode,
                answers.values.reduce(0, +) < Self.mostAnswers
            else { return true }
            answers[node, default: 0] += 1
            return false
        }
        guard !isTooMuch else {
            throw OfficeError(.limit, "this node", "it answers too many at once", mend: "Run the same again later.")
        }
        defer {
            answers.withLockedValue { answers in
                answers[node, default: 1] -= 1
                if answers[node] == 0 { answers[node] = nil }
            }
        }
        if !cache.knows(key), let found = await own.find(key.root) {
            let own = self.own
            return try await FileAnswer(
                from: found.file, leaves: found.leaves, root: key.root, pool: workers, doubt: { own.doubt(found.file) }
            ).answer(request, write: write)
        }
        try await PassingAnswer(of: key, in: cache, pool: workers).answer(request, write: write)
    }
}

extension HTTPField.Name {
    /// An owner's ticket for a content that others hold in passing.
    static let ticket = Self.known("Officeshare-Ticket")
}
