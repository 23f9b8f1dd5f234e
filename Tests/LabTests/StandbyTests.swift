import Foundation
import OfficeLab
import Testing

/// A second node follows the file server's every write, and takes its place when it is lost.
@Suite(.serialized, .lab, .timeLimit(.minutes(4)))
struct StandbyTests {
    struct Server: Decodable { let node: String?, epoch: Int, store: String?, standby: String? }
    struct Standing: Decodable {
        struct Office: Decodable { let fileServer: String?, standby: String?, standbyInStep: Bool? }
        let office: Office?
    }

    private static let store = "/var/lib/officeshare/store"

    /// pc1 is the file server with a space `docs`, pc2 its standby and in step; all are admins.
    private func withStandby(_ names: [HostPlan], _ body: (Lab) async throws -> Void) async throws {
        try await Lab.with(names, options: .init(), failed: { Verdict.current?.failed ?? false }) { lab in
            try await lab.foundOffice()
            for host in lab.hosts.dropFirst() { try await lab["pc1"].must("office", "admin", "add", host.name) }
            try await lab["pc1"].must("promote")
            try await lab["pc1"].must("space", "add", "docs")
            try await lab["pc1"].shell("echo before >f", as: "bob").checked()
            try await lab["pc1"].must("put", "./f", "office/docs/before", as: "bob")
            let server: Server = try await lab["pc1"].ask("promote", "pc2", "--standby")
            #expect(server.node == "pc1" && server.standby == "pc2" && server.epoch == 2)
            for host in lab.hosts {
                try await inStep(host)
                try await eventually("\(host.name) is an admin") {
                    try await host.ask("status", of: Status.self).office?.role == "admin"
                }
            }
            try await body(lab)
        }
    }

    private func inStep(_ host: LabHost) async throws {
        try await eventually("\(host.name) sees the standby in step", within: promised(20)) {
            let office = try await host.ask("status", of: Standing.self).office
            return office?.standby == "pc2" && office?.standbyInStep == true
        }
    }

    /// Puts one file after another, and removes and moves some; each acknowledgement is written down.
    private func startWriting(on host: LabHost) throws -> HostProcess {
        let script = """
            for i in $(seq 1 3000); do
                echo "\(host.name) $i $RANDOM" >g
                officeshare put --force ./g office/docs/same >/dev/null 2>&1 && cat g >>acknowledged
                echo "\(host.name) $i $RANDOM" >g
                officeshare put ./g office/docs/\(host.name)-$i >/dev/null 2>&1 && cat g >>acknowledged
                officeshare mv office/docs/\(host.name)-$i office/docs/moved-\(host.name)-$i >/dev/null 2>&1
                [ $((i % 3)) = 0 ] && officeshare rm office/docs/moved-\(host.name)-$i >/dev/null 2>&1
            done
            """
        return try host.start(["bash", "-c", script], as: "bob")
    }

    private func count(on host: LabHost) async throws -> Int {
        Int(try await host.shell("wc -l <acknowledged || echo 0", as: "bob").lines.first ?? "") ?? 0
    }

    private func end(_ writers: [HostProcess]) async throws {
        for writer in writers {
            try await writer.signal(SIGKILL)
            _ = try await writer.ended(within: promised(10))
        }
    }

    /// Everything that these hosts had acknowledged is in the store there: looked at again while what was cut off with
    /// its writer (a removal, a move) still takes it from one name to another.
    private func everythingIsThere(of hosts: [LabHost], on holder: LabHost, atLeast: Int = 10) async throws {
        for host in hosts {
            let acknowledged = try await host.run(["cat", "/home/bob/acknowledged"]).lines
            #expect(acknowledged.count > atLeast)
            try await eventually("all that \(host.name) was told is on \(holder.name)", within: promised(5)) {
                let kept = try await holder.shell(
                    "find \(Self.store)/spaces/docs \(Self.store)/versions/docs -type f -exec cat {} +"
                ).lines
                return Set(acknowledged).isSubset(of: kept)
            }
        }
    }

    @Test func aStandbyTakesOverAtOnceAndHasEverything() async throws {
        try await withStandby(["pc1", "pc2", "pc3", "pc4"]) { lab in
            let (pc1, pc2, pc3, pc4) = (lab["pc1"], lab["pc2"], lab["pc3"], lab["pc4"])
            // What was there before is with the standby, too.
            #expect(pc2.exists("\(Self.store)/spaces/docs/before"))
            let hosts = [pc2, pc3, pc4]
            let writers = try hosts.map { try startWriting(on: $0) }
            for host in hosts {
                try await eventually("some are acknowledged", within: promised(30)) {
                    try await self.count(on: host) > 20
                }
            }
            try await pc1.killDaemon()
            let began = ContinuousClock.now
            let server: Server = try await pc3.ask("promote", "pc2")
            #expect(server.node == "pc2" && server.epoch == 3 && server.standby == nil)
            try await pc4.shell("echo after >f", as: "alice").checked()
            try await eventually("a write is acknowledged", within: promised(5)) {
                try await pc4.officeshare(["put", "--force", "./f", "office/docs/after"], as: "alice").status == 0
            }
            #expect(ContinuousClock.now - began < promised(5))
            for host in hosts {
                let before = try await count(on: host)
                try await eventually("\(host.name) writes on", within: promised(20)) {
                    try await self.count(on: host) > before + 4
                }
            }
            try await end(writers)
            try await everythingIsThere(of: hosts, on: pc2)
            // What the standby counts is what there is, once the last of what was cut off has ended.
            struct Space: Decodable { let files: Int }
            try await eventually("the books are right") {
                let found = "find \(Self.store)/spaces/docs -type f | grep -vc /.officeshare-"
                let files = try await pc2.shell(found).lines.first
                return try await pc3.ask("space", "ls", of: [Space].self).first.map { "\($0.files)" } == files
            }
        }
    }

    @Test func aServerWithoutItsStandbySaysSoAndGoesOn() async throws {
        try await withStandby(["pc1", "pc2", "pc3"]) { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            // What differs from what the standby has neither in size nor in time is with it later all the same.
            try await pc3.shell("echo one >twin; touch -d 2020-01-01 twin", as: "bob").checked()
            try await pc3.must("put", "./twin", "office/docs/twin", as: "bob")
            try await pc2.cutLink()
            try await pc3.shell("echo alone >f", as: "bob").checked()
            try await eventually("pc3 writes on", within: promised(20)) {
                try await pc3.officeshare(["put", "--force", "./f", "office/docs/alone"], as: "bob").status == 0
            }
            try await pc3.shell("echo two >twin; touch -d 2020-01-01 twin", as: "bob").checked()
            try await pc3.must("put", "--force", "./twin", "office/docs/twin", as: "bob")
            // It was said before.
            for host in [pc1, pc3] {
                try await eventually("\(host.name) tells that the standby is behind") {
                    try await host.status().problems.contains { $0.what == "pc2" && $0.why.contains("behind") }
                }
            }
            // On its side of the cut nobody can say whether it has everything.
            try await eventually("pc2 misses pc1", within: promised(10)) {
                try await pc2.members().contains { $0.name == "pc1" && !$0.online }
            }
            let unknown = try await pc2.officeshare(["promote", "pc2"])
            #expect(unknown.status == 69 && unknown.stderr.contains("--force"), "\(unknown.stderr)")
            // Nor afterwards, with the server gone: pc3 has heard of it.
            try await pc1.killDaemon()
            try await pc2.plugLink()
            try await eventually("pc3 sees pc2", within: promised(15)) {
                try await pc3.members().contains { $0.name == "pc2" && $0.online }
            }
            let behind = try await pc3.officeshare(["promote", "pc2"])
            #expect(behind.status != 0 && behind.stderr.contains("behind"), "\(behind.stderr)")
            // Back, it makes its standby equal by itself; and then that can be promoted.
            try await pc1.startDaemon()
            try await inStep(pc3)
            #expect(try await !pc3.status().problems.contains { $0.what == "pc2" })
            try await pc1.killDaemon()
            try await pc3.must("promote", "pc2")
            #expect(try await pc3.must("cat", "office/docs/twin", as: "bob").stdout == "two\n")
            #expect(try await pc3.must("cat", "office/docs/alone", as: "bob").stdout == "alone\n")
        }
    }

    @Test func withoutAWitnessAStandbyIsPromotedOnlyByForce() async throws {
        try await withStandby(["pc1", "pc2"]) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.shell("echo one >f", as: "bob").checked()
            try await pc1.must("put", "./f", "office/docs/one", as: "bob")
            #expect(pc2.exists("\(Self.store)/spaces/docs/one"))
            try await pc1.killDaemon()
            try await eventually("pc2 misses pc1") {
                try await pc2.members().contains { $0.name == "pc1" && !$0.online }
            }
            try await pc2.refused(69, "promote")
            try await pc2.must("promote", "--force")
            #expect(try await pc2.must("cat", "office/docs/one", as: "bob").stdout == "one\n")
        }
    }

    @Test func aStandbyIsHandedOverToWhileInUseAndEnded() async throws {
        try await withStandby(["pc1", "pc2", "pc3"]) { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc3.refused(73, "promote", "pc1", "--standby")
            let writers = [try startWriting(on: pc3)]
            try await eventually("some are acknowledged") { try await self.count(on: pc3) > 10 }
            #expect(try await pc1.ask("promote", "pc2", of: Server.self).epoch == 3)
            let before = try await count(on: pc3)
            try await eventually("writes go on", within: promised(20)) { try await self.count(on: pc3) > before + 4 }
            // The other way round, and a standby that is started anew while it follows.
            #expect(try await pc1.ask("promote", "pc1", "--standby", of: Server.self).standby == "pc1")
            try await eventually("pc1 is in step", within: promised(20)) {
                try await pc3.ask("status", of: Standing.self).office?.standbyInStep == true
            }
            try await pc1.killDaemon()
            try await pc1.startDaemon()
            let again = try await count(on: pc3)
            try await eventually("writes go on", within: promised(20)) { try await self.count(on: pc3) > again + 4 }
            try await eventually("pc1 is in step again", within: promised(20)) {
                try await pc2.ask("status", of: Standing.self).office?.standbyInStep == true
            }
            try await end(writers)
            try await everythingIsThere(of: [pc3], on: pc2)
            try await everythingIsThere(of: [pc3], on: pc1)
            let ended: Server = try await pc1.ask("demote", "--standby")
            #expect(ended.node == "pc2" && ended.standby == nil)
            try await pc1.refused(66, "demote", "--standby")
        }
    }
}
