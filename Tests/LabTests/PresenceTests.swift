import Foundation
import OfficeLab
import Testing

/// Who is there: nodes, links and avahi-daemons come and go, and every node's `peers` is right by itself.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct PresenceTests {
    /// Waits until each of these hosts sees the node as `expected` has it.
    private func eventuallySeen(
        _ name: String, by hosts: [LabHost], _ what: String, within seconds: Double,
        _ expected: (Peer?) -> Bool
    ) async throws {
        for host in hosts {
            try await eventually("\(host.name) sees \(name) \(what)", within: promised(seconds)) {
                expected(try await host.peer(name))
            }
        }
    }

    @Test func aNodeIsSeenWhenItStartsStopsAndIsKilled() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let others = [lab["pc1"], lab["pc2"]]
            try await lab.foundOffice()
            try await lab["pc3"].stopDaemon()
            try await eventuallySeen("pc3", by: others, "gone", within: 1) { $0 == nil }
            try await lab["pc3"].startDaemon()
            try await eventuallySeen("pc3", by: others, "come", within: 1.5) { $0?.online == true }
            try await lab["pc3"].killDaemon()
            try await eventuallySeen("pc3", by: others, "offline", within: 5) { $0.map { !$0.online } ?? true }
            try await lab["pc3"].startDaemon()
            try await eventuallySeen("pc3", by: others, "back", within: 1.5) { $0?.online == true }
        }
    }

    @Test func strangersAreSeenToo() async throws {
        try await withLab("pc1", HostPlan("pc2", daemon: false)) { lab in
            try await lab["pc2"].startDaemon()
            try await eventuallySeen("pc2", by: [lab["pc1"]], "come", within: 2) {
                $0?.online == true && $0?.member == false && $0?.via == "mdns"
            }
            try await lab["pc2"].stopDaemon()
            try await eventuallySeen("pc2", by: [lab["pc1"]], "gone", within: 1.5) { $0 == nil }
        }
    }

    @Test(arguments: [LabHost.Cut.cable, .interface, .silent])
    func anUnpluggedNodeIsOfflineInFiveSecondsAndBackInFive(_ cut: LabHost.Cut) async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let others = [lab["pc1"], lab["pc2"]]
            try await lab.foundOffice()
            try await lab["pc3"].cutLink(cut)
            try await eventuallySeen("pc3", by: others, "offline", within: 5) { $0.map { !$0.online } ?? true }
            try await eventuallySeen("pc1", by: [lab["pc3"]], "offline", within: 5) { $0.map { !$0.online } ?? true }
            // Long enough that attempts have become rare.
            try await ContinuousClock().sleep(for: .seconds(8))
            try await lab["pc3"].plugLink()
            try await eventuallySeen("pc3", by: others, "back", within: 5) { $0?.online == true }
            try await eventuallySeen("pc1", by: [lab["pc3"]], "back", within: 5) { $0?.online == true }
        }
    }

    @Test func anAvahiThatStopsAndStartsIsAnOrdinaryEvent() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let pc2 = lab["pc2"]
            try await lab.foundOffice(of: [lab["pc1"], pc2])
            func saysSo() async throws -> Bool {
                try await pc2.status().problems.contains { "\($0)".contains("avahi-daemon") }
            }
            for signal in [SIGTERM, SIGKILL] {
                try await pc2.stop(.avahi, by: signal)
                try await eventually("status says that avahi is missing", within: promised(3), saysSo)
                #expect(try await pc2.members().allSatisfy(\.online))
                try await lab["pc3"].stopDaemon()
                try await pc2.start(.avahi)
                try await eventually("status has no more to say", within: promised(10)) { try await !saysSo() }
                try await lab["pc3"].startDaemon()
                try await eventuallySeen("pc3", by: [pc2], "come", within: 5) { $0?.online == true }
                try await eventuallySeen("pc2", by: [lab["pc3"]], "come", within: 5) { $0?.online == true }
            }
        }
    }

    @Test func anAvahiThatStartsLateIsFound() async throws {
        try await withLab("pc1", HostPlan("pc2", avahi: false)) { lab in
            let pc2 = lab["pc2"]
            try await lab["pc1"].must("office", "create", "Acme")
            #expect(try await pc2.status().problems.contains { "\($0)".contains("avahi-daemon") })
            try await pc2.start(.bus)
            try await pc2.start(.avahi)
            try await eventually("pc2 joins by mDNS", within: promised(10)) {
                try await pc2.status().problems.isEmpty
            }
            try await pc2.must("office", "join", try await lab["pc1"].invite())
            try await lab.settle()
        }
    }

    @Test func staticPeersAndGossipServeWhereThereIsNoMulticast() async throws {
        let plans = ["pc1", "pc2", "pc3"].map {
            HostPlan($0, segment: $0 == "pc3" ? 1 : 0, avahi: false)
        }
        try await withLab(plans[0], plans[1], plans[2]) { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            for host in lab.hosts { try await host.blockMulticast() }
            for host in [pc2, pc3] {
                try await host.stopDaemon()
                try await host.startDaemon(config: "peers: [\(pc1.address)]\n")
            }
            try await pc1.must("office", "create", "Acme")
            try await pc2.must("office", "join", try await pc1.invite())
            try await pc3.must("office", "join", try await pc1.invite(), "--via", pc1.address)
            try await lab.settle()
            #expect(try await pc2.peer("pc1")?.via == "static")
            #expect(try await pc2.peer("pc3")?.via == "gossip")
            try await pc3.share("docs")
            try await eventually("pc2 lists what pc3 offers", within: promised(2)) {
                try await pc2.officeshare(["ls", "pc3/docs"]).stdout.contains("letter")
            }
            // Who was told of others finds them again when the one that told is gone.
            try await pc1.stopDaemon()
            try await pc2.stopDaemon()
            try await pc2.startDaemon()
            try await eventuallySeen("pc3", by: [pc2], "back", within: 5) { $0?.online == true }
        }
    }

    @Test func twoNodesWithOneHostNameAreTwo() async throws {
        try await withLab("pc1", HostPlan("pc2", hostName: "pc1"), "pc3") { lab in
            try await lab.foundOffice()
            for host in lab.hosts {
                #expect(try await host.members().map(\.name) == ["pc1", "pc1-2", "pc3"])
            }
            #expect(Set(try await lab["pc3"].ask("peers", of: [Peer].self).map(\.name)) == ["pc1", "pc1-2"])
            try await lab["pc2"].share("docs")
            try await eventually("the second one's share is its own", within: promised(2)) {
                try await lab["pc3"].ask("ls", of: [Offer].self).map(\.path) == ["pc1-2/docs"]
            }
        }
    }

    @Test func containersBridgesMisleadNobody() async throws {
        try await withLab("pc1", "pc2") { lab in
            for host in lab.hosts {
                try await host.stopDaemon()
                try await host.addInterface("docker0")
                try await host.startDaemon()
            }
            try await lab.foundOffice()
            try await lab["pc1"].addInterface("wg0", address: "10.9.0.1/24")
            try await lab["pc1"].removeInterface("docker0")
            try await lab["pc2"].stopDaemon()
            try await lab["pc2"].startDaemon()
            try await lab.settle()
            for host in lab.hosts {
                let addresses = try await host.ask("peers", of: [Peer].self).flatMap(\.addresses)
                #expect(!addresses.isEmpty)
                #expect(!addresses.contains { $0.hasPrefix("172.17.") || $0.hasPrefix("10.9.") })
            }
        }
    }

    @Test func aChangedAddressIsFoundByItself() async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            let pc2 = lab["pc2"]
            try await pc2.changeAddress(from: pc2.address, to: "198.51.100.77")
            try await eventually("pc1 sees the new address", within: promised(10)) {
                let peer = try await lab["pc1"].peer("pc2")
                return peer?.online == true && peer?.addresses.contains("198.51.100.77") == true
            }
        }
    }

    @Test func aClonedMachineIsDetectedSaidAndNotAdmittedBesideItsOriginal() async throws {
        try await withLab("pc1", "pc2", HostPlan("pc3", daemon: false)) { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await lab.foundOffice(of: [pc1, pc2])
            try await pc1.share("docs")
            try await Command.run(
                [
                    "bash", "-c", "cp -a \"$0\"/. \"$1\"", pc2.path("/var/lib/officeshare"),
                    pc3.path("/var/lib/officeshare"),
                ]
            ).checked()
            try await pc3.startDaemon()
            for host in lab.hosts {
                try await eventually("\(host.name) says it in its status", within: promised(10)) {
                    try await host.status().problems.contains { $0.why.contains("cloned") }
                }
            }
            // The original goes on, the copy gets nothing.
            #expect(try await pc2.officeshare(["ls", "pc1/docs"]).stdout.contains("letter"))
            #expect(try await pc3.officeshare(["ls", "pc1/docs"]).status != 0)
            // Once the copy has been taken care of, all is well again.
            try await pc3.stopDaemon()
            try await pc3.run(["bash", "-c", "rm -rf /var/lib/officeshare/*"]).checked()
            try await pc3.startDaemon()
            try await pc3.must("office", "join", try await pc1.invite())
            try await lab.settle()
            for host in lab.hosts {
                try await eventually("\(host.name) has no more to say", within: promised(10)) {
                    try await !host.status().problems.contains { $0.why.contains("cloned") }
                }
            }
        }
    }
}
