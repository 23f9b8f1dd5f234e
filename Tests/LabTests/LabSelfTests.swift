import Foundation
import OfficeCore
import OfficeLab
import Testing

/// The lab keeps its own promises: its hosts are hosts, its faults are faults, and nothing of it stays.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct LabSelfTests {
    static func bare(_ name: String, segment: Int = 0, avahi: Bool = false) -> HostPlan {
        HostPlan(name, segment: segment, avahi: avahi, daemon: false)
    }

    @Test func threeHostsReachEachOtherByIPv4AndIPv6() async throws {
        try await withLab(Self.bare("pc1"), Self.bare("pc2"), Self.bare("pc3")) { lab in
            for from in lab.hosts {
                for to in lab.hosts {
                    try await from.run(["ping", "-c1", "-W1", to.address]).checked()
                    try await from.run(["ping", "-6", "-c1", "-W1", to.address6]).checked()
                }
            }
            let linkLocal = try await lab["pc1"].linkLocal()
            try await lab["pc2"].run(["ping", "-6", "-c1", "-W1", "\(linkLocal)%eth0"]).checked()
        }
    }

    @Test func segmentsReachEachOtherByARouterButNotByMulticast() async throws {
        try await withLab(Self.bare("pc1", avahi: true), Self.bare("far", segment: 1, avahi: true)) { lab in
            try await lab["pc1"].run(["ping", "-c1", "-W1", lab["far"].address]).checked()
            try await lab["pc1"].run(["ping", "-6", "-c1", "-W1", lab["far"].address6]).checked()
            _ = try lab["far"].start(["avahi-publish", "-s", "far", "_officelab._tcp", "9"])
            let seen = try await lab["pc1"].run(["timeout", "2", "avahi-browse", "-rpt", "_officelab._tcp"])
            #expect(!seen.stdout.contains("far"))
        }
    }

    @Test func hostsAreMachinesOfTheirOwn() async throws {
        try await withLab(Self.bare("pc1"), HostPlan("pc2", hostName: "pc1", avahi: false, daemon: false)) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            #expect(try await pc2.run(["hostname"]).stdout == "pc1\n")
            #expect(try pc1.read("/etc/machine-id") != pc2.read("/etc/machine-id"))

            try pc1.write("hers", to: "/home/alice/note", owner: "alice")
            #expect(!pc2.exists("/home/alice/note"))
            #expect(try await pc1.run(["cat", "note"], as: "alice").stdout == "hers")
            #expect(try await pc1.run(["id", "-un"], as: "bob").stdout == "bob\n")
            let refused = try await pc1.run(["touch", "/home/alice/mine"], as: "bob")
            #expect(refused.status != 0)

            try await pc1.run(["bash", "-c", "echo x >/etc/officelab-was-here"]).checked()
            #expect(!FileManager.default.fileExists(atPath: "/etc/officelab-was-here"))
            #expect(try await pc1.run(["ps", "-e", "-o", "comm="]).lines.count < 6)
        }
    }

    @Test func aServiceOfOneHostIsSeenByTheOthers() async throws {
        try await withLab(Self.bare("pc1", avahi: true), Self.bare("pc2", avahi: true)) { lab in
            let publisher = try lab["pc1"].start(["avahi-publish", "-s", "desk", "_officelab._tcp", "9"])
            func seen() async throws -> Bool {
                let browse = try await lab["pc2"].run(["timeout", "3", "avahi-browse", "-rpt", "_officelab._tcp"])
                return browse.stdout.contains("desk") && browse.stdout.contains(lab["pc1"].address)
            }
            try await eventually("pc2 sees the service", seen)
            try await publisher.end()
            try await eventually("pc2 sees it go") { try await !seen() }

            try await lab["pc1"].restart(.avahi)
            try await lab["pc1"].blockMulticast()
            _ = try lab["pc1"].start(["avahi-publish", "-s", "desk", "_officelab._tcp", "9"])
            #expect(try await !seen())
            try await lab["pc1"].blockMulticast(false)
            try await lab["pc1"].restart(.avahi)
            _ = try lab["pc1"].start(["avahi-publish", "-s", "desk", "_officelab._tcp", "9"])
            try await eventually("pc2 sees the service again", seen)
        }
    }

    @Test(arguments: [LabHost.Cut.cable, .interface, .silent])
    func aCutHostIsCutOffUntilPlugged(_ cut: LabHost.Cut) async throws {
        try await withLab(Self.bare("pc1"), Self.bare("pc2")) { lab in
            let ping = ["ping", "-c1", "-W1", lab["pc2"].address]
            try await lab["pc1"].run(ping).checked()
            try await lab["pc2"].cutLink(cut)
            #expect(try await lab["pc1"].run(ping).status != 0)
            let carrier = try await lab["pc2"].run(["cat", "/sys/class/net/eth0/operstate"]).stdout
            #expect((carrier == "up\n") == (cut == .silent))
            try await lab["pc2"].plugLink()
            try await eventually("pc2 answers again") { try await lab["pc1"].run(ping).status == 0 }
            try await eventually("pc2 answers by IPv6 again") {
                try await lab["pc1"].run(["ping", "-6", "-c1", "-W1", lab["pc2"].address6]).status == 0
            }
        }
    }

    @Test func lossIsAsMuchAsWasAskedFor() async throws {
        try await withLab(Self.bare("pc1"), Self.bare("pc2")) { lab in
            try await lab["pc2"].loss(percent: 50)
            let ping = ["ping", "-q", "-f", "-c400", "-W1", "-i0.002", lab["pc2"].address]
            let lossy = try await lab["pc1"].run(ping).stdout
            let lost = lossy.firstMatch(of: /([0-9.]+)% packet loss/).flatMap { Double($0.1) } ?? -1
            #expect((35...65).contains(lost))
            try await lab["pc2"].loss(percent: 0)
            #expect(try await lab["pc1"].run(ping).stdout.contains(" 0% packet loss"))
        }
    }

    @Test func aRateHoldsBothWaysAndBytesAreCounted() async throws {
        try await withLab(Self.bare("pc1"), Self.bare("pc2")) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let size = 4 << 20
            func seconds(from: LabHost, to: LabHost) async throws -> Double {
                let listener = try to.start(["nc", "-l", "-N", "9000"])
                try await eventually("nc listens") {
                    try await to.run(["ss", "-tlnH", "sport", "=", "9000"]).stdout.contains("9000")
                }
                let sent = try await from.shell("head -c \(size) /dev/zero | nc -N \(to.address) 9000").checked()
                try await listener.ended()
                return Double(sent.took / .milliseconds(1)) / 1000
            }
            try await pc2.rate(megabits: 32)
            let before = try pc2.traffic()
            #expect(try await seconds(from: pc1, to: pc2) > 0.8)
            let after = try pc2.traffic()
            #expect((size...size * 3 / 2).contains(after.received - before.received))
            #expect(try await seconds(from: pc2, to: pc1) > 0.8)
            try await pc2.rate(megabits: nil)
            #expect(try await seconds(from: pc1, to: pc2) < 0.5)
        }
    }

    @Test func aFullDiskIsFull() async throws {
        try await withLab(Self.bare("pc1")) { lab in
            try await lab["pc1"].mountTmpfs(at: "/srv/small", megabytes: 8, owner: "alice")
            let filled = try await lab["pc1"].run(["head", "-c9M", "/dev/zero"], as: "alice")
            #expect(filled.stdoutBytes.count == 9 << 20)
            let refused = try await lab["pc1"].shell("head -c9M /dev/zero >/srv/small/x", as: "alice")
            #expect(refused.stderr.contains("No space left"))
        }
    }

    @Test func aClockCanBeYearsOff() async throws {
        try await withLab(Self.bare("pc1")) { lab in
            let wrong = try await lab["pc1"].wrongClock(.seconds(3650 * 86_400)).map { "\($0)=\($1)" }
            let year = try await lab["pc1"].run(["env"] + wrong + ["date", "+%Y"]).stdout
            let now = try await lab["pc1"].run(["date", "+%Y"]).stdout
            let years = try #require(Int(year.dropLast()))
            #expect((9...10).contains(years - (try #require(Int(now.dropLast())))))
        }
    }

    @Test func killedProcessesTellHowTheyEnded() async throws {
        try await withLab(Self.bare("pc1")) { lab in
            let sleeper = try lab["pc1"].start(["sleep", "100"], as: "alice")
            #expect(try await sleeper.end(SIGKILL) == .signal(SIGKILL))
            #expect(try await lab["pc1"].run(["bash", "-c", "exit 7"]).status == 7)
            await #expect(throws: OfficeError.self) {
                try await lab["pc1"].run(["sleep", "100"], timeout: .milliseconds(200))
            }
        }
    }

    @Test func loweringLeavesNothing() async throws {
        let lab = try await Lab.raise([Self.bare("pc1", avahi: true), Self.bare("pc2")])
        let remains = Remains(of: lab)
        #expect(!remains.processes.isEmpty)
        _ = try lab["pc1"].start(["bash", "-c", "trap '' TERM HUP INT; sleep 1000 & sleep 1000"], as: "alice")
        await lab.lower()
        #expect(remains.processes.isEmpty)
        #expect(remains.mounts.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: lab.directory))
    }

    /// `kill -9` of the program that raised the lab.
    @Test func aKilledLabLeavesNothingThatRuns() async throws {
        let tool = try #require(Bundle.main.executableURL).deletingLastPathComponent().appending(path: "officelab")
        let script = #"coproc "$0" raise --bare pc1; read -r line <&"${COPROC[0]}"; echo "$line"; kill -9 $COPROC_PID"#
        let output = try await Command.run(["bash", "-c", script, tool.path])
        let pid = try #require(output.stdout.firstMatch(of: /-t ([0-9]+)/).flatMap { Int32($0.1) })
        try await eventually("process 1 of pc1 is gone") {
            !FileManager.default.fileExists(atPath: "/proc/\(pid)")
        }
        let removed = Leftovers.clean()
        #expect(!removed.contains { FileManager.default.fileExists(atPath: $0) })
    }
}

/// What is left on this machine of a lab.
private struct Remains {
    let namespaces: Set<String>
    let directory: String

    init(of lab: Lab) {
        namespaces = Set(lab.hosts.compactMap { ProcessTable.namespace("net", of: $0.pid) })
        directory = lab.directory
    }

    var processes: [Int32] {
        ProcessTable.all.filter { pid in ProcessTable.namespace("net", of: pid).map(namespaces.contains) ?? false }
    }

    var mounts: [Substring] {
        let table = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        return table.split(separator: "\n").filter { $0.contains(directory) }
    }
}
