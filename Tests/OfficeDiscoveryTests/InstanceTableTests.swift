import Testing

@testable import OfficeDiscovery

struct InstanceTableTests {
    private let now = ContinuousClock().now

    private func key(_ number: Int, interface: UInt32 = 2) -> Sighting.Key {
        Sighting.Key(interfaceIndex: interface, instance: Array("pc\(number)".utf8))
    }

    private func table(instances: Int = 4, lookups: Int = 2) -> InstanceTable {
        var limits = DiscoverySettings.Limits()
        limits.instances = instances
        limits.lookups = lookups
        return InstanceTable(limits: limits, refreshInterval: .seconds(120))
    }

    @Test func anInstanceIsThereUntilBothItsAnnouncementsEnd() {
        var table = table()
        #expect(table.announced(key(1)) == .queued(evicted: nil))
        #expect(table.announced(key(1)) == .known)
        // A third of two is nonsense, and changes nothing.
        #expect(table.announced(key(1)) == .known)
        #expect(table.withdrawn(key(1)) == false)
        #expect(table.withdrawn(key(1)) == true)
        #expect(table.withdrawn(key(2)) == false)
    }

    @Test func onlySoManyAreLookedUpAtOnceTheNewestFirst() {
        var table = table()
        for number in 1...3 { _ = table.announced(key(number)) }
        #expect(table.startNext() == key(3))
        #expect(table.startNext() == key(2))
        #expect(table.startNext() == nil)
        table.settled(key(3), isWatched: true, now: now)
        #expect(table.startNext() == key(1))
        // What ends in any way makes place for the next.
        table.remove(key(2))
        #expect(table.lookups == 1)
        table.refused(key(1))
        #expect(table.lookups == 0)
    }

    @Test func aFullTableGivesAwayOnlyUselessPlaces() {
        var table = table(instances: 3, lookups: 3)
        for number in 1...3 { _ = table.announced(key(number)) }
        while table.startNext() != nil {}
        #expect(table.announced(key(4)) == .ignored)
        table.settled(key(1), isWatched: true, now: now)
        table.failed(key(2), now: now)
        table.refused(key(3))
        #expect(table.announced(key(4)) == .queued(evicted: key(3)))
        while table.startNext() != nil {}
        table.settled(key(4), isWatched: false, now: now)
        #expect(table.announced(key(5)) == .queued(evicted: key(2)))
        #expect(table.instances.count == 3)
        #expect(table.hasIgnored && !table.canHearTheIgnored)
        for number in [1, 4] { table.remove(key(number)) }
        #expect(table.canHearTheIgnored)
    }

    @Test func failuresAreTriedAgainLessAndLessOften() {
        var table = table()
        _ = table.announced(key(1))
        var waits: [Duration] = []
        for _ in 0..<8 {
            #expect(table.startNext() == key(1))
            table.failed(key(1), now: now)
            waits.append((table.instances[key(1)]?.due ?? now) - now)
            table.enqueueDue(now: now)
            #expect(table.startNext() == nil)
            table.enqueueDue(now: now + .seconds(60))
        }
        #expect(waits == [2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
    }

    @Test func theLineDoesNotGrowByWhatComesAndGoes() {
        var table = table()
        for number in 0..<10_000 {
            _ = table.announced(key(number))
            #expect(table.withdrawn(key(number)) == true)
            table.remove(key(number))
        }
        #expect(table.instances.isEmpty && table.startNext() == nil)
    }

    @Test func whatAvahiDoesNotTellAgainIsUnconfirmed() {
        var table = table()
        for number in 1...2 { _ = table.announced(key(number)) }
        #expect(table.startNext() == key(2))
        table.suspend()
        #expect(table.lookups == 0 && table.startNext() == nil)
        #expect(table.announced(key(1)) == .queued(evicted: nil))
        #expect(table.unconfirmed == [key(2)])
        #expect(table.startNext() == key(1))
    }
}
