import Dispatch
package import Logging
import OfficeCore
import ServiceLifecycle

/// Announces this node on the LAN and hears the others, through avahi-daemon.
///
/// Owns every handle of dns_sd on a serial queue of its own: avahi-compat blocks, for milliseconds, or for
/// D-Bus's 25 seconds if avahi-daemon hangs. On each LAN interface there is one browse and one registration;
/// on no other is anything asked or told. An avahi-daemon that is missing, stops or starts is an ordinary event.
package actor DNSSDDiscovery {
    /// What happens on the LAN, for one consumer. Ends with `run()`.
    package nonisolated let events: DiscoveryEvents

    let settings: DiscoverySettings
    let logger: Logger
    let mailbox: EventMailbox
    nonisolated let monitor: InterfaceMonitor
    private nonisolated let executor = QueueExecutor(label: "officeshare.discovery")
    let clock = ContinuousClock()

    var isRunning = false
    /// nil before the first try.
    var isAvailable: Bool?
    var advertisement: Advertisement?
    /// Kept when nothing is announced any more: the LAN may still have it.
    var ownIDPrefix: String?
    var interfaces: [NetworkInterface] = []
    /// When each of this machine's addresses was last its own.
    var ownAddresses: [String: ContinuousClock.Instant] = [:]

    /// All handles, and what each is for.
    private var references: [ReferenceID: (reference: Reference, purpose: Purpose)] = [:]
    private var lastID: UInt64 = 0
    var lastRound: UInt64 = 0
    var sessions: [UInt32: Session] = [:]
    /// Without any LAN: a browse on the loopback interface, which only tells whether avahi-daemon is there.
    var anchor: ReferenceID?

    var table: InstanceTable
    var lookups: [Sighting.Key: Lookup] = [:]
    /// When what avahi-daemon didn't tell of again after its return is taken for lost.
    var graceEnd: ContinuousClock.Instant?
    var isTicking = false
    /// Something was refused that may be granted next time.
    var mustRetry = false
    /// What was refused last: said once, not every second.
    var refusal: OfficeError?

    /// Begins nothing before `run()`.
    package init(settings: DiscoverySettings = DiscoverySettings(), logger: Logger) {
        self.settings = settings
        self.logger = logger
        mailbox = EventMailbox()
        events = DiscoveryEvents(mailbox: mailbox)
        monitor = InterfaceMonitor(rules: settings.interfaces)
        table = InstanceTable(limits: settings.limits, refreshInterval: settings.refreshInterval)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Announces this from now on, in place of what was announced before; nil: nothing.
    package func advertise(_ advertisement: Advertisement?) {
        self.advertisement = advertisement
        if let advertisement { ownIDPrefix = advertisement.nodeID.short }
        announce()
        // What was found before we knew who we are may be ourselves.
        for key in Array(lookups.keys) { report(key) }
    }

    /// Looks an announcement up anew: its node stopped answering at the addresses that were told of it.
    /// What comes of it is a `found` or a `lost`.
    package func refresh(_ key: Sighting.Key) {
        table.enqueue(key)
        startLookups()
    }

    /// The same for whatever is announced under a name, on every interface.
    package func refresh(name: String) {
        for key in table.instances.keys where key.instance == Array(name.utf8) { table.enqueue(key) }
        startLookups()
    }

    func after(_ delay: Duration, _ body: @escaping @Sendable (isolated DNSSDDiscovery) -> Void) {
        executor.queue.asyncAfter(deadline: .now() + delay.seconds) { [weak self] in
            self?.assumeIsolated(body)
        }
    }
}

// MARK: - The service

extension DNSSDDiscovery: Service {
    /// Runs until a graceful shutdown or cancellation, then withdraws what was announced.
    package nonisolated func run() async throws {
        defer { mailbox.finish() }
        let changes = try monitor.changes()
        let following = Task { await self.follow(changes) }
        // Ends by throwing where the task is cancelled instead.
        try? await gracefulShutdown()
        following.cancel()
        await stop(within: .seconds(2))
    }

    private func follow(_ changes: AsyncStream<[NetworkInterface]>) async {
        isRunning = true
        for await interfaces in changes { update(interfaces) }
    }

    /// A hanging avahi-daemon blocks this actor for longer than a shutdown may take: then it isn't waited for.
    private nonisolated func stop(within limit: Duration) async {
        let (ended, end) = AsyncStream<Void>.makeStream()
        let stopping = Task {
            await self.stop()
            end.finish()
        }
        let timer = Task {
            try? await Task.sleep(for: limit)
            end.finish()
        }
        for await _ in ended {}
        timer.cancel()
        _ = stopping
    }

    private func stop() {
        isRunning = false
        sessions = [:]
        lookups = [:]
        anchor = nil
        references = [:]
    }
}

// MARK: - Handles

/// Names a handle without holding it.
struct ReferenceID: Sendable, Hashable {
    fileprivate let number: UInt64
}

/// What a handle's replies are about.
enum Purpose: Sendable, Hashable {
    case anchor
    case browse(interface: UInt32)
    case register(interface: UInt32)
    case resolve(Sighting.Key)
    case address(Sighting.Key)
}

extension DNSSDDiscovery {
    func open(
        _ purpose: Purpose, _ make: (Wakeup) throws(OfficeError) -> Reference
    ) throws(OfficeError) -> ReferenceID {
        lastID += 1
        let id = ReferenceID(number: lastID)
        let wakeup = Wakeup(queue: executor.queue) { [weak self] in
            self?.assumeIsolated { $0.process(id) }
        }
        references[id] = (try make(wakeup), purpose)
        return id
    }

    func close(_ id: ReferenceID?) {
        if let id { references[id] = nil }
    }

    func closeAll() { references = [:] }

    func reference(_ id: ReferenceID?) -> Reference? { id.flatMap { references[$0]?.reference } }

    private func process(_ id: ReferenceID) {
        guard let (reference, purpose) = references[id] else { return }
        for reply in reference.process() {
            handle(reply, purpose)
            // A reply may have ended what it belongs to.
            guard references[id] != nil else { return }
        }
    }

    private func handle(_ reply: Reply, _ purpose: Purpose) {
        switch (purpose, reply) {
        case (.anchor, .failed), (.browse, .failed): daemonLost()
        case (.register(let interface), .failed(let error)): registrationFailed(on: interface, error)
        case (.resolve(let key), .failed): lookupFailed(key)
        // Of the two address families, one may have nothing; the window's end decides.
        case (.address, .failed): break
        case (.browse(let interface), .instance(let name, _, let isThere)):
            let key = Sighting.Key(interfaceIndex: interface, instance: name)
            if isThere { appeared(key) } else { disappeared(key) }
        case (.register(let interface), .registered(let name)): registered(on: interface, as: name)
        case (.resolve(let key), .located(let host, let port, let text)):
            located(key, host: host, port: port, text: text)
        case (.address(let key), .address(let bytes, let isThere)): address(key, bytes, isThere: isThere)
        default: break
        }
    }
}
