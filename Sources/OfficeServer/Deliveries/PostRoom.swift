import Logging
import NIOCore
import OfficeConfiguration
import OfficeCore
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

/// Everything about deliveries on this node, made and tied together.
struct PostRoom: Sendable {
    /// What the runners and the faces work with.
    struct Parts: Sendable {
        let office: OfficeKeeper
        let shares: ShareKeeper
        let directory: PeerDirectory
        let outbox: Outbox
        let inbox: Inbox
        let carrier: DeliveryCarrier
        let responder: ShareResponder
        let gate: ExchangeGate
        let pool: PeerPool
        let governor: TransferGovernor
        let server: FileServer
        let aliases: SpaceAliases
        let working: WorkPool
        let passing: PassingDesk
        let transfers: TransferBoard
        /// Every change of a delivery, on either side.
        let changes: EventHub<DeliveryChange>
    }

    let parts: Parts
    let outboxRunner: OutboxRunner
    let inboxRunner: InboxRunner
    let returns: DeliveryReturns
    /// What is on its way out, as transfers.
    let sending: OutgoingTransfers

    init(
        settings: Settings, database: Database, office: OfficeKeeper, shares: ShareKeeper, directory: PeerDirectory,
        pool: PeerPool, governor: TransferGovernor, server: FileServer, aliases: SpaceAliases,
        responder: ShareResponder, gate: ExchangeGate, cache: any HashCache, presence: EventHub<NodeID>,
        passing: PassingDesk, transfers: TransferBoard, logger: Logger
    ) async throws {
        let store = DeliveryStore(database: database)
        // What a spool hashes keeps no transfer waiting.
        let (working, keeping) = (
            WorkPool(threads: 2, syncThreads: 2), WorkPool(threads: 2, syncThreads: 1)
        )
        let changes = EventHub<DeliveryChange>()
        let (outgoing, wakeOutbox) = AsyncStream.makeStream(of: Destination.self)
        let (incoming, wakeInbox) = AsyncStream.makeStream(of: NodeID.self)
        let outbox = try await Outbox(
            store: store, spool: try await ContentSpool(at: settings.stateDirectory + "/outbox", pool: keeping),
            limits: DeliveryLimits(settings.outbox), cache: cache, logger: logger,
            changed: { changes.send(.outgoing($0)) }, hasWork: { wakeOutbox.yield($0) })
        let inbox = try await Inbox(
            identity: office.identity, store: store,
            spool: try await ContentSpool(at: settings.stateDirectory + "/inbox", pool: keeping),
            rule: AcceptRule(
                principals: settings.inbox.accept, mostBytes: Int64(settings.inbox.maximumMegabytes) << 20),
            limits: DeliveryLimits(settings.inbox), logger: logger,
            changed: { changes.send(.incoming($0)) }, hasWork: { wakeInbox.yield($0) })
        parts = Parts(
            office: office, shares: shares, directory: directory, outbox: outbox, inbox: inbox,
            carrier: DeliveryCarrier(office: office, directory: directory, pool: pool), responder: responder,
            gate: gate, pool: pool, governor: governor, server: server, aliases: aliases, working: working,
            passing: passing, transfers: transfers, changes: changes)
        sending = OutgoingTransfers(
            board: transfers, outbox: outbox, office: office, changes: changes, logger: logger)
        outboxRunner = OutboxRunner(post: parts, work: outgoing, logger: logger)
        inboxRunner = InboxRunner(post: parts, work: incoming, logger: logger)
        returns = DeliveryReturns(
            post: parts, presence: presence,
            wake: { node in
                wakeOutbox.yield(Destination(node: node, isUpload: false))
                wakeOutbox.yield(Destination(node: node, isUpload: true))
                wakeInbox.yield(node)
            })
    }
}

/// A delivery as it is now, or was when it was forgotten.
enum DeliveryChange: Sendable {
    case outgoing(OutgoingDelivery)
    case incoming(IncomingDelivery)
}

extension PostRoom.Parts {
    func offer(_ offer: DeliveryOffer, to node: NodeID) async throws -> DeliveryReport {
        guard node != office.identity.id else { return try await inbox.take(offer, from: node, in: await office.state) }
        return try await carrier.offer(offer, to: node)
    }

    /// Tells a sender how its delivery stands, if it can be told now.
    func report(_ report: DeliveryReport, to node: NodeID) async {
        if node == office.identity.id {
            try? await outbox.told(report, by: node, key: office.identity.key)
        } else {
            try? await carrier.report(report, to: node)
        }
    }

    func key(of node: NodeID) async throws -> NodeKey {
        if node == office.identity.id { return office.identity.key }
        guard let member = await office.state?.members[node] else {
            throw OfficeError(.notFound, node.short, "it is no member of the office any more")
        }
        return member.key
    }

    /// Throws where a node is known to be away: what waits for it needs no connection to find that out.
    func checkOnline(_ owner: NodeID) async throws {
        guard let node = await office.answering(for: owner) else {
            throw OfficeError(.unavailable, await office.name(of: owner), "the office has no file server")
        }
        guard node != office.identity.id, let known = await directory[node],
            known.presence == .offline || known.presence == .gone
        else { return }
        let who = node == owner ? "the node" : "the file server"
        throw OfficeError(.unavailable, await office.name(of: owner), "\(who) is offline")
    }

    /// Fetches deliveries from their sender.
    func downloader(from node: NodeID, options: TransferOptions) -> Downloader {
        guard node == office.identity.id else {
            return Downloader(
                transport: DeliveryTransport(
                    office: office, pool: pool, node: node, governor: governor, passing: passing),
                pool: working, options: options)
        }
        let outbox = outbox
        let transport = LocalTransport(responder: responder, mayWrite: false) { share in
            try await outbox.folder(of: DeliveryID(share.description), for: node)
        }
        return Downloader(transport: transport, pool: working, options: options)
    }

    /// Fetches from shares of other nodes, in a user's name.
    func downloader(as user: UserName, options: TransferOptions) -> Downloader {
        Downloader(
            transport: PeerTransport(
                office: office, pool: pool, user: user.description, governor: governor, load: .people,
                passing: passing),
            pool: working, options: options)
    }

    func uploader(to owner: NodeID, as user: UserName, options: TransferOptions) async -> Uploader {
        guard await office.answering(for: owner) != office.identity.id else {
            let principal = Principal(node: office.identity.id, user: user)
            let server = server
            let transport = LocalTransport(responder: responder, mayWrite: true) { space in
                try await server.open(space, for: principal, epoch: nil)
            }
            return Uploader(transport: transport, pool: working, options: options)
        }
        return Uploader(
            transport: PeerTransport(
                office: office, pool: pool, user: user.description, governor: governor, load: .people,
                passing: passing),
            pool: working, options: options)
    }
}

/// Tries again at once what waits for a node that has just come back.
struct DeliveryReturns: Service {
    let post: PostRoom.Parts
    let presence: EventHub<NodeID>
    let wake: @Sendable (NodeID) -> Void

    func run() async throws {
        while !Task.isCancelled {
            for await node in presence.listen().cancelOnGracefulShutdown() {
                guard await post.directory[node]?.presence == .online else { continue }
                await post.outbox.returned(node)
                wake(node)
                if await post.office.isFileServer(node), let office = await post.office.state?.office {
                    wake(office.asOwner)
                }
            }
            // A hub cuts off who falls behind.
            guard !Task.isShuttingDownGracefully else { return }
        }
    }
}

extension DeliveryLimits {
    init(_ settings: Settings.Outbox) {
        self.init(
            deliveries: settings.deliveries, deliveriesPerNode: settings.deliveries,
            bytes: Int64(settings.spoolMegabytes) << 20, retentionSeconds: Int64(settings.retentionHours) * 3600,
            retainedBytes: Int64(settings.retainedMegabytes) << 20)
    }

    init(_ settings: Settings.Inbox) {
        self.init(
            deliveries: settings.deliveries, deliveriesPerNode: settings.deliveriesPerNode,
            bytes: Int64(settings.spoolMegabytes) << 20)
    }
}
