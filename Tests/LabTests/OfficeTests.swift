import Foundation
import OfficeCore
import OfficeLab
import Testing

/// Founding, joining, and who is in: on real hosts, by the command line.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct OfficeTests {
    @Test func whoWasRemovedDoesNotComeBackByTheCodeItHad() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.must("office", "create", "Acme")
            let code = try await pc1.invite()
            try await pc2.must("office", "join", code)
            try await lab.settle()
            try await pc1.must("office", "remove", "pc2")
            try await eventually("pc2 knows that it is out", within: promised(2)) {
                try await pc2.status().office == nil
            }
            try await pc2.refused(77, "office", "join", code)
            #expect(try await pc1.members().map(\.name) == ["pc1"])
            // By a new one it does.
            try await pc2.must("office", "join", try await pc1.invite())
            try await lab.settle()
        }
    }

    @Test func aNodeJoinsInTwoSecondsAndSeesASharesOneSecondAfterItIsAdded() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.must("office", "create", "Acme")
            let joining = try await pc2.officeshare(["office", "join", try await pc1.invite(), "--json"])
            let joined: Joined = try joining.json()
            #expect(joining.took < promised(2))
            #expect(joined.office.name == "Acme" && joined.node.name == "pc2")
            for host in lab.hosts {
                let office = try #require(try await host.status().office)
                #expect(office.id == joined.office.id && office.members == 2)
                #expect(office.role == (host === pc1 ? "admin" : "member"))
                #expect(try await host.members().map(\.name) == ["pc1", "pc2"])
            }
            try await pc1.share("docs")
            try await eventually("pc2 lists the share", within: promised(1)) {
                try await pc2.ask("ls", of: [Offer].self).contains { $0.path == "pc1/docs" && $0.online }
            }
            try await pc1.must("share", "rm", "docs", as: "alice")
            try await eventually("pc2 doesn't list it any more", within: promised(1)) {
                try await pc2.ask("ls", of: [Offer].self).isEmpty
            }
        }
    }

    @Test func aBadCodeIsMalformedAndAnUnknownInviterUnreachable() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.must("office", "create", "Acme")
            let code = try await pc1.invite()
            try await pc2.refused(65, "office", "join", "ABCD")
            try await pc2.refused(65, "office", "join", String(code.dropLast()) + (code.hasSuffix("0") ? "1" : "0"))
            try await pc2.refused(65, "office", "join", "-", input: "\u{1}\n")
            try await pc2.refused(69, "office", "join", try await pc2.wrongCode())
            try await pc2.must("office", "join", "-", input: code + "\n")
            try await pc2.refused(73, "office", "join", code)
            try await pc2.refused(73, "office", "create", "Other")
        }
    }

    @Test func aCodeServesOnce() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let code = try await {
                try await lab["pc1"].must("office", "create", "Acme")
                return try await lab["pc1"].invite()
            }()
            try await lab["pc2"].must("office", "join", code)
            try await lab["pc3"].refused(77, "office", "join", code)
            #expect(try await lab["pc1"].members().count == 2)
        }
    }

    @Test(arguments: [4, 5]) func fiveWrongGuessesEndAnInvitation(_ guesses: Int) async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.must("office", "create", "Acme")
            let code = try await pc1.invite()
            for _ in 0..<guesses { try await pc2.refused(77, "office", "join", try await pc1.wrongCode()) }
            if guesses < 5 {
                try await pc2.must("office", "join", code)
            } else {
                try await pc2.refused(77, "office", "join", code)
                try await pc2.must("office", "join", try await pc1.invite())
            }
        }
    }

    @Test(arguments: [3650, -3650]) func aClockTenYearsOffLocksNobodyOut(_ days: Int) async throws {
        try await withLab("pc1", HostPlan("pc2", daemon: false)) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.startDaemon(clock: .seconds(days * 86_400))
            try await pc1.must("office", "create", "Acme")
            try await pc2.must("office", "join", try await pc1.invite())
            try await lab.settle()
            try await pc1.share("docs")
            try await pc2.share("papers")
            try await pc2.must("get", "pc1/docs/letter", "/tmp/letter")
            try await pc1.must("get", "pc2/papers/letter", "/tmp/letter")
            #expect(try pc2.read("/tmp/letter") == pc1.read("/tmp/letter"))
            try await pc1.must("office", "admin", "add", "pc2")
            try await eventually("pc2 knows that it is an admin") { try await pc2.status().office?.role == "admin" }
            // The other way round: who invites has the wrong clock.
            try await pc1.must("office", "leave")
            try await eventually("pc1 is out") { try await pc2.members().count == 1 }
            try await pc1.must("office", "join", try await pc2.invite())
            try await lab.settle()
            try await pc2.must("office", "log", "--verify")
        }
    }

    @Test func aRenamedNodeIsKnownByItsNewNameEverywhere() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            try await lab.foundOffice()
            try await lab["pc3"].must("office", "rename", "pc3", "desk")
            for host in lab.hosts {
                try await eventually("\(host.name) knows the new name", within: promised(2)) {
                    try await host.members().map(\.name) == ["desk", "pc1", "pc2"]
                }
            }
            try await lab["pc1"].refused(73, "office", "rename", "desk", "pc2")
            try await lab["pc2"].refused(77, "office", "rename", "pc1", "boss")
            try await lab["pc1"].refused(65, "office", "rename", "pc2", "office")
            try await lab["pc1"].refused(66, "office", "rename", "nobody", "x")
        }
    }

    @Test func removingANodeClosesItsConnectionsEverywhereInTwoSeconds() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await lab.foundOffice()
            try await pc1.share("docs")
            try await eventually("pc3 reads") { try await pc3.officeshare(["ls", "pc1/docs"]).status == 0 }
            #expect(try await pc2.connections(with: pc3) > 0)
            try await pc1.must("office", "remove", "pc3")
            try await eventually("nobody is connected with pc3", within: promised(2)) {
                let here = try await pc1.connections(with: pc3)
                let there = try await pc2.connections(with: pc3)
                return here + there == 0
            }
            #expect(try await pc3.officeshare(["get", "pc1/docs/letter", "/tmp/letter"]).status != 0)
            #expect(try await pc3.officeshare(["ls", "pc1/docs"]).status != 0)
            #expect(try await pc2.members().map(\.name) == ["pc1", "pc2"])
            // Invited again it is a member like any other.
            try await pc3.must("office", "join", try await pc1.invite())
            try await lab.settle()
        }
    }

    @Test func aRemovedNodeIsToldSoAndOneThatStallsHoldsUpNobody() async throws {
        try await withLab("pc1", "pc2", "pc3", "pc4") { lab in
            let (pc1, pc2, pc3, pc4) = (lab["pc1"], lab["pc2"], lab["pc3"], lab["pc4"])
            try await lab.foundOffice()
            try await pc1.must("office", "remove", "pc3")
            try await eventually("pc3 knows that it is out", within: promised(2)) {
                try await pc3.status().office == nil
            }
            let stalled = try #require(pc4.service(.officeshare))
            try await stalled.signal(SIGSTOP)
            try await pc1.must("office", "remove", "pc4")
            try await eventually("nobody is connected with pc4", within: promised(2)) {
                let here = try await pc1.connections(with: pc4)
                let there = try await pc2.connections(with: pc4)
                return here + there == 0
            }
            try await stalled.signal(SIGCONT)
            // Nor does one that stalls hold up a stop, or take the goodbye from the others.
            let other = try #require(pc2.service(.officeshare))
            try await other.signal(SIGSTOP)
            let before = ContinuousClock.now
            #expect(try await pc1.stopDaemon() == .status(0))
            #expect(ContinuousClock.now - before < promised(3))
            try await other.signal(SIGCONT)
            try await eventually("pc2 heard pc1's goodbye", within: promised(2)) { try await pc2.peer("pc1") == nil }
        }
    }

    @Test func aNodeThatLeavesIsInNoOffice() async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            try await lab["pc2"].must("office", "leave")
            #expect(try await lab["pc2"].status().office == nil)
            try await lab["pc2"].refused(66, "office", "members")
            try await eventually("pc1 knows that it left", within: promised(2)) {
                try await lab["pc1"].members().map(\.name) == ["pc1"]
            }
            try await lab["pc2"].must("office", "create", "Own")
        }
    }

    @Test func onlyAdminsChangeTheOfficeAndTheLastOneStays() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await lab.foundOffice()
            try await pc2.refused(77, "office", "invite")
            try await pc2.refused(77, "office", "remove", "pc1")
            try await pc2.refused(77, "office", "admin", "add", "pc2")
            try await pc1.must("office", "admin", "add", "pc2")
            try await eventually("pc2 is an admin", within: promised(2)) {
                try await pc2.status().office?.role == "admin"
            }
            _ = try await pc2.invite()
            try await pc2.must("office", "admin", "rm", "pc1")
            try await eventually("pc1 is none", within: promised(2)) {
                try await pc1.status().office?.role == "member"
            }
            try await pc1.refused(77, "office", "admin", "add", "pc1")
        }
    }

    @Test func theRecoveryKeyMakesAnAdminAndIsNeverOnACommandLine() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let key = try await lab.foundOffice()
            try await pc1.cutLink()
            try await pc2.refused(65, "office", "recover", input: "nonsense\n")
            // It waits for the key on a pipe: so it can be looked at.
            _ = try await pc2.shell("touch /run/hold")
            let key4 = key.replacing(key.prefix(4), with: "$1")
            let script =
                "(while [ -e /run/hold ]; do sleep 0.05; done; echo \(key4)) | officeshare office recover"
            let recovering = try pc2.start(["bash", "-c", script, "bash", String(key.prefix(4))])
            try await eventually("officeshare runs", every: .milliseconds(5)) {
                try await pc2.run(["pgrep", "-x", "officeshare"]).status == 0
            }
            let lines = try await pc2.shell(
                "for p in $(pgrep -x officeshare); do tr '\\0' ' ' </proc/$p/cmdline; done")
            _ = try await pc2.shell("rm /run/hold")
            #expect(lines.stdout.contains("recover") && !lines.stdout.contains(key.suffix(8)))
            #expect(try await recovering.ended() == .status(0), "\(recovering.stderr)")
            #expect(try await pc2.status().office?.role == "admin")
            try await pc2.must("office", "remove", "pc1")
            try await pc2.must("office", "log", "--verify")
        }
    }

    @Test func adminsThatWriteWhileCutOffFromEachOtherConverge() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await lab.foundOffice()
            try await pc1.must("office", "admin", "add", "pc2")
            try await eventually("pc2 is an admin") { try await pc2.status().office?.role == "admin" }
            try await pc1.cutLink(.silent)
            try await pc1.must("office", "rename", "pc3", "desk")
            try await pc2.must("office", "rename", "pc3", "lamp")
            try await pc2.must("office", "admin", "add", "lamp")
            try await pc1.plugLink()
            try await eventually("all have one log", within: promised(8)) {
                let logs = [try await pc1.log(), try await pc2.log(), try await lab["pc3"].log()]
                return logs.allSatisfy { $0 == logs[0] && $0.count == 7 }
            }
            let views = [try await pc1.members(), try await pc2.members(), try await lab["pc3"].members()]
            #expect(Set(views.map { $0.map { "\($0.name) \($0.admin)" } }).count == 1)
            for host in lab.hosts { try await host.must("office", "log", "--verify") }
        }
    }

    @Test func theSameShareAddAgainChangesNothing() async throws {
        try await withLab("pc1") { lab in
            let pc1 = lab["pc1"]
            try await pc1.share("docs", "--rw")
            let rights = try await pc1.run(["getfacl", "-R", "/home/alice"]).stdout
            try await pc1.share("docs", "--rw")
            #expect(try await pc1.run(["getfacl", "-R", "/home/alice"]).stdout == rights)
            try await pc1.refused(73, "share", "add", "/home/alice/docs", "--name", "docs", as: "alice")
            try await pc1.must("share", "rm", "docs", as: "alice")
            #expect(!(try await pc1.run(["getfacl", "-R", "/home/alice"]).stdout.contains("officeshare")))
        }
    }
}
