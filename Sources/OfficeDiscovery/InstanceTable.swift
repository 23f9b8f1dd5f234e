/// The announcements that were heard on the LAN, which of them are to be looked up next, and how many are kept.
///
/// A pure value: the discovery actor does what it says. Everybody on the LAN can announce what they like, so
/// everything here is bounded, and nobody's announcement costs another's its place once that was resolved.
struct InstanceTable {
    /// How far an announcement is looked into.
    enum Phase: Hashable {
        /// In line for its lookup.
        case waiting
        /// Its lookup is under way.
        case lookingUp
        /// Known: it has a record of ours, and addresses.
        case settled
        /// Nobody answered for it; tried again by and by.
        case failed
        /// Not one of ours, whatever it is.
        case refused
        /// Known from before avahi-daemon went; not confirmed since.
        case stale
    }

    struct Instance {
        /// How often it is announced: Avahi counts IPv4 and IPv6 each by itself.
        fileprivate(set) var announcements = 0
        fileprivate(set) var phase = Phase.waiting
        fileprivate(set) var failures = 0
        fileprivate(set) var due: ContinuousClock.Instant?
    }

    private(set) var instances: [Sighting.Key: Instance] = [:]
    /// Whether there was no place for something, which won't be told of again by itself.
    var hasIgnored = false
    /// How many lookups are under way.
    private(set) var lookups = 0
    /// The last is the next: a flood of old announcements doesn't hold up a new one.
    private var line: [Sighting.Key] = []
    private let limits: DiscoverySettings.Limits
    private let refreshInterval: Duration

    init(limits: DiscoverySettings.Limits, refreshInterval: Duration) {
        self.limits = limits
        self.refreshInterval = refreshInterval
    }

    /// Whether there is place now for a good part of what was ignored.
    var canHearTheIgnored: Bool { hasIgnored && instances.count <= limits.instances / 2 }

    /// Whether anything waits for its time to come.
    var hasDue: Bool { instances.values.contains { $0.due != nil } }

    /// What became of an announcement that was heard.
    enum Reception: Hashable {
        /// To be looked up; what had its place is to be forgotten.
        case queued(evicted: Sighting.Key?)
        /// Known already.
        case known
        /// There is no place.
        case ignored
    }

    mutating func announced(_ key: Sighting.Key) -> Reception {
        guard var instance = instances[key] else {
            var evicted: Sighting.Key?
            if instances.count >= limits.instances {
                let useless = uselessOne()
                // Neither will be told of again by itself; what was refused needn't be.
                hasIgnored = hasIgnored || useless.flatMap { instances[$0]?.phase } != .refused
                guard let useless else { return .ignored }
                remove(useless)
                evicted = useless
            }
            instances[key] = Instance(announcements: 1)
            line.append(key)
            return .queued(evicted: evicted)
        }
        // Avahi says each thing twice; more is nonsense, and would overflow one day.
        instance.announcements = min(instance.announcements + 1, 2)
        instances[key] = instance
        switch instance.phase {
        case .stale, .failed, .refused:
            enqueue(key)
            return .queued(evicted: nil)
        case .waiting, .lookingUp, .settled:
            return .known
        }
    }

    /// Whether that was the last of its announcements: it is to be forgotten.
    mutating func withdrawn(_ key: Sighting.Key) -> Bool {
        guard var instance = instances[key] else { return false }
        instance.announcements -= 1
        instances[key] = instance
        return instance.announcements <= 0
    }

    /// Puts a known instance at the head of the line.
    mutating func enqueue(_ key: Sighting.Key) {
        guard let phase = instances[key]?.phase, phase != .waiting, phase != .lookingUp else { return }
        move(key, to: .waiting)
        instances[key]?.due = nil
        line.append(key)
    }

    /// The next to be looked up, if one more may be; its lookup counts from now on.
    mutating func startNext() -> Sighting.Key? {
        guard lookups < limits.lookups else { return nil }
        while let key = line.popLast() {
            guard instances[key]?.phase == .waiting else { continue }
            move(key, to: .lookingUp)
            return key
        }
        return nil
    }

    mutating func settled(_ key: Sighting.Key, isWatched: Bool, now: ContinuousClock.Instant) {
        move(key, to: .settled)
        instances[key]?.failures = 0
        instances[key]?.due = isWatched ? nil : now + refreshInterval
    }

    /// Two seconds until the next try, then twice as long each time, up to a minute.
    mutating func failed(_ key: Sighting.Key, now: ContinuousClock.Instant) {
        guard let failures = instances[key]?.failures else { return }
        move(key, to: .failed)
        instances[key]?.failures = failures + 1
        instances[key]?.due = now + .seconds(min(2 << min(failures, 5), 60))
    }

    mutating func refused(_ key: Sighting.Key) {
        move(key, to: .refused)
        instances[key]?.due = nil
    }

    mutating func remove(_ key: Sighting.Key) {
        if instances.removeValue(forKey: key)?.phase == .lookingUp { lookups -= 1 }
        // What is left in the line is skipped; this keeps it from growing.
        if line.count > 2 * limits.instances { line.removeAll { instances[$0]?.phase != .waiting } }
    }

    /// Puts into the line whatever is due.
    mutating func enqueueDue(now: ContinuousClock.Instant) {
        for (key, instance) in instances where instance.due.map({ $0 <= now }) ?? false { enqueue(key) }
    }

    /// Forgets all announcements, but not who made them: avahi-daemon is gone, the nodes are not.
    mutating func suspend() {
        line = []
        for key in instances.keys {
            move(key, to: .stale)
            instances[key]?.announcements = 0
            instances[key]?.due = nil
        }
    }

    /// What has not been announced again since `suspend()`.
    var unconfirmed: [Sighting.Key] {
        instances.filter { $0.value.announcements == 0 }.map(\.key)
    }

    func keys(on interface: UInt32) -> [Sighting.Key] {
        instances.keys.filter { $0.interfaceIndex == interface }
    }

    private mutating func move(_ key: Sighting.Key, to phase: Phase) {
        guard let before = instances[key]?.phase, before != phase else { return }
        if before == .lookingUp { lookups -= 1 }
        if phase == .lookingUp { lookups += 1 }
        instances[key]?.phase = phase
    }

    /// One whose place a newcomer can have: refused first, then failed, still in line, or from before.
    private func uselessOne() -> Sighting.Key? {
        for phase in [Phase.refused, .failed, .waiting, .stale] {
            if let key = instances.first(where: { $0.value.phase == phase })?.key { return key }
        }
        return nil
    }
}
