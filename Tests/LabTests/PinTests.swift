import Foundation
import OfficeLab
import Testing

/// Copies of others' shares: kept up to date, and read in the owner's place while it is away, by the owner's list.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct PinTests {
    /// Three hosts, a share `docs` of alice's on pc1, and a whole copy of it on pc2.
    private func withCopy(
        allow: String..., body: (_ owner: LabHost, _ keeper: LabHost, _ reader: LabHost) async throws -> Void
    ) async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await lab.foundOffice()
            try await pc1.shell(Tree.script, as: "alice").checked()
            try await pc1.officeshare(["share", "add", "docs"] + allow.flatMap { ["--allow", $0] }, as: "alice")
                .checked()
            try await eventually("pc2 sees it") { try await !pc2.ask("ls", as: "bob", of: [Offer].self).isEmpty }
            let pin: PinnedCopy = try await pc2.ask("pin", "pc1/docs", "--wait", as: "bob")
            #expect(pin.complete && pin.asOf != nil && pin.path == "pc1/docs")
            try await body(pc1, pc2, pc3)
        }
    }

    private struct PinnedCopy: Decodable {
        let path: String
        let files: Int
        let bytes: Int
        let complete: Bool
        let asOf: String?
    }

    @Test func aCopyIsReadWhileItsOwnerIsAway() async throws {
        try await withCopy(allow: "office") { pc1, pc2, pc3 in
            try await pc1.stopDaemon()
            try await eventually("pc3 knows who serves it") {
                try await pc3.ask("ls", of: [Offer].self).contains {
                    $0.path == "pc1/docs" && $0.kind == "pin" && $0.servedBy == "pc2" && $0.asOf != nil
                }
            }
            for host in [pc2, pc3] {
                let report: Several = try await host.ask("get", "-r", "pc1/docs", ".", as: "bob")
                // Who sent it is named, not whose it is.
                #expect(report.sources.map(\.node) == ["pc2"])
                try await Tree.expectSame((pc1, "/home/alice/docs"), (host, "/home/bob/docs"))
            }
            // Nobody writes into a copy.
            let put = try await pc3.officeshare(["put", "/etc/hostname", "pc1/docs/new"], as: "bob")
            #expect(put.status == 69, "\(put)")
            // The owner is back: it answers for itself.
            try await pc1.startDaemon()
            try await eventually("the owner serves it") {
                try await pc3.ask("ls", of: [Offer].self).contains { $0.path == "pc1/docs" && $0.servedBy == "pc1" }
            }
        }
    }

    @Test func aLargeFileComesFromAllWhoHaveIt() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await lab.foundOffice()
            try await pc1.share("docs", files: [:])
            try await pc1.shell("head -c 64M /dev/urandom >docs/large", as: "alice").checked()
            try await eventually("pc2 sees it") { try await !pc2.ask("ls", of: [Offer].self).isEmpty }
            try await pc2.must("pin", "pc1/docs", "--wait")
            for host in [pc1, pc2] { try await host.rate(megabits: 100) }
            let both: Several = try await pc3.ask("get", "pc1/docs/large", ".", as: "bob")
            #expect(both.failed.isEmpty && both.sources.filter { $0.blocks > 20 }.map(\.node) == ["pc1", "pc2"])
            try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), pc3.path("/home/bob/large")]).checked()

            // The owner leaves in the middle, for good: the same command goes on with the copy.
            let before = try pc3.traffic().received
            let getting = try pc3.start(["officeshare", "get", "pc1/docs/large", "again", "--json"], as: "bob")
            try await eventually("a third has arrived") { try pc3.traffic().received > before + (20 << 20) }
            try await pc1.killDaemon()
            #expect(try await getting.ended(within: promised(30)) == .status(0), "\(getting.stderr)")
            try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), pc3.path("/home/bob/again")]).checked()
        }
    }

    private struct Several: Decodable {
        struct Source: Decodable { let node: String, bytes: Int, blocks: Int, rejected: Int }
        let failed: [Summary.Failed]
        let sources: [Source]
    }

    @Test func aCopyFollowsItsShareByEvents() async throws {
        try await withCopy(allow: "office") { pc1, pc2, _ in
            try await pc1.shell("mkdir -p docs/late/er && echo one >docs/late/er/file && rm -r docs/deep", as: "alice")
                .checked()
            try await eventually("the copy has it", within: promised(5)) {
                try await pc1.shell("echo still there >docs/late/er/file", as: "alice").checked()
                let copied = try await pc2.shell("cat /var/lib/officeshare/pins/*/late/er/file").stdout
                guard copied.contains("still there") else { return false }
                return try await pc2.ask("pins", of: [PinnedCopy].self).first?.complete == true
            }
            try await eventually("it is gone there, too", within: promised(5)) {
                try await pc2.shell("ls /var/lib/officeshare/pins/*/").lines.contains("deep") == false
            }
        }
    }

    @Test func aCopyIsServedByItsOwnersListAlone() async throws {
        try await withCopy(allow: "bob@pc2", "bob@pc3") { pc1, pc2, pc3 in
            try await pc1.stopDaemon()
            try await eventually("bob sees it") { try await !pc3.ask("ls", as: "bob", of: [Offer].self).isEmpty }
            try await pc3.must("get", "pc1/docs/nothing", "./nothing", as: "bob")
            for host in [pc2, pc3] {
                #expect(try await host.ask("ls", as: "alice", of: [Offer].self).isEmpty)
                let got = try await host.officeshare(["ls", "pc1/docs"], as: "alice")
                #expect(got.status == 69 || got.status == 66, "\(got)")
            }
        }
    }

    @Test func aShareTakenBackIsServedByNoCopy() async throws {
        try await withCopy(allow: "office") { pc1, pc2, pc3 in
            try await pc1.must("share", "rm", "docs", as: "alice")
            try await eventually("pc2 says so") {
                try await pc2.ask("pins", of: [PinnedCopy].self)[0].complete == false
            }
            try await pc1.stopDaemon()
            try await eventually("pc1 is away") {
                try await pc3.officeshare(["ls", "pc1/docs"], as: "bob").status == 69
            }
            #expect(try await pc3.ask("ls", of: [Offer].self).isEmpty)
            #expect(try await pc2.officeshare(["cat", "pc1/docs/nothing"], as: "bob").status == 69)
        }
    }

    @Test func whatIsUnpinnedIsGone() async throws {
        try await withCopy(allow: "office") { _, pc2, pc3 in
            #expect(try await pc3.officeshare(["pin", "pc1/nothing"]).status == 66)
            #expect(try await pc3.officeshare(["unpin", "pc1/docs"]).status == 66)
            #expect(try await pc2.officeshare(["unpin", "pc1/docs"], as: "alice").status == 77)
            try await pc2.must("unpin", "pc1/docs", as: "bob")
            #expect(try await pc2.ask("pins", of: [PinnedCopy].self).isEmpty)
            try await eventually("its files are gone") {
                try await pc2.shell("ls -A /var/lib/officeshare/pins").lines.isEmpty
            }
        }
    }

    private struct Moving: Decodable { let id: String, bytes: Int, state: String }

    private func moving(on host: LabHost) async throws -> Moving? {
        let all: [Moving] = try await host.ask("transfers", as: "bob")
        return all.first
    }

    @Test func whatIsPausedStaysSoOverARestart() async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.share("docs", files: [:])
            try await pc1.shell("head -c 32M /dev/urandom >docs/large", as: "alice").checked()
            try await eventually("pc2 sees it") { try await !pc2.ask("ls", as: "bob", of: [Offer].self).isEmpty }
            try await pc2.rate(megabits: 20)
            let _: PinnedCopy = try await pc2.ask("pin", "pc1/docs", as: "bob")
            func order(_ order: String) async throws {
                let pin = try await moving(on: pc2)
                try await pc2.must("transfers", order, try #require(pin).id, as: "bob")
            }
            try await eventually("it comes") {
                guard let bytes = try await moving(on: pc2)?.bytes else { return false }
                return bytes > 1 << 20
            }
            try await order("pause")
            try await pc2.stopDaemon()
            try await pc2.startDaemon()
            try await eventually("it is there again, and held") { try await moving(on: pc2)?.state == "paused" }
            let received = try pc2.traffic().received
            try await pc2.shell("sleep 3").checked()
            #expect(try pc2.traffic().received - received < 512 << 10)
            #expect(try await pc2.ask("pins", as: "bob", of: [PinnedCopy].self).first?.complete == false)
            try await pc2.rate(megabits: nil)
            try await order("resume")
            try await eventually("it is whole") {
                try await pc2.ask("pins", as: "bob", of: [PinnedCopy].self).first?.complete == true
            }
        }
    }
}
