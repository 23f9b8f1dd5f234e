import Logging
import OfficeCore

/// The way from an announcement to a sighting: resolve its instance to a host, a port and a TXT record, then the
/// host to its addresses on the interface where it was heard.
struct Lookup {
    /// Which try this is: a timer of an earlier one finds another number.
    var round: UInt64
    var resolve: ReferenceID?
    var queries: [ReferenceID] = []
    var target: Target?
    /// What this round's queries say: addresses, and how often each was told. (Avahi counts the packets of IPv4
    /// and IPv6 apart.)
    var gathered: [IPAddress: Int] = [:]
    /// What the last whole round said; in the first, what it says so far.
    var addresses: Set<IPAddress> = []
    var isSettled = false
    var told = Told.nothing
    /// Keeps its resolve when settled.
    var isWatched = false

    struct Target {
        var host: [CChar]
        var port: UInt16
        var record: TextRecord
    }

    /// What the consumer was told of it last.
    enum Told: Hashable {
        case nothing
        /// It is our own announcement, come back to us.
        case ourselves
        case found(Sighting)
        case duplicate(Sighting)
    }

    /// The handles are gone, and what they knew is old.
    mutating func forgetHandles() {
        resolve = nil
        queries = []
        isWatched = false
        round = 0
    }
}

extension DNSSDDiscovery {
    // MARK: Announcements

    func appeared(_ key: Sighting.Key) {
        // A node's name is a label, and Avahi's numbered ones are too.
        guard (try? Label(bytes: key.instance)) != nil else { return }
        switch table.announced(key) {
        case .queued(let evicted):
            if let evicted { forgetLookup(evicted) }
            startLookups()
        case .known: break
        case .ignored: scheduleTick()
        }
    }

    func disappeared(_ key: Sighting.Key) {
        if table.withdrawn(key) { forget(key) }
        startLookups()
    }

    func forget(_ key: Sighting.Key) {
        table.remove(key)
        forgetLookup(key)
    }

    private func forgetLookup(_ key: Sighting.Key) {
        guard let lookup = lookups.removeValue(forKey: key) else { return }
        closeHandles(of: lookup)
        retract(lookup, key)
    }

    private func retract(_ lookup: Lookup, _ key: Sighting.Key) {
        switch lookup.told {
        case .found, .duplicate: mailbox.put(.lost(key))
        case .ourselves, .nothing: break
        }
    }

    private func closeHandles(of lookup: Lookup) {
        close(lookup.resolve)
        for query in lookup.queries { close(query) }
    }

    // MARK: Lookups

    func startLookups() {
        while isAvailable == true, let key = table.startNext() { begin(key) }
        if table.hasDue { scheduleTick() }
    }

    private func begin(_ key: Sighting.Key) {
        let before = lookups[key]
        if let before { closeHandles(of: before) }
        var lookup = Lookup(round: nextRound())
        if let before {
            lookup.told = before.told
            lookup.addresses = before.addresses
            lookup.isSettled = before.isSettled
        }
        lookups[key] = lookup
        do {
            lookups[key]?.resolve = try open(.resolve(key)) { wakeup throws(OfficeError) in
                try Reference.resolve(key, wakeup)
            }
        } catch {
            return lookupFailed(key)
        }
        let round = lookup.round
        after(settings.resolveDeadline) { discovery in
            guard let lookup = discovery.lookups[key], lookup.round == round, lookup.target == nil else { return }
            discovery.giveUp(key)
        }
    }

    func located(_ key: Sighting.Key, host: [CChar], port: UInt16, text: [UInt8]) {
        guard lookups[key] != nil else { return }
        guard port != 0, let record = TextRecord(parsing: text) else { return refuse(key) }
        let isSameHost = lookups[key]?.target?.host == host
        lookups[key]?.target = Lookup.Target(host: host, port: port, record: record)
        report(key)
        // Of a queried host, changes are told anyhow until the window ends.
        guard lookups[key]?.queries.isEmpty == true || !isSameHost else { return }
        queryAddresses(key, host: host)
    }

    private func queryAddresses(_ key: Sighting.Key, host: [CChar]) {
        for query in lookups[key]?.queries ?? [] { close(query) }
        lookups[key]?.queries = []
        lookups[key]?.gathered = [:]
        do {
            for family in Reference.AddressFamily.allCases {
                let query = try open(.address(key)) { wakeup throws(OfficeError) in
                    try Reference.query(host: host, family, interface: key.interfaceIndex, wakeup)
                }
                lookups[key]?.queries.append(query)
            }
        } catch {
            return lookupFailed(key)
        }
        let round = nextRound()
        lookups[key]?.round = round
        after(settings.addressWindow) { discovery in
            guard discovery.lookups[key]?.round == round else { return }
            discovery.settle(key)
        }
    }

    func address(_ key: Sighting.Key, _ bytes: [UInt8], isThere: Bool) {
        guard let address = IPAddress(bytes: bytes), address.isAnothersUnicast, let lookup = lookups[key] else {
            return
        }
        let count = (lookup.gathered[address] ?? 0) + (isThere ? 1 : -1)
        if count > 0, lookup.gathered[address] != nil || lookup.gathered.count < settings.limits.addresses {
            lookups[key]?.gathered[address] = count
        } else {
            lookups[key]?.gathered[address] = nil
        }
        // A new node's addresses are told as they come; a known one's change when it is whole.
        guard !lookup.isSettled, isThere, let gathered = lookups[key]?.gathered.keys else { return }
        lookups[key]?.addresses = Set(gathered)
        report(key)
    }

    /// The end of the window in which addresses are gathered.
    private func settle(_ key: Sighting.Key) {
        guard let lookup = lookups[key] else { return }
        guard !lookup.gathered.isEmpty else { return giveUp(key) }
        for query in lookup.queries { close(query) }
        lookups[key]?.queries = []
        lookups[key]?.addresses = Set(lookup.gathered.keys)
        lookups[key]?.isSettled = true
        report(key)
        let isWatched = lookup.isWatched || watchedCount < settings.limits.watched
        if !isWatched {
            close(lookup.resolve)
            lookups[key]?.resolve = nil
        }
        lookups[key]?.isWatched = isWatched
        table.settled(key, isWatched: isWatched, now: clock.now)
        startLookups()
    }

    /// Avahi refused the lookup or ended it in vain, or is gone: it has one error for all. If it is gone, browsing
    /// says so any moment, and then nothing is to be taken for lost.
    func lookupFailed(_ key: Sighting.Key) {
        guard let lookup = lookups[key] else { return }
        closeHandles(of: lookup)
        lookups[key]?.forgetHandles()
        let round = nextRound()
        lookups[key]?.round = round
        after(.milliseconds(250)) { discovery in
            guard discovery.lookups[key]?.round == round else { return }
            discovery.giveUp(key)
        }
    }

    private func giveUp(_ key: Sighting.Key) {
        logger.debug(
            "A lookup ended in vain",
            metadata: [LogKey.nodeName: "\(key.name)", LogKey.interface: "\(key.interfaceIndex)"])
        if table.instances[key]?.phase == .settled {
            // The watch of a known node ended. That alone means little: Avahi's loses its way when a record
            // changes twice in a second. A lookup from the start will tell.
            table.enqueue(key)
            return startLookups()
        }
        forgetLookup(key)
        table.failed(key, now: clock.now)
        startLookups()
    }

    private func refuse(_ key: Sighting.Key) {
        logger.debug(
            "An announcement is not one of ours", metadata: [LogKey.nodeName: "\(escapedForTerminal(key.instance))"])
        forgetLookup(key)
        table.refused(key)
        startLookups()
    }

    private var watchedCount: Int { lookups.values.count { $0.isWatched } }

    private func nextRound() -> UInt64 {
        lastRound += 1
        return lastRound
    }

    // MARK: Sightings

    /// Tells what is known of an instance, where that is new.
    func report(_ key: Sighting.Key) {
        guard let lookup = lookups[key], let target = lookup.target, !lookup.addresses.isEmpty,
            let interface = sessions[key.interfaceIndex]?.interface,
            let name = try? Label(bytes: key.instance).description
        else { return }
        let sighting = Sighting(
            key: key, name: name, idPrefix: target.record.idPrefix, officePrefix: target.record.officePrefix,
            role: target.record.role, port: target.port,
            addresses: lookup.addresses.map { $0.text(interface: interface.name) }.sorted(),
            interfaceName: interface.name)
        let told = judge(sighting)
        guard told != lookup.told else { return }
        lookups[key]?.told = told
        switch told {
        case .found(let sighting): mailbox.put(.found(sighting))
        case .duplicate(let sighting):
            retract(lookup, key)
            logger.warning(
                "Another machine announces this node's id",
                metadata: [LogKey.nodeName: "\(name)", LogKey.address: "\(sighting.addresses)"])
            mailbox.put(.duplicate(sighting))
        case .ourselves, .nothing: retract(lookup, key)
        }
    }

    /// Our own id from our own addresses is ourselves, heard on this or another interface; from others it isn't.
    private func judge(_ sighting: Sighting) -> Lookup.Told {
        guard sighting.idPrefix == ownIDPrefix else { return .found(sighting) }
        if isOurs(sighting) { return .ourselves }
        // Perhaps we have that address since a moment ago.
        if let current = try? monitor.snapshot() {
            for address in current.flatMap(\.addresses) { ownAddresses[address] = clock.now }
        }
        return isOurs(sighting) ? .ourselves : .duplicate(sighting)
    }

    /// Any of its addresses will do: no two machines of a LAN have one in common, and of ours some may be too old
    /// or too young to be known.
    private func isOurs(_ sighting: Sighting) -> Bool {
        sighting.addresses.contains { address in
            // Heard on another of our interfaces, a link-local address has that one's name behind it.
            let bare = address.prefix { $0 != "%" }
            return ownAddresses.keys.contains { $0.prefix { $0 != "%" } == bare }
        }
    }
}
