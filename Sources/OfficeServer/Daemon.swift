import CLinux
package import Logging
import NIOCore
import NIOPosix
package import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeDiscovery
package import OfficeSystem
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

/// The whole daemon: its parts made and tied together, as services for one ServiceGroup.
///
/// Made before anything listens; a failure to make it is a configuration or I/O error with its mend.
package struct Daemon: Sendable {
    /// Event loops: two cores' worth carries a gigabit each; more threads only cost memory.
    private static let loops = 2

    package let composition: Composition

    package init(settings: Settings, version: String, logger: Logger) async throws {
        let started = ContinuousClock.now
        os_frugal_malloc()
        try StateDirectory.prepare(settings.stateDirectory)
        let identity = try NodeIdentity.loadOrCreate(in: settings.stateDirectory)
        let database = try Database(at: settings.stateDirectory + "/officeshare.sqlite")
        let group = MultiThreadedEventLoopGroup(numberOfThreads: Self.loops)
        let live = LiveSettings(settings)
        let names = NIOThreadPool(numberOfThreads: 1)
        names.start()

        let problems = ProblemBoard()
        let presence = EventHub<NodeID>()
        let farewell = EventHub<Void>()
        let streams = MemberStreams()
        let directory = PeerDirectory(mostAnnounced: settings.limits.peers)
        let peerStore = PeerStore(database: database)
        let office = try await OfficeKeeper(
            identity: identity, settings: settings, directory: directory, peerStore: peerStore, logger: logger)
        let shares = try await ShareKeeper(database: database, most: settings.limits.shares, logger: logger)
        let tls = try PeerTLS(identity: identity)
        let budget = ByteBudget(capacity: settings.limits.transferMegabytes << 20)
        let connector = PeerConnector(tls: tls, group: group, names: names, budget: budget)
        let pool = PeerPool(connector: connector, directory: directory, incarnation: office.incarnation)
        let printing = try await PrintHouse(
            settings: settings, office: office, directory: directory, pool: pool, problems: problems,
            presence: presence, logger: logger)
        let transfers = TransferBoard(
            rejections: RejectionLog(logger: logger) { await office.node(named: $0) })
        let governor = TransferGovernor(settings.transfers)
        let cache = BlockCache(
            in: settings.stateDirectory, capacity: Int64(settings.transfers.passingMegabytes) << 20)
        let hashes = try HashStore(at: settings.stateDirectory + "/hashes.sqlite")
        let passing = PassingDesk(
            cache: cache, own: OwnContents(folders: { await shares.folders() }, hashes: hashes), office: office,
            pool: pool)
        let pins = try await PinKeeper(
            store: PinStore(database: database, stateDirectory: settings.stateDirectory), office: office,
            directory: directory, pool: pool, transfers: transfers, governor: governor, passing: passing,
            most: settings.limits.pins,
            days: settings.limits.pinDays,
            logger: logger)
        let watcher = ShareWatcher(mostDirectories: settings.limits.watchedDirectories, logger: logger)
        let spaceWatcher = ShareWatcher(mostDirectories: settings.limits.watchedDirectories, logger: logger)
        let board = NoticeBoard()
        let links = PeerLinks(
            office: office, directory: directory, pool: pool, problems: problems, presence: presence,
            printing: printing, pins: pins,
            moved: MovedShares(office: office, shares: shares, directory: directory, pool: pool),
            board: board,
            logger: logger)
        let responder = ShareResponder(hashCache: hashes)
        let calls = MemberCalls(office: office, directory: directory, pool: pool, links: links)
        let server = FileServer(
            calls: calls, shares: shares, stateDirectory: settings.stateDirectory, hashes: hashes, board: board,
            copies: pins.standing, logger: logger)
        let aliases = SpaceAliases(office: office, server: server, shares: shares, directory: directory)
        let desk = SpaceDesk(
            server: server, office: office, hashes: hashes,
            mover: SpaceMover(
                server: server, office: office, shares: shares, directory: directory, pool: pool, governor: governor,
                responder: responder, passing: passing))
        // Threads of its own: a store that doesn't answer holds up no share.
        let spaceSwitch = SpaceSwitch(
            server: server, desk: desk, pool: pool, responder: ShareResponder(hashCache: hashes), office: office)
        let spaces = OfficeGateway(
            office: office, server: server, desk: desk, directory: directory, pool: pool, spaces: spaceSwitch)
        let probes = ProbeDesk()
        let exchanges = ExchangeGate(
            openFiles: settings.limits.openFiles, patience: .seconds(settings.limits.requestSeconds))
        let post = try await PostRoom(
            settings: settings, database: database, office: office, shares: shares, directory: directory, pool: pool,
            governor: governor, server: server, aliases: aliases, responder: responder, gate: exchanges, cache: hashes,
            presence: presence, passing: passing, transfers: transfers, logger: logger)
        let gateway = Gateway(
            office: office, shares: shares, directory: directory, pool: pool, responder: responder, gate: exchanges,
            pins: pins, governor: governor, spaces: spaces, aliases: aliases, passing: passing)
        let reporter = StatusReporter(
            office: office, shares: shares, directory: directory, problems: problems, gateway: gateway,
            presence: presence, queues: printing.keeper, pins: pins, server: server,
            deliveries: DeliveryDesk(post: post.parts), board: board,
            started: started, version: version)
        let registry = ConnectionRegistry(caps: settings.limits.caps)

        let tracker = ReadingTracker(identity: identity, incarnation: office.incarnation)
        let passingRoutes = PeerPassingRoutes(
            desk: passing, tracker: tracker, shares: shares, outbox: post.parts.outbox, hashes: hashes,
            holders: KnownHolders(office: office, directory: directory, pool: pool, tracker: tracker),
            governor: governor)
        let peerRoutes = PeerRoutes(
            office: office, shares: shares, directory: directory, links: links, problems: problems,
            responder: responder,
            farewell: farewell, streams: streams, gate: exchanges, printing: printing, pins: pins,
            watcher: watcher, governor: governor,
            spaces: PeerSpaceRoutes(
                office: office, server: server, desk: desk, links: links, pool: pool, responder: responder,
                gate: exchanges, watcher: spaceWatcher, passing: passingRoutes, live: live, calls: calls,
                spaces: spaceSwitch, probes: probes),
            passing: passingRoutes,
            post: post, live: live, version: version)
        let joiner = Joiner(
            office: office, directory: directory, connector: connector, identity: identity, settings: settings)
        let control = ControlRoutes(
            office: office, shares: shares, reporter: reporter, joiner: joiner, gateway: gateway,
            printing: printing, pins: pins, transfers: transfers,
            spaces: ControlSpaceRoutes(
                gateway: spaces,
                promotion: Promotion(calls: calls, server: server, probes: probes),
                live: live),
            post: post, live: live)

        let gate = Gate(waitingFor: ["members", "control"])
        let printers = Gate(waitingFor: ["printers"])
        // The group stops them from the last to the first: goodbyes are said while there are still connections.
        var parts = [
            Composition.Part("pool", pool),
            .init("members", Self.listener(live, tls, group, registry, budget, office, peerRoutes, gate, logger)),
            .init("control", Self.controlListener(live, group, budget, control, gate, logger)),
            .init("links", links),
            .init("membership", MembershipWatch(office: office, registry: registry, streams: streams)),
            .init(
                "discovery",
                DiscoveryService(
                    live: live, office: office, directory: directory, links: links, problems: problems,
                    group: group,
                    logger: logger)),
            .init("queues", printing.keeper),
            .init(
                "localQueues",
                LocalQueues(
                    house: printing, problems: problems, port: Self.localQueuePort(settings), listening: printers,
                    logger: logger)),
            .init("queueRunner", printing.queueRunner),
            .init("deliveryRunner", printing.deliveryRunner),
            .init("jobFeedback", printing.feedback),
            .init("returnWatch", printing.returns),
            .init("pins", pins),
            .init("outbox", post.outboxRunner),
            .init("inbox", post.inboxRunner),
            .init("deliveryReturns", post.returns),
            .init("sending", post.sending),
            .init(
                "fileServer",
                FileServerService(
                    server: server, office: office, directory: directory, links: links, presence: presence,
                    versionsBytes: Int64(settings.spaces.versionsMegabytes) << 20, logger: logger)),
            .init("upkeep", Upkeep(shares: shares, logger: logger)),
            .init("passing", PassingUpkeep(cache: cache)),
            .init("farewell", Farewell(hub: farewell, streams: streams)),
        ]
        if settings.printing.port > 0 {
            parts.append(
                .init(
                    "printers",
                    PrinterFace(
                        listener: PrinterListener(
                            port: UInt16(clamping: settings.printing.port), live: live,
                            desk: OfficeDesk(house: printing), node: identity.id, cups: printing.scheduler,
                            group: group,
                            logger: logger,
                            listening: { _ in await printers.reached("printers") }),
                        problems: problems, logger: logger, decided: { await printers.reached("printers") })))
        }
        composition = Composition(
            parts: parts, ready: { await gate.wait() }, isHealthy: { await office.isResponsive() },
            status: { await Self.statusLine(reporter) },
            reload: { changed in
                governor.apply(changed.transfers)
                cache.configure(capacity: Int64(changed.transfers.passingMegabytes) << 20)
                live.replace(by: changed)
                registry.configure(changed.limits.caps)
                budget.configure(capacity: changed.limits.transferMegabytes << 20)
                await exchanges.configure(
                    openFiles: changed.limits.openFiles, patience: .seconds(changed.limits.requestSeconds))
                await shares.configure(most: changed.limits.shares)
                await pins.configure(most: changed.limits.pins, days: changed.limits.pinDays)
                await directory.keep(atMost: changed.limits.peers)
                await directory.configure(DiscoveryService.endpoints(of: changed))
                await links.kickAll()
            })
    }

    /// One line on how the node is, for `systemctl status`.
    private static func statusLine(_ reporter: StatusReporter) async -> String {
        let status = await reporter.status(for: LocalCaller(userID: 0, userName: "root", manages: true))
        guard let office = status.office else { return "In no office; \(status.shares) shares" }
        return "Office \(office.name): \(office.online) of \(office.members) nodes online; \(status.shares) shares"
    }

    /// Where the local CUPS finds the office's printers; nil where it isn't to have them.
    private static func localQueuePort(_ settings: Settings) -> UInt16? {
        settings.printing.port > 0 && settings.printing.localQueues ? UInt16(clamping: settings.printing.port) : nil
    }

    private static func listener(
        _ live: LiveSettings, _ tls: PeerTLS, _ group: any EventLoopGroup, _ registry: ConnectionRegistry,
        _ budget: ByteBudget, _ office: OfficeKeeper, _ routes: PeerRoutes, _ gate: Gate, _ logger: Logger
    ) -> PeerListener {
        let members = RequestAnswerer(
            responder: routes.makeResponder(), mostRequests: { live.limits.requestsPerConnection },
            logger: logger)
        let joining = RequestAnswerer(
            responder: JoinRoutes(office: office).makeResponder(), mostRequests: { live.limits.requestsPerConnection },
            logger: logger)
        return PeerListener(
            live: live, tls: tls, group: group, registry: registry, budget: budget, admission: office.admission,
            logger: logger,
            listening: {
                await office.listening(on: $0)
                await gate.reached("members")
            },
            responder: { purpose, peer, remote in
                let count = RequestCount()
                switch purpose {
                case .member:
                    let source = CallerSource(logger: logger, caller: MemberCaller(node: peer.nodeID, address: remote))
                    return { try await members.answer($0, $1, $2, context: .init(source: source), count: count) }
                case .joining:
                    let source = CallerSource(logger: logger, caller: JoiningCaller(presented: peer))
                    return { try await joining.answer($0, $1, $2, context: .init(source: source), count: count) }
                }
            })
    }

    private static func controlListener(
        _ live: LiveSettings, _ group: any EventLoopGroup, _ budget: ByteBudget, _ routes: ControlRoutes,
        _ gate: Gate, _ logger: Logger
    ) -> ControlListener {
        let answerer = RequestAnswerer(
            responder: routes.makeResponder(), mostRequests: { live.limits.requestsPerConnection },
            logger: logger)
        return ControlListener(
            path: live.current.controlSocket, live: live, group: group, budget: budget, logger: logger,
            listening: { await gate.reached("control") }
        ) { caller in
            let source = CallerSource(logger: logger, caller: caller)
            let count = RequestCount()
            return { try await answerer.answer($0, $1, $2, context: .init(source: source), count: count) }
        }
    }
}

extension Settings.Limits {
    var caps: ConnectionRegistry.Caps {
        .init(connections: connections, perPeer: connectionsPerPeer, handshakes: handshakes)
    }
}
