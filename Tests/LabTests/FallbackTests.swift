import Foundation
import OfficeLab
import Testing

/// The file server is away: what any node holds of its spaces is read on, and what is put waits.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct FallbackTests {
    private struct Standing: Decodable {
        struct Office: Decodable { let standbyInStep: Bool? }
        let office: Office?
    }
    private struct Copy: Decodable { let path: String, complete: Bool }
    private struct Sent: Decodable { let id: String, to: String, state: String, reason: String? }
    private struct Queued: Decodable { let files: Int, failed: [Summary.Failed] }

    /// pc1 is the file server of a space `docs` with a file `f`, of which pc2 has a whole copy.
    private func withPinnedSpace(_ allow: String..., body: (Lab) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.must("promote")
            try await pc1.officeshare(["space", "add", "docs"] + allow.flatMap { ["--allow", $0] }).checked()
            try await eventually("pc2 sees it", within: promised(5)) {
                try await pc2.ask("ls", as: "bob", of: [Offer].self).contains { $0.path == "office/docs" && $0.online }
            }
            try await pc2.shell("echo one >f", as: "bob").checked()
            try await pc2.must("put", "./f", "office/docs/f", as: "bob")
            try await pc1.refused(64, "pin", "office/docs", as: "bob")
            try await pc2.must("pin", "office/docs", "--wait", as: "bob")
            try await body(lab)
        }
    }

    /// A standby has all of it, and needn't be promoted to be read.
    @Test func aSpaceIsReadFromTheStandby() async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("promote")
            try await pc1.must("space", "add", "docs", "--allow", "bob@pc3")
            try await pc1.must("promote", "pc2", "--standby")
            try await eventually("the standby is in step", within: promised(20)) {
                try await pc3.ask("status", of: Standing.self).office?.standbyInStep == true
            }
            try await pc3.shell("echo one >f", as: "bob").checked()
            try await pc3.must("put", "./f", "office/docs/f", as: "bob")
            try await pc1.killDaemon()
            try await eventually("it is read", within: promised(10)) {
                try await pc3.officeshare(["cat", "office/docs/f"], as: "bob").stdout == "one\n"
            }
            let offers = try await pc3.officeshare(["ls", "--json"], as: "bob").json([Offer].self)
            let space = try #require(offers.first { $0.path == "office/docs" })
            #expect(space.kind == "pin" && space.mode == "ro" && space.servedBy == "pc2" && space.asOf != nil)
            // By the space's own list, on the standby too.
            for host in [pc2, pc3] {
                #expect(try await host.officeshare(["cat", "office/docs/f"], as: "alice").status != 0)
            }
            try await pc1.startDaemon()
            try await eventually("the file server has it again", within: promised(20)) {
                try await pc3.officeshare(["put", "--force", "./f", "office/docs/f"], as: "bob").status == 0
            }
        }
    }

    @Test func aPinnedSpaceIsReadFromAPeerWithinSeconds() async throws {
        try await withPinnedSpace { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            // The copy follows what is put.
            try await pc3.shell("mkdir -p d && echo deep >d/g", as: "bob").checked()
            try await pc3.must("put", "-r", "./d", "office/docs/", as: "bob")
            try await eventually("the copy has it", within: promised(5)) {
                try await pc2.shell("cat /var/lib/officeshare/pins/*/d/g").stdout == "deep\n"
            }
            let before = ContinuousClock.now
            try await pc1.killDaemon()
            try await eventually("it is read", within: promised(3)) {
                try await pc3.officeshare(["cat", "office/docs/f"], as: "bob").stdout == "one\n"
            }
            #expect(ContinuousClock.now - before < promised(3))
            for place in [["ls"], ["ls", "office"]] {
                let offers = try await pc3.officeshare(place + ["--json"], as: "bob").json([Offer].self)
                let space = try #require(offers.first { $0.path == "office/docs" })
                #expect(space.kind == "pin" && space.mode == "ro" && space.servedBy == "pc2" && space.asOf != nil)
                #expect(!space.online)
            }
            // People are told what they read.
            let read = try await pc3.must("cat", "office/docs/f", as: "bob")
            #expect(read.stderr.contains("office/docs is read from the copy on pc2, as of"))
            for host in [pc2, pc3] {
                #expect(
                    try await host.officeshare(["ls", "-R", "office/docs"], as: "bob").checked().lines
                        == ["d", "d/g", "f"])
                try await host.must("get", "-r", "office/docs", "./copy", as: "bob")
                #expect(try await host.shell("cat copy/d/g", as: "bob").stdout == "deep\n")
            }
            try await pc3.refused(69, "put", "--force", "./d/g", "office/docs/f", as: "bob")
            try await pc1.startDaemon()
            try await eventually("the server answers", within: promised(10)) {
                try await pc3.ask("ls", of: [Offer].self).contains { $0.path == "office/docs" && $0.servedBy == "pc1" }
            }
        }
    }

    @Test func aCopyIsReadByTheSpacesListAlone() async throws {
        try await withPinnedSpace("bob@pc2", "bob@pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.killDaemon()
            try await eventually("bob reads it", within: promised(3)) {
                try await pc3.officeshare(["cat", "office/docs/f"], as: "bob").stdout == "one\n"
            }
            for host in [pc2, pc3] {
                #expect(try await host.ask("ls", as: "alice", of: [Offer].self).isEmpty)
                #expect(try await host.officeshare(["cat", "office/docs/f"], as: "alice").status == 69)
            }
            // A keeper that is started anew still goes by what the server signed.
            try await pc2.killDaemon()
            try await pc2.startDaemon()
            try await eventually("bob reads it", within: promised(5)) {
                try await pc3.officeshare(["cat", "office/docs/f"], as: "bob").stdout == "one\n"
            }
            #expect(try await pc3.officeshare(["cat", "office/docs/f"], as: "alice").status == 69)
        }
    }

    /// Of an edit it is known what it was made from, also when it arrives late.
    @Test func anEditThatIsQueuedReplacesWhatItWasMadeFrom() async throws {
        try await withPinnedSpace { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc3.shell("echo two >g", as: "bob").checked()
            try await pc3.must("put", "./g", "office/docs/g", as: "bob")
            try await pc3.must("get", "office/docs/f", "office/docs/g", ".", as: "bob")
            try await pc1.killDaemon()
            try await eventually("pc3 misses pc1", within: promised(5)) {
                try await pc3.members().contains { $0.name == "pc1" && !$0.online }
            }
            for file in ["f", "g"] {
                try await pc3.shell("echo edited >>\(file)", as: "bob").checked()
                try await pc3.must("put", "--queue", "./\(file)", "office/docs/\(file)", as: "bob")
            }
            // One of them is changed before they arrive: pc3 is cut off until then.
            try await pc3.killDaemon()
            try await pc1.startDaemon()
            try await pc2.shell("echo other >g", as: "bob").checked()
            try await eventually("it is changed", within: promised(10)) {
                try await pc2.officeshare(["put", "--force", "./g", "office/docs/g"], as: "bob").status == 0
            }
            try await pc3.startDaemon()
            try await eventually("both arrived", within: promised(15)) {
                try await pc3.ask("sent", as: "bob", of: [Sent].self).allSatisfy { $0.state == "delivered" }
            }
            #expect(try await pc2.must("cat", "office/docs/f", as: "bob").stdout == "one\nedited\n")
            #expect(try await pc2.must("cat", "office/docs/g", as: "bob").stdout == "other\n")
            let names = try await pc2.officeshare(["ls", "office/docs"], as: "bob").checked().lines
            let copy = try #require(names.first { $0.contains("conflict of bob@pc3") })
            #expect(try await pc2.must("cat", "office/docs/\(copy)", as: "bob").stdout == "two\nedited\n")
            #expect(
                try await pc3.ask("sent", as: "bob", of: [Sent].self).contains { $0.reason?.contains(copy) == true })
        }
    }

    @Test func whatIsQueuedArrivesAndReplacesNothingBlindly() async throws {
        try await withPinnedSpace { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.killDaemon()
            try await eventually("pc3 misses pc1", within: promised(5)) {
                try await pc3.members().contains { $0.name == "pc1" && !$0.online }
            }
            try await pc3.shell("echo late >late; echo other >f; mkdir d; echo in >d/in", as: "bob").checked()
            for put in [
                ["./late", "office/docs/late"], ["-r", "./d", "office/docs/"], ["--force", "./f", "office/docs/f"],
            ] {
                let queued = try await pc3.officeshare(["put", "--queue"] + put + ["--json"], as: "bob")
                #expect(queued.status == 0, "\(queued)")
            }
            #expect(try await pc3.ask("sent", as: "bob", of: [Sent].self).allSatisfy { $0.to.hasPrefix("office/docs") })
            try await pc1.startDaemon()
            try await eventually("all came to an end", within: promised(15)) {
                let sent: [Sent] = try await pc3.ask("sent", as: "bob")
                return sent.map(\.state).sorted() == ["delivered", "delivered", "rejected"]
            }
            #expect(try await pc2.must("cat", "office/docs/late", as: "bob").stdout == "late\n")
            #expect(try await pc2.must("cat", "office/docs/d/in", as: "bob").stdout == "in\n")
            // What was there stays, and what was to take its place is kept until a person says what to do.
            #expect(try await pc2.must("cat", "office/docs/f", as: "bob").stdout == "one\n")
            let kept = try #require(
                try await pc3.ask("sent", as: "bob", of: [Sent].self).first { $0.state == "rejected" })
            #expect(kept.reason?.contains("--force") == true)
            try await pc3.must("resend", kept.id, "--force", as: "bob")
            try await eventually("it is replaced", within: promised(5)) {
                try await pc2.officeshare(["cat", "office/docs/f"], as: "bob").stdout == "other\n"
            }
            #expect(try await pc2.officeshare(["versions", "office/docs/f"], as: "bob").lines.count > 1)
        }
    }
}
