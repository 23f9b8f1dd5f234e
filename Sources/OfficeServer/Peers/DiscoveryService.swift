import Logging
import NIOCore
import NIOPosix
import OfficeConfiguration
import OfficeCore
import OfficeDiscovery
import OfficeTrust
import ServiceLifecycle

/// Turns what is seen on the LAN into facts of the directory and reasons to knock; announces this node.
struct DiscoveryService: Service {
    /// How often strangers' ports are asked whether they answer, and for how long.
    private static let probeInterval = Duration.seconds(3)
    private static let probePatience = TimeAmount.milliseconds(1_500)
    /// Strangers that are asked.
    private static let mostProbed = 64

    let live: LiveSettings
    let office: OfficeKeeper
    let directory: PeerDirectory
    let links: PeerLinks
    let problems: ProblemBoard
    let group: any EventLoopGroup
    let logger: Logger

    func run() async throws {
        let changes = live.changes.listen()
        await directory.configure(Self.endpoints(of: live.current))
        await withGracefulShutdownHandler {
            var changed = changes.cancelOnGracefulShutdown().makeAsyncIterator()
            var settings: Settings? = live.current
            while let rules = settings {
                settings = await withDiscardingTaskGroup { [self] tasks in
                    look(by: rules, &tasks)
                    defer { tasks.cancelAll() }
                    while let next = await changed.next() {
                        if !next.looksLike(rules) { return next }
                    }
                    return nil
                }
                guard settings != nil else { return }
                // What was seen by the old rules is heard again by the new ones, where it may be.
                await directory.forgetAnnouncements()
                problems.settle(.clonedHere)
                problems.settle(.avahiMissing)
            }
        } onGracefulShutdown: {
        }
    }

    /// Everything that goes by the interfaces in use, until it is cancelled.
    private func look(by settings: Settings, _ tasks: inout DiscardingTaskGroup) {
        let rules = InterfaceRules(
            allowed: settings.discovery.interfaces, ignored: settings.discovery.ignoredInterfaces)
        tasks.addTask { await followInterfaces(rules) }
        guard settings.discovery.mdns else { return }
        var limits = DiscoverySettings.Limits()
        limits.instances = settings.limits.peers
        let discovery = DNSSDDiscovery(settings: DiscoverySettings(interfaces: rules, limits: limits), logger: logger)
        tasks.addTask { try? await discovery.run() }
        tasks.addTask { await follow(discovery) }
        tasks.addTask { await announce(by: discovery) }
        tasks.addTask { await probeStrangers() }
    }

    /// The addresses under `peers:`.
    static func endpoints(of settings: Settings) -> [Endpoint] {
        // Checked when the configuration was read.
        settings.staticPeers.compactMap { try? Endpoint(parsing: $0, defaultPort: Endpoint.defaultPort) }
    }

    /// An interface that came, went or changed its address is a reason to try everybody again.
    private func followInterfaces(_ rules: InterfaceRules) async {
        do {
            for await _ in try InterfaceMonitor(rules: rules).changes().cancelOnGracefulShutdown() {
                await links.kickAll()
            }
        } catch {
            logger.warning("interfaces can't be watched", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func follow(_ discovery: DNSSDDiscovery) async {
        var copies: Set<Sighting.Key> = []
        for await event in discovery.events.cancelOnGracefulShutdown() {
            switch event {
            case .found(let sighting):
                if copies.remove(sighting.key) != nil, copies.isEmpty { problems.settle(.clonedHere) }
                await found(sighting)
            case .lost(let key):
                if copies.remove(key) != nil, copies.isEmpty { problems.settle(.clonedHere) }
                await directory.lost(key)
            case .availability(true): problems.settle(.avahiMissing)
            case .availability(false): problems.raise(.avahiMissing)
            case .renamed(let name): logger.notice("another node has our name", metadata: [LogKey.nodeName: "\(name)"])
            case .duplicate(let sighting):
                copies.insert(sighting.key)
                problems.raise(.clonedHere)
            }
        }
    }

    private func found(_ sighting: Sighting) async {
        guard await directory.found(sighting, now: .now) else { return }
        for node in await office.otherMembers() where node.short == sighting.idPrefix {
            if await directory[node]?.presence != .online { await links.kick(node) }
        }
    }

    private func announce(by discovery: DNSSDDiscovery) async {
        let changes = office.changes.listen()
        await discovery.advertise(await advertisement())
        for await _ in changes.cancelOnGracefulShutdown() { await discovery.advertise(await advertisement()) }
    }

    private func advertisement() async -> Advertisement {
        let state = await office.state
        return Advertisement(
            name: await office.ownName, port: UInt16(clamping: await office.port), nodeID: office.identity.id,
            officeID: state?.office,
            role: state?.fileServer?.setting.nodes.contains(office.identity.id) == true ? .server : .peer)
    }

    // MARK: Strangers

    private func probeStrangers() async {
        while (try? await Task.sleep(for: Self.probeInterval)) != nil, !Task.isShuttingDownGracefully {
            let members = Set(await office.otherMembers().map(\.short))
            let strangers = await directory.announced.values.filter { !members.contains($0.idPrefix) }
            for stranger in strangers.prefix(Self.mostProbed) {
                await directory.answered(stranger.sighting.key, await answers(stranger.endpoints), now: .now)
            }
        }
    }

    /// Whether any of the addresses takes a connection; nothing is sent on it.
    private func answers(_ endpoints: [Endpoint]) async -> Bool {
        for endpoint in endpoints.prefix(2) {
            guard let address = try? endpoint.resolved() else { continue }
            let connection = ClientBootstrap(group: group).connectTimeout(Self.probePatience).connect(to: address)
            if let channel = try? await connection.get() {
                try? await channel.close()
                return true
            }
        }
        return false
    }
}

extension Settings {
    /// Whether others are looked for in the same way by both.
    fileprivate func looksLike(_ other: Settings) -> Bool {
        discovery == other.discovery && limits.peers == other.limits.peers
    }
}
