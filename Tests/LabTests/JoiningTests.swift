import Foundation
import OfficeLab
import Testing

/// Machines become an office, by a code and in no time.
@Suite(.serialized, .lab, .timeLimit(.minutes(5)))
struct JoiningTests {
    @Test func threeHostsBecomeAnOffice() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            let created = try await pc1.officeshare(["office", "create", "Acme"]).checked()
            #expect(created.stdout.contains("Acme"))
            #expect(try await pc2.join(pc1).took < .seconds(2))
            #expect(try await pc3.join(pc1).took < .seconds(2))
            for host in lab.hosts {
                try await eventually("\(host.name) sees all members online", within: .seconds(5)) {
                    let members = try await host.members()
                    return Set(members.map(\.name)) == ["pc1", "pc2", "pc3"] && members.allSatisfy(\.online)
                }
            }
            #expect(try await pc2.members().filter(\.admin).map(\.name) == ["pc1"])
            let verified = try await pc3.officeshare(["office", "log", "--verify"])
            #expect(verified.status == 0)
        }
    }

    @Test func aCodeAdmitsOneNodeAndDiesOfGuesses() async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            expectFailure(try await pc2.officeshare(["office", "join", "AAAA-BBBB"]), 65, 73, 77)
            try await pc3.officeshare(["office", "leave"]).checked()

            let used = try await pc1.invite()
            try await pc3.officeshare(["office", "join", used]).checked()
            try await pc3.officeshare(["office", "leave"]).checked()
            expectFailure(try await pc3.officeshare(["office", "join", used]), 66, 69, 77)
            expectFailure(try await pc3.officeshare(["office", "join", "0000-0000-0000-0000-0000-0000"]), 65, 66)
        }
    }

    @Test func aClockTenYearsOffLocksNobodyOut() async throws {
        let bare = HostPlan("pc2", daemon: false)
        try await withLab("pc1", bare) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.officeshare(["office", "create", "Acme"]).checked()
            try await pc2.startDaemon(clock: "-3650d")
            try await pc2.join(pc1)
            try await pc1.share("docs", making: "echo hers >letter")
            try await pc2.awaitShare("pc1/docs")
            try await pc2.officeshare(["get", "pc1/docs/letter", "copy"], as: "alice").checked()
            #expect(try await pc2.run(["cat", "copy"], as: "alice").stdout == "hers\n")
        }
    }

    @Test func joiningWorksWhereMulticastIsBlocked() async throws {
        try await withLab("pc1", HostPlan("far", segment: 1)) { lab in
            let (pc1, far) = (lab["pc1"], lab["far"])
            try await pc1.officeshare(["office", "create", "Acme"]).checked()
            let code = try await pc1.invite()
            try await far.officeshare(["office", "join", code, "--via", pc1.address]).checked()
            try await pc1.share("docs", making: "echo hers >letter")
            try await far.awaitShare("pc1/docs")
            try await far.restart(.officeshare)
            try await far.awaitShare("pc1/docs")
        }
    }
}

/// Who is there is known, whatever happens to them.
@Suite(.serialized, .lab, .timeLimit(.minutes(5)))
struct PresenceTests {
    @Test func comingAndGoingIsSeen() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            func expect(_ online: Bool, within limit: Duration, _ what: String) async throws {
                let took = try await eventually("pc1 sees pc2 \(what)", within: limit + .seconds(5)) {
                    try await pc1.seesOnline("pc2") == online
                }
                #expect(took < limit, "\(what)")
            }
            try await expect(true, within: .seconds(5), "join")
            try await pc2.stopDaemon()
            try await expect(false, within: .seconds(1), "stop")
            try await pc2.startDaemon()
            try await expect(true, within: .seconds(3), "start")
            try await pc2.killDaemon()
            try await expect(false, within: .seconds(5), "be killed")
            try await pc2.startDaemon()
            try await expect(true, within: .seconds(3), "start after it was killed")
            for cut in [LabHost.Cut.cable, .interface, .silent] {
                try await pc2.cutLink(cut)
                try await expect(false, within: .seconds(5), "go (\(cut))")
                try await pc2.plugLink()
                try await expect(true, within: .seconds(5), "come back (\(cut))")
            }
        }
    }

    @Test func avahiMayComeAndGo() async throws {
        try await withOffice("pc1", HostPlan("pc2")) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.stop(.avahi, by: SIGKILL)
            try await eventually("pc2 says that avahi is gone") {
                try await pc2.status().problems.contains { "\($0)".lowercased().contains("avahi") }
            }
            try await pc2.start(.avahi)
            try await eventually("pc2 found avahi again") {
                try await !pc2.status().problems.contains { "\($0)".lowercased().contains("avahi") }
            }
            try await pc1.restart(.avahi)
            try await pc2.restart(.officeshare)
            try await eventually("they see each other by mDNS", within: .seconds(10)) {
                try await pc1.peers().contains { $0.name == "pc2" && $0.online }
            }
        }
    }

    @Test func anotherInterfaceMisleadsNobody() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            for host in lab.hosts { try await host.addInterface("docker0") }
            try await pc1.restart(.officeshare)
            try await pc1.share("docs", making: "echo hers >letter")
            try await pc2.awaitShare("pc1/docs")
            let members = try await pc2.officeshare(["office", "members", "--json"]).checked().stdout
            #expect(!members.contains("172.17."))
        }
    }
}
