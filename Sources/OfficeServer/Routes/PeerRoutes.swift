import AsyncAlgorithms
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficePrinting
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What members may ask of this node.
struct PeerRoutes: Sendable {
    /// How often an event stream says that it is alive.
    private static let heartbeat = Duration.seconds(1)

    let office: OfficeKeeper
    let shares: ShareKeeper
    let directory: PeerDirectory
    let links: PeerLinks
    let problems: ProblemBoard
    let responder: ShareResponder
    let farewell: EventHub<Void>
    let streams: MemberStreams
    let gate: ExchangeGate
    let printing: PrintHouse
    let pins: PinKeeper
    let watcher: ShareWatcher
    let governor: TransferGovernor
    let spaces: PeerSpaceRoutes
    let passing: PeerPassingRoutes
    let post: PostRoom
    let live: LiveSettings
    let version: String

    func makeResponder() -> RouterResponder<MemberContext> {
        let router = Router(context: MemberContext.self)
        router.get("/v1/events") { request, context -> Response in
            try await admit(request, context)
            return events(for: context.caller.node)
        }
        router.post("/v1/log") { request, context -> Response in
            try await admit(request, context)
            return try await exchangeLog(request, context)
        }
        router.post("/v1/shares/:share/:verb") { request, context -> Response in
            try await admit(request, context)
            return try await exchange(request, context)
        }
        router.get("/v1/shares/:share") { request, context -> Response in
            try await admit(request, context)
            return try await record(request, context)
        }
        router.post("/v1/pins/:owner/:share/:verb") { request, context -> Response in
            try await admit(request, context)
            return try await exchangeWithCopy(request, context)
        }
        router.post("/v1/moves/:share") { request, context -> Response in
            try await admit(request, context)
            return try await move(request, context)
        }
        spaces.add(to: router) { try await admit($0, $1) }
        passing.add(to: router) { try await admit($0, $1) }
        PeerPrintRoutes(house: printing, gate: gate).add(to: router) { try await admit($0, $1) }
        PeerDeliveryRoutes(post: post.parts).add(to: router) { try await admit($0, $1) }
        return router.buildResponder()
    }

    /// A key alone is not enough: of two machines that are online with the same one, a clone and its original,
    /// only the first is dealt with.
    private func admit(_ request: Request, _ context: MemberContext) async throws {
        let node = context.caller.node
        // Its connections are closed as soon as it was told; until then it gets nothing more on them.
        guard office.admission.isMember(node) else {
            throw OfficeError(.notAllowed, "this node", "the caller is no member of its office")
        }
        let known = await directory[node]
        if let port = request.headers[.officesharePort].flatMap({ UInt16($0) }),
            let host = context.caller.address?.bareHost
        {
            await directory.called(node, from: Endpoint(host: host, port: port))
        }
        guard let known, known.presence == .online, let hello = known.hello else {
            await links.kick(node)
            return
        }
        guard let incarnation = request.headers[.incarnation], incarnation != hello.incarnation else { return }
        problems.raise(.cloned(await office.name(of: node)), for: ProblemBoard.memoryOfCopies)
        throw OfficeError(
            .exists, "this node", "another machine with the same key is online",
            mend: "One was cloned from the other: delete the state of the copy and join it again.")
    }

    // MARK: Events

    private enum Happening: Sendable {
        case heartbeat, log(LogNews), offers, pins, changed(Label), changedSpace(Label), queues, jobs, notices, stopping
    }

    /// A stream ends by itself after its last line: see `MemberStreams`.
    private func events(for node: NodeID) -> Response {
        // From before the first line on, so that nothing falls between it and the rest.
        let news = office.news.listen()
        let changes = shares.changes.listen()
        let copies = pins.changes.listen()
        let contents = watcher.changes.listen()
        let spaceContents = spaces.watcher.changes.listen()
        let queues = printing.keeper.changes.listen()
        let jobs = printing.receivedChanged.listen()
        let notices = spaces.server.noticesChanged.listen()
        let stopping = farewell.listen()
        let begin: @Sendable () -> @Sendable () -> Void = { [streams] in
            let number = streams.begin(of: node)
            return { streams.end(number) }
        }
        return .streaming("application/x-ndjson", begin: begin) { write in
            var told = await printing.received.version
            var toldQueues = await printing.keeper.offers(for: node)
            var toldKeeper = await office.isFileServer(node)
            try await write(
                Self.line(
                    PeerLine(
                        hello: await hello(), offers: await offers(for: node),
                        isWithoutStore: await isWithoutStore(),
                        pins: await pins.offers(for: node), gossip: await directory.gossip(), queues: toldQueues,
                        jobs: await printing.reports(for: node), allJobsAsOf: told,
                        notices: await spaces.server.notices(for: node))))
            let happenings = merge(
                merge(
                    merge(
                        merge(news.map { Happening.log($0) }, changes.map { _ in Happening.offers }),
                        merge(
                            copies.map { _ in Happening.pins },
                            merge(contents.map { .changed($0) }, spaceContents.map { Happening.changedSpace($0) }))),
                    merge(queues.map { _ in Happening.queues }, jobs.map { _ in Happening.jobs })),
                merge(
                    merge(stopping.map { _ in Happening.stopping }, notices.map { _ in Happening.notices }),
                    AsyncTimerSequence(interval: Self.heartbeat, clock: .continuous).map { _ in Happening.heartbeat }))
            for await happening in happenings {
                switch happening {
                case .heartbeat: try await write(ByteBuffer(string: "\n"))
                case .log(let news):
                    try await write(Self.line(PeerLine(entries: news.entries)))
                    if !news.members.contains(node) { return }
                    let isKeeper = await office.isFileServer(node)
                    guard isKeeper != toldKeeper else { continue }
                    toldKeeper = isKeeper
                    try await write(
                        Self.line(PeerLine(offers: await offers(for: node), isWithoutStore: await isWithoutStore())))
                case .offers:
                    try await write(
                        Self.line(PeerLine(offers: await offers(for: node), isWithoutStore: await isWithoutStore())))
                case .pins: try await write(Self.line(PeerLine(pins: await pins.offers(for: node))))
                case .changed(let share):
                    guard await shares.isOffered(share, to: node, isKeeper: await office.isFileServer(node)) else {
                        continue
                    }
                    try await write(Self.line(PeerLine(changed: [share])))
                case .changedSpace(let space):
                    guard await spaces.server.offers(for: node).contains(where: { $0.name == space }) else { continue }
                    try await write(Self.line(PeerLine(changedSpaces: [space])))
                case .queues:
                    let now = await printing.keeper.offers(for: node)
                    guard now != toldQueues else { continue }
                    toldQueues = now
                    try await write(Self.line(PeerLine(queues: now)))
                case .jobs:
                    let version = await printing.received.version
                    let changed = await printing.reports(for: node, after: told)
                    told = version
                    if !changed.isEmpty { try await write(Self.line(PeerLine(jobs: changed))) }
                case .notices:
                    try await write(Self.line(PeerLine(notices: await spaces.server.notices(for: node))))
                case .stopping:
                    try await write(Self.line(PeerLine(bye: true)))
                    return
                }
            }
        }
    }

    /// This node's shares, and the office's spaces where it holds them.
    private func offers(for node: NodeID) async -> [PeerOffer] {
        await shares.offers(for: node, isKeeper: await office.isFileServer(node))
            + (await spaces.server.offers(for: node))
    }

    private func isWithoutStore() async -> Bool? { await spaces.server.failure == nil ? nil : true }

    private func hello() async -> PeerHello {
        PeerHello(
            incarnation: office.incarnation, version: version, port: await office.port,
            heads: await office.headHashes(),
            time: .now)
    }

    private static func line(_ line: PeerLine) throws -> ByteBuffer {
        var buffer = ByteBuffer(bytes: try JSONEncoder().encode(line))
        buffer.writeString("\n")
        return buffer
    }

    // MARK: Log and shares

    private func exchangeLog(_ request: Request, _ context: MemberContext) async throws -> Response {
        let theirs = try await request.decoded(as: LogExchange.self, limit: live.limits.bodyBytes)
        await office.take(theirs.entries, from: context.caller.node)
        return try .json(
            LogExchange(heads: await office.headHashes(), entries: await office.entries(missingFrom: theirs.heads)))
    }

    private func exchange(_ request: Request, _ context: MemberContext) async throws -> Response {
        let name = try context.parameters.label("share")
        guard let verb = ShareVerb(rawValue: context.parameters.get("verb") ?? "") else {
            throw OfficeError(.notFound, "request", "there is no such verb")
        }
        let opened = try await opened(name, request, context)
        try verb.check(mayWrite: opened.mayWrite, share: name)
        return shareResponse { write in
            try await gate.run {
                try await responder.respond(
                    to: verb, in: opened.changes, mayWrite: opened.mayWrite,
                    request: governor.paced(request.body, .in, with: context.caller.node),
                    write: governor.paced(write, .out, with: context.caller.node))
            }
        }
    }
}

extension PeerRoutes {
    /// Who asks: a node by its key, and a user by that node's word.
    private func principal(_ request: Request, _ context: MemberContext) throws -> Principal {
        let user = String(validating: try percentDecoded(request.headers[.officeshareUser] ?? ""), as: UTF8.self) ?? ""
        return Principal(node: context.caller.node, user: try UserName(user))
    }

    /// A share, by its list; for the file server's copy, by its owner's wish that it be kept.
    private func opened(
        _ name: Label, _ request: Request, _ context: MemberContext
    ) async throws -> ShareKeeper.Opened {
        guard request.headers[.officeshareKeeping] != nil, await office.isFileServer(context.caller.node) else {
            return try await shares.open(name, for: try principal(request, context))
        }
        return try await shares.openKept(name, by: context.caller.node)
    }

    /// One step of moving a share to the centre.
    private func move(_ request: Request, _ context: MemberContext) async throws -> Response {
        let server = context.caller.node
        guard await office.isFileServer(server) else {
            throw OfficeError(.notAllowed, "this node", "only the file server may move its shares")
        }
        let call = try await request.decoded(as: ShareMoveCall.self, limit: live.limits.bodyBytes)
        return try .json(
            try await shares.move(
                try context.parameters.label("share"), call, by: server, on: office.identity.id))
    }

    /// This node's signed word on one of its shares, for who keeps a copy: from now on they hear of changes.
    private func record(_ request: Request, _ context: MemberContext) async throws -> Response {
        let name = try context.parameters.label("share")
        let opened = try await opened(name, request, context)
        await watcher.watch(name, at: opened.folder)
        return try .json(try await shares.sealed(name, by: office.identity))
    }

    /// An exchange with the copy that this node keeps of another's share, by that one's list.
    private func exchangeWithCopy(_ request: Request, _ context: MemberContext) async throws -> Response {
        let share = try context.parameters.label("share")
        let owner = try NodeID(hex: context.parameters.get("owner") ?? "")
        guard let verb = ShareVerb(rawValue: context.parameters.get("verb") ?? ""), !verb.writes else {
            throw OfficeError(.notFound, "request", "there is no such verb")
        }
        let folder = try await pins.open(owner, share, for: try principal(request, context))
        return shareResponse { write in
            try await gate.run {
                try await responder.respond(
                    to: verb, in: folder, mayWrite: false,
                    request: governor.paced(request.body, .in, with: context.caller.node),
                    write: governor.paced(write, .out, with: context.caller.node))
            }
        }
    }
}

extension ShareVerb {
    func check(mayWrite: Bool, share: Label) throws {
        guard !writes || mayWrite else {
            throw OfficeError(
                .notAllowed, share.description, "the share is read-only",
                mend: "Its owner can change that with 'officeshare share set \(share) --rw'.")
        }
    }
}
