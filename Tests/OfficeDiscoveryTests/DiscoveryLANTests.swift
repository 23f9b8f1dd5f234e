import OfficeDiscovery
import Testing
import discoveryprobe

/// Discovery on real hosts with real avahi-daemons. Elapsed times are asserted generously: the machine may be busy.
@Suite(.serialized, .enabled(if: TestLAN.isPossible, "needs root"), .timeLimit(.minutes(2)))
struct DiscoveryLANTests {
    private static let firstID = String(repeating: "1", count: 64)
    private static let secondID = String(repeating: "2", count: 64)
    private let clock = ContinuousClock()

    @Test func nodesFindEachOtherAndNoticeAnEndOfAnyKind() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            try await watcher.next("availability") { $0.available == true }
            var delays: [Duration] = []
            for round in 0..<10 {
                let begin = clock.now
                let node = try pc2.probe("--name", "pc2", "--id", Self.secondID, "--port", "1234")
                // Of its addresses, either may be first.
                let found = try await watcher.finds("pc2")
                delays.append(clock.now - begin)
                #expect(found.id == "2222222222222222" && found.office == nil && found.role == "peer")
                #expect(found.port == 1234 && found.interface == "eth0")
                if found.addresses?.contains("198.51.100.2") != true {
                    try await watcher.next("found") { $0.addresses?.contains("198.51.100.2") == true }
                }
                try await node.finds("pc1")
                let end = clock.now
                if round.isMultiple(of: 2) { await node.stop() } else { node.kill9() }
                try await watcher.loses("pc2")
                #expect(clock.now - end < .seconds(5))
            }
            let median = delays.sorted()[delays.count / 2]
            print("median from start to found: \(median)")
            #expect(median < .seconds(5))
            // Itself it never saw.
            await watcher.expectNone { $0.name == "pc1" }
        }
    }

    @Test func whatANodeTellsOfItselfIsFollowedWithoutLosingIt() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            let node = try pc2.probe("--name", "pc2", "--id", Self.secondID)
            try await watcher.finds("pc2")
            let office = String(repeating: "ab", count: 32)
            try await node.tell("advertise pc2 server \(office)")
            try await watcher.next("found") { $0.role == "server" && $0.office == "abababababababab" }
            try await node.tell("advertise pc2")
            try await watcher.next("found") { $0.role == "peer" && $0.office == nil }
            await watcher.expectNone { $0.event == "lost" }
            // Another name is another announcement, and the end of the old one.
            try await node.tell("advertise renamed-pc")
            try await watcher.finds("renamed-pc")
            try await node.tell("withdraw")
            try await watcher.loses("renamed-pc")
            #expect(await watcher.saw { $0.event == "lost" && $0.name == "pc2" })
        }
    }

    @Test func avahiMayStartLateDieAndComeBack() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1, avahi: false)
            let pc2 = try await lan.host(2)
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            let node = try pc2.probe("--name", "pc2", "--id", Self.secondID)
            try await watcher.next("availability") { $0.available == false }
            try await pc1.startAvahi()
            try await watcher.next("availability") { $0.available == true }
            try await watcher.finds("pc2")
            try await node.finds("pc1")
            // At any moment: while it starts, registers, resolves.
            for _ in 0..<12 {
                try await pc1.killAvahi()
                try await watcher.next("availability") { $0.available == false }
                try await pc1.startAvahi()
                try await watcher.next("availability") { $0.available == true }
            }
            await watcher.expectNone { $0.event == "lost" }
            // Of what happened meanwhile it learns when avahi-daemon is back.
            try await pc1.killAvahi()
            try await watcher.next("availability") { $0.available == false }
            node.kill9()
            let other = try pc2.probe("--name", "other", "--id", Self.secondID)
            try await other.next("availability") { $0.available == true }
            try await pc1.startAvahi()
            try await watcher.finds("other")
            try await watcher.loses("pc2")
            // What it announces is there again, too.
            try await other.finds("pc1")
        }
    }

    @Test func dbusMayGoAndComeBack() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            try await watcher.next("availability") { $0.available == true }
            try await pc1.killBus()
            try await watcher.next("availability") { $0.available == false }
            try await pc1.killAvahi()
            try await pc1.startBus()
            try await pc1.startAvahi()
            try await watcher.next("availability") { $0.available == true }
            _ = try pc2.probe("--name", "pc2", "--id", Self.secondID)
            try await watcher.finds("pc2")
        }
    }

    @Test func interfacesMayComeGoAndChange() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            let node = try pc2.probe("--name", "pc2", "--id", Self.secondID)
            try await watcher.finds("pc2")
            try await node.finds("pc1")
            // Another address: told to whoever watches.
            try await pc2.run("ip addr add 198.51.100.77/24 dev eth0")
            try await watcher.next("found") { $0.addresses?.contains("198.51.100.77") == true }
            // One more interface: seen there as well.
            try await lan.plug(pc1, "eth1", address: "198.51.100.101/24")
            try await watcher.next("found") { $0.name == "pc2" && $0.interface == "eth1" }
            // Gone, and come back.
            try await pc1.run("ip link set eth0 down")
            try await watcher.loses("pc2")
            try await pc1.run("ip link set eth0 up")
            try await watcher.next("found") { $0.name == "pc2" && $0.interface == "eth0" }
            try await pc1.run("ip link del eth1")
            try await watcher.loses("pc2")
            // No LAN at all is no lack of avahi-daemon.
            try await pc1.run("ip link set eth0 down")
            try await watcher.loses("pc2")
            await watcher.expectNone(since: { $0.available == true }) { $0.available == false }
        }
    }

    @Test func ignoredInterfacesAreNeitherAnnouncedNorUsed() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            // A second network between the two, which only goes by another name on pc1.
            try await command("ip -n \(pc1.namespace) link add docker0 type veth peer name eth9 netns \(pc2.namespace)")
            for (host, interface, number) in [(pc1, "docker0", 1), (pc2, "eth9", 2)] {
                try await host.run("ip addr add 203.0.113.\(number)/24 dev \(interface)")
                try await host.run("ip link set \(interface) up")
            }
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            let node = try pc2.probe("--name", "pc2", "--id", Self.secondID)
            let found = try await watcher.finds("pc2")
            #expect(found.interface == "eth0" && found.addresses?.contains("203.0.113.2") == false)
            try await node.next("found") { $0.name == "pc1" && $0.interface == "eth0" }
            // The proof that the second network works: one that doesn't ignore it is found on it.
            let open = try pc1.probe("--name", "open", "--id", String(repeating: "3", count: 64), "--ignore", "none")
            try await node.next("found") { $0.name == "open" && $0.interface == "eth9" }
            try await open.next("found") { $0.name == "pc2" && $0.interface == "docker0" }
            await node.expectNone { $0.name == "pc1" && $0.interface != "eth0" }
            await watcher.expectNone { $0.interface == "docker0" }
        }
    }

    @Test func rubbishIsNotSeenAndAFloodIsBounded() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            let rogue = try await lan.host(66, avahi: false)
            let watcher = try pc1.probe("--name", "pc1", "--id", Self.firstID)
            let limited = try pc2.probe("--limit", "40", "--watched", "5")
            try await watcher.next("availability") { $0.available == true }
            try await limited.next("availability") { $0.available == true }
            for kind in ["garbage", "names", "addresses"] { try await rogue.run("\(Probe.path) rogue \(kind)") }
            // Of all names one is right, if silly: it is the sign that the others were heard, too.
            let silly = String(repeating: "x", count: 63)
            try await watcher.finds(silly)
            let node = try pc2.probe("--name", "pc2", "--id", Self.secondID)
            try await watcher.finds("pc2")
            #expect(await watcher.names == [silly, "pc2"])
            await node.stop()

            try await rogue.run("\(Probe.path) rogue flood --count 500")
            let flooded = try await watcher.next("found") { $0.name?.hasPrefix("flood-") == true }
            #expect(flooded.addresses == ["198.51.100.66"])
            let honest = try pc2.probe("--name", "honest", "--id", Self.secondID)
            let begin = clock.now
            try await watcher.finds("honest")
            #expect(clock.now - begin < .seconds(20))
            #expect(try await watcher.memory() < 24 << 10)
            _ = try await limited.memory()
            #expect(await limited.names.count <= 40)
            // Once the flood is over, who had no place is found.
            try await rogue.run("\(Probe.path) rogue flood --count 500 --goodbye")
            if await !limited.names.contains("honest") { try await limited.finds("honest") }
            await honest.stop()
        }
    }

    @Test func copiedMachinesAreReportedAndEqualNamesToldApart() async throws {
        try await TestLAN.with { lan in
            let pc1 = try await lan.host(1)
            let pc2 = try await lan.host(2)
            let original = try pc1.probe("--name", "twin", "--id", Self.firstID)
            let watcher = try pc1.probe()
            try await watcher.finds("twin")
            let copy = try pc2.probe("--name", "twin", "--id", Self.firstID)
            // Either can be the one that has to take another name.
            async let originalSees = original.next("duplicate") { $0.addresses?.contains("198.51.100.2") == true }
            async let copySees = copy.next("duplicate") { $0.addresses?.contains("198.51.100.1") == true }
            try await watcher.finds("twin #2")
            _ = try await (originalSees, copySees)
            let renamed = await original.names.union(await copy.names)
            #expect(renamed.isSuperset(of: ["twin #2"]))
            await original.expectNone { $0.event == "found" }
        }
    }

    @Test func theMonitorFollowsTheKernel() async throws {
        try await TestLAN.with { lan in
            let host = try await lan.host(1, avahi: false)
            let monitor = try host.probe("interfaces")
            func state(_ event: ProbeEvent, of name: String) -> ProbeEvent.Interface? {
                event.interfaces?.first { $0.name == name }
            }
            let first = try await monitor.next("interfaces")
            #expect(state(first, of: "lo")?.isLAN == false)
            #expect(state(first, of: "eth0")?.isLAN == true)
            try await host.run("ip link add br7 type bridge")
            try await host.run("ip link add docker0 type veth peer name inside")
            try await host.run("ip tuntap add mode tun name vpn0")
            try await lan.plug(host, "eth1", address: "198.51.100.2/24")
            let all = try await monitor.next("interfaces") { state($0, of: "eth1")?.addresses.isEmpty == false }
            #expect(state(all, of: "eth1")?.isLAN == true)
            for name in ["br7", "docker0", "vpn0"] { #expect(state(all, of: name)?.isLAN == false, "\(name)") }
            try await host.run("ip link set eth0 down")
            try await monitor.next("interfaces") { state($0, of: "eth0")?.isUp == false }
            try await host.run("ip link del br7")
            try await monitor.next("interfaces") { state($0, of: "br7") == nil }
        }
    }
}
