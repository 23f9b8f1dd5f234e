import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Keeps an event stream open to every other member: that is how a node knows who is there, what they offer
/// and what the office log says, without asking.
///
/// A link that ends is made anew at once, then at growing intervals, and at once again when there is a reason to
/// think the node is back: it was announced, it called, or an interface changed.
actor PeerLinks: Service {
    /// Other nodes say something (if only a heartbeat) once a second; silence for this long is absence.
    static let silence = Duration.milliseconds(3_500)
    private static let firstPause = Duration.milliseconds(250)
    private static let longestPause = Duration.seconds(3)
    /// Bytes of one line of an event stream.
    private static let longestLine = 4 << 20
    /// Copies that are remembered of one node.
    private static let mostPins = 10_000

    private struct Link {
        let kick: Doorbell
        let task: CancelToken
    }

    private let office: OfficeKeeper
    private let directory: PeerDirectory
    private let pool: PeerPool
    private let problems: ProblemBoard
    private let presence: EventHub<NodeID>
    private let printing: PrintHouse
    private let pins: PinKeeper
    private let moved: MovedShares
    private let board: NoticeBoard
    private let logger: Logger
    private var links: [NodeID: Link] = [:]

    /// `presence` is told every node whose presence, offers or version changed.
    init(
        office: OfficeKeeper, directory: PeerDirectory, pool: PeerPool, problems: ProblemBoard,
        presence: EventHub<NodeID>, printing: PrintHouse, pins: PinKeeper, moved: MovedShares, board: NoticeBoard,
        logger: Logger
    ) {
        self.office = office
        self.directory = directory
        self.pool = pool
        self.problems = problems
        self.presence = presence
        self.printing = printing
        self.pins = pins
        self.moved = moved
        self.board = board
        self.logger = logger
    }

    func run() async throws {
        let changes = office.changes.listen()
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                await reconcile(&tasks)
                for await _ in changes.cancelOnGracefulShutdown() { await reconcile(&tasks) }
                tasks.cancelAll()
            }
        } onGracefulShutdown: {
        }
    }

    /// Tries a node at once: there is a reason to think it can be reached.
    func kick(_ node: NodeID) { links[node]?.kick.ring() }

    func kickAll() {
        for link in links.values { link.kick.ring() }
    }

    private func reconcile(_ tasks: inout DiscardingTaskGroup) async {
        let members = await office.otherMembers()
        for (node, link) in links where !members.contains(node) {
            link.task.cancel()
            links[node] = nil
            await pool.close(node)
        }
        await directory.forget(membersOtherThan: members.contains)
        await printing.forget(membersOtherThan: members)
        for node in members where links[node] == nil {
            let kick = Doorbell()
            let token = CancelToken()
            links[node] = Link(kick: kick, task: token)
            tasks.addTask { await token.run { await self.keep(node, kick) } }
        }
    }

    /// Links to one member, one after another, for as long as it is one.
    private nonisolated func keep(_ node: NodeID, _ kick: Doorbell) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            let began = ContinuousClock.now
            do {
                try await follow(node)
            } catch let error as OfficeError where error.code == .exists {
                problems.raise(.clonedHere, for: ProblemBoard.memoryOfCopies)
            } catch {
                logger.debug("a link ended", metadata: [LogKey.nodeID: "\(node.short)", LogKey.error: "\(error)"])
            }
            await pool.close(node)
            if ContinuousClock.now - began > Self.silence { pause = Self.firstPause }
            if await kick.wait(for: pause) {
                pause = Self.firstPause
            } else {
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    private nonisolated func follow(_ node: NodeID) async throws {
        let connected = try await pool.dedicatedConnection(to: node)
        let heard = NIOLockedValueBox(ContinuousClock.now)
        let state = FollowState()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Self.watch(heard, connected.connection) }
            defer { group.cancelAll() }
            do {
                try await connected.connection.exchange(await eventsRequest(), send: nil) { _, body in
                    var lines = LineSplitter(limit: Self.longestLine)
                    for try await piece in body {
                        heard.withLockedValue { $0 = .now }
                        for line in try lines.feed(piece) where !line.isEmpty {
                            try await self.take(line, from: node, at: connected.endpoint, state)
                        }
                    }
                }
            } catch {
                await self.ended(node, connected, state)
                throw error
            }
            await self.ended(node, connected, state)
        }
    }

    private func eventsRequest() async -> HTTPRequest {
        var request = HTTPRequest(method: .get, scheme: "https", authority: "officeshare", path: "/v1/events")
        request.headerFields[.incarnation] = office.incarnation
        request.headerFields[.officesharePort] = String(await office.port)
        return request
    }

    /// Closes the connection once nothing was heard for too long.
    private static func watch(_ heard: NIOLockedValueBox<ContinuousClock.Instant>, _ connection: HTTPConnection)
        async throws
    {
        while true {
            let deadline = heard.withLockedValue { $0 } + silence
            if deadline <= .now {
                connection.close()
                return
            }
            try await Task.sleep(until: deadline)
        }
    }

    private nonisolated func ended(_ node: NodeID, _ connected: PeerConnector.Connected, _ state: FollowState) async {
        connected.connection.close()
        await directory.ended(node, goodbye: state.saidGoodbye, now: .now)
        presence.send(node)
    }

    private nonisolated func take(_ text: String, from node: NodeID, at endpoint: Endpoint, _ state: FollowState)
        async throws
    {
        guard let line = try? JSONDecoder().decode(PeerLine.self, from: Data(text.utf8)) else {
            throw OfficeError(.malformed, "event", "a line of node \(node.short)'s event stream can't be read")
        }
        if let hello = line.hello {
            await directory.online(node, at: endpoint, hello: hello, now: .now)
            await office.reached(node, at: endpoint)
            presence.send(node)
            try await exchangeLog(with: node, theirHeads: hello.heads)
        }
        if let offers = line.offers {
            await directory.offers(offers, isWithoutStore: line.isWithoutStore == true, of: node)
            presence.send(node)
            // What its owner shares otherwise, its copies have to hear.
            await pins.arrived(node)
            await moved.heard(from: node)
        }
        if let copies = line.pins {
            await directory.pins(Array(copies.prefix(Self.mostPins)), of: node)
            presence.send(node)
        }
        for share in line.changed ?? [] { await pins.changed(share, of: node) }
        for space in line.changedSpaces ?? [] { await pins.changed(space: space) }
        if let queues = line.queues {
            await printing.take(queues, from: node)
            presence.send(node)
        }
        if let jobs = line.jobs { await printing.take(jobs, allAsOf: line.allJobsAsOf, from: node) }
        if let entries = line.entries { await office.take(entries, from: node) }
        for gossip in line.gossip ?? [] where await office.isOtherMember(gossip.node) {
            await directory.told(gossip)
            if await directory[gossip.node]?.presence != .online { await kick(gossip.node) }
        }
        if let notices = line.notices { board.take(notices, from: node) }
        if line.bye == true { state.saidGoodbye = true }
    }

    /// Gives and takes what either side misses of the office log.
    /// Has all of the office log that this member has, where it answers.
    nonisolated func catchUp(with node: NodeID) async {
        // No heads of an office: whatever is there differs from ours, so both tell what the other misses.
        do {
            try await exchangeLog(with: node, theirHeads: [])
        } catch {
            logger.debug(
                "the office log was not exchanged",
                metadata: [LogKey.nodeID: "\(node.short)", LogKey.error: "\(error)"])
        }
    }

    private nonisolated func exchangeLog(with node: NodeID, theirHeads: [EntryHash]) async throws {
        guard await office.headHashes() != theirHeads else { return }
        let ours = LogExchange(heads: await office.headHashes(), entries: await office.entries(missingFrom: theirHeads))
        let body = ByteBuffer(bytes: try JSONEncoder().encode(ours))
        var request = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: "/v1/log")
        request.headerFields[.contentLength] = String(body.readableBytes)
        let limit = Self.longestLine
        let answer = try await pool.exchange(with: node, request, send: { try await $0(body) }) { _, stream in
            try await stream.decoded(as: LogExchange.self, limit: limit)
        }
        await office.take(answer.entries, from: node)
    }
}

/// What one run of a link remembers; used by the link's own task alone.
private final class FollowState: Sendable {
    private let said = NIOLockedValueBox(false)
    var saidGoodbye: Bool {
        get { said.withLockedValue { $0 } }
        set { said.withLockedValue { $0 = newValue } }
    }
}

extension HTTPField.Name {
    /// The port the calling node listens on, so that it can be called back.
    static let officesharePort: Self = {
        guard let field = Self("Officeshare-Port") else { preconditionFailure("a literal is a field name") }
        return field
    }()
}
