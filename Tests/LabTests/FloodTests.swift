import Foundation
import OfficeLab
import Testing

/// Connections by the thousand: whoever opens them shuts nobody else out, and takes no descriptor that the limits
/// don't give.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct FloodTests {
    private static let config = """
        limits: {connections: 64, handshakes: 16, controlConnections: 40, controlConnectionsPerUser: 16, openFiles: 64}
        printing: {connections: 16}
        """
    /// What these limits need: the least with which the daemon starts.
    private static let descriptors = 64 + 40 + 64 + 16 + 256

    /// Holds so many connections open, and goes on opening for as long as the host lives.
    private func flood(_ target: LabHost, from host: LabHost, connections: Int) throws -> HostProcess {
        let script = """
            ulimit -n \(connections + 100)
            for ((n = 0; n < \(connections); n++)); do exec {held}<>/dev/tcp/\(target.address)/8747 || sleep 0.01; done
            echo opened
            sleep 600
            """
        return try host.start(["bash", "-c", script], log: "flood.\(connections)")
    }

    private func openDescriptors(of host: LabHost) async throws -> Int {
        let pid = try #require(try await host.service(.officeshare)?.pid())
        return try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    /// Milliseconds of processor time that the daemon has used.
    private func processorTime(of host: LabHost) async throws -> Int {
        let pid = try #require(try await host.service(.officeshare)?.pid())
        let fields = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[13])) * 10 + #require(Int(fields[14])) * 10
    }

    /// Sets how many descriptors the running daemon may have, as its own user may: prlimit(2).
    private func allow(_ descriptors: Int, of host: LabHost) async throws {
        try await host.shell(
            "prlimit --pid $(pgrep -x officeshared) --nofile=\(descriptors):", as: "officeshare"
        ).checked()
    }

    @Test func aStrangersFloodShutsNoMemberOut() async throws {
        try await withLab("pc1", "pc2", HostPlan("eve", daemon: false)) { lab in
            let (pc1, pc2, eve) = (lab["pc1"], lab["pc2"], lab["eve"])
            try await pc1.stopDaemon()
            try await pc1.startDaemon(config: Self.config)
            try await lab.foundOffice(of: [pc1, pc2])
            try await pc1.share("docs")
            try await allow(Self.descriptors, of: pc1)
            let flood = try flood(pc1, from: eve, connections: 3000)
            try await eventually("it is under way") { try await openDescriptors(of: pc1) > 30 }
            // While connections pour in, one that is there serves, and new ones are made.
            #expect(try await pc2.officeshare(["ls", "pc1/docs"]).status == 0)
            try await eventually("all are opened", within: promised(30)) { flood.stdout.contains("opened") }
            try await pc2.killDaemon()
            try await pc2.startDaemon()
            try await eventually("pc2 is back", within: promised(5)) {
                try await pc2.officeshare(["ls", "pc1/docs"]).stdout.contains("letter")
            }
            #expect(try await openDescriptors(of: pc1) < Self.descriptors)
            #expect(!pc1.daemonLog.contains("error"))
        }
    }

    @Test func aLocalUsersFloodShutsNobodyElseOut() async throws {
        try await withLab(HostPlan("pc1", avahi: false)) { lab in
            let pc1 = lab["pc1"]
            try await pc1.stopDaemon()
            try await pc1.startDaemon(config: Self.config)
            try await pc1.must("office", "create", "Acme")
            try await allow(Self.descriptors, of: pc1)
            let script = "for n in {1..300}; do (sleep 600 | nc -U /run/officeshare/control.sock) & done; wait"
            for user in ["bob", "alice"] {
                _ = try pc1.start(["bash", "-c", script], as: user, log: "flood.\(user)")
                try await eventually("\(user)'s are held") {
                    try await pc1.shell("pgrep -u \(user) -x nc | wc -l").stdout.hasPrefix("16")
                }
            }
            try await pc1.refused(75, "status", as: "bob")
            #expect(try await pc1.status().office?.name == "Acme")
            #expect(try await pc1.officeshare(["status"], as: "officeshare").status == 0)
            #expect(try await openDescriptors(of: pc1) < Self.descriptors)
        }
    }

    @Test func whenDescriptorsRunOutItWaitsWithoutSpinning() async throws {
        try await withLab("pc1", "pc2", HostPlan("eve", daemon: false)) { lab in
            let (pc1, pc2, eve) = (lab["pc1"], lab["pc2"], lab["eve"])
            try await lab.foundOffice(of: [pc1, pc2])
            try await allow(try await openDescriptors(of: pc1) + 1, of: pc1)
            _ = try flood(pc1, from: eve, connections: 200)
            let asking = try pc1.start(["officeshare", "status", "--json"], as: "alice")
            let clock = ContinuousClock()
            let before = (clock.now, try await processorTime(of: pc1))
            try await eventually("it is out of descriptors") { pc1.daemonLog.contains("Too many open files") }
            try await clock.sleep(until: before.0 + .seconds(2))
            #expect(try await processorTime(of: pc1) - before.1 < 600)
            // It lives, and goes on where it was as soon as it can.
            try await allow(1024, of: pc1)
            #expect(try await asking.ended(within: .seconds(10)) == .status(0))
            try await eventually("pc2 sees it", within: promised(15)) {
                try await pc2.officeshare(["ls", "pc1"]).status == 0
            }
        }
    }
}
