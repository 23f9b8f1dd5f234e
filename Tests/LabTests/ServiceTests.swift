import Foundation
import OfficeLab
import Testing

/// The daemon as its service manager has it: started, told to read its configuration again, ended, killed.
@Suite(.serialized, .lab, .timeLimit(.minutes(1)))
struct ServiceTests {
    @Test func itEndsInFiveSecondsWhateverItIsDoing() async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            try await lab["pc1"].share("docs")
            try await lab["pc1"].shell("head -c 64M /dev/urandom >docs/large", as: "alice").checked()
            try await lab["pc2"].rate(megabits: 20)
            for host in [lab["pc1"], lab["pc2"]] {
                try await eventually("pc2 lists") { try await lab["pc2"].officeshare(["ls", "pc1/docs"]).status == 0 }
                let getting = try lab["pc2"].start(["officeshare", "get", "pc1/docs/large", "/tmp/large"])
                let events = try lab["pc1"].start(["officeshare", "events"])
                let before = try lab["pc2"].traffic().received
                try await eventually("it moves") { try lab["pc2"].traffic().received > before + 500_000 }
                let clock = ContinuousClock()
                let start = clock.now
                #expect(try await host.stopDaemon() == .status(0))
                #expect(clock.now - start < promised(5))
                #expect(host.notifications.contains("STOPPING=1"))
                #expect(try await getting.ended() == .status(75), "\(getting.stderr)")
                #expect(!lab["pc2"].exists("/tmp/large"))
                try await host.startDaemon()
                try await events.end()
                try await lab.settle()
            }
        }
    }

    @Test func whenItRestsItEndsAtOnceWithNothingCutOff() async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            let clock = ContinuousClock()
            let start = clock.now
            #expect(try await lab["pc1"].stopDaemon() == .status(0))
            #expect(clock.now - start < promised(1))
            #expect(!lab["pc1"].daemonLog.contains("cut off") && !lab["pc1"].daemonLog.contains("error"))
        }
    }

    @Test func aReloadAppliesWhatCanChangeLive() async throws {
        try await withLab("pc1", HostPlan("pc2", avahi: false)) { lab in
            let pc2 = lab["pc2"]
            #expect(try await pc2.ask("peers", of: [Peer].self).isEmpty)
            try pc2.write("peers: [\(lab["pc1"].address)]\n", to: "/etc/officeshare/officeshare.yaml")
            try await pc2.service(.officeshare)?.signal(SIGHUP)
            try await eventually("it is ready again") { pc2.notifications.count { $0 == "READY=1" } == 2 }
            #expect(pc2.notifications.contains("RELOADING=1"))
            #expect(try await pc2.ask("peers", of: [Peer].self).map(\.addresses) == [[lab["pc1"].address]])

            try pc2.write("peers: [\(lab["pc1"].address)]\nport: none\n", to: "/etc/officeshare/officeshare.yaml")
            try await pc2.service(.officeshare)?.signal(SIGHUP)
            try await eventually("it is ready again") { pc2.notifications.count { $0 == "READY=1" } == 3 }
            #expect(pc2.daemonLog.contains("port"))
            #expect(try await pc2.ask("peers", of: [Peer].self).count == 1)
        }
    }

    private func reload(_ host: LabHost, _ config: String) async throws {
        let ready = host.notifications.count { $0 == "READY=1" }
        try host.write(config, to: "/etc/officeshare/officeshare.yaml")
        try await host.service(.officeshare)?.signal(SIGHUP)
        try await eventually("it is ready again") { host.notifications.count { $0 == "READY=1" } > ready }
    }

    @Test func aReloadAppliesTheRulesForInterfaces() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await eventually("they see each other") { try await pc2.peer("pc1")?.online == true }
            try await reload(pc1, "discovery: {ignoredInterfaces: ['eth*']}\n")
            #expect(try await pc1.ask("peers", of: [Peer].self).isEmpty)
            try await eventually("pc2 sees pc1 no more") { try await pc2.peer("pc1")?.online != true }
            try await reload(pc1, "discovery: {interfaces: ['eth0']}\n")
            try await eventually("they see each other again") {
                let (one, two) = try await (pc1.peer("pc2"), pc2.peer("pc1"))
                return one?.online == true && two?.online == true
            }
            try await reload(pc1, "discovery: {mdns: false}\n")
            #expect(try await pc1.ask("peers", of: [Peer].self).isEmpty)
            #expect(!pc1.daemonLog.contains("restart is needed"))
        }
    }

    @Test func aReloadAppliesLimitsAndSaysWhatItCannot() async throws {
        try await withLab(HostPlan("pc1", avahi: false)) { lab in
            let pc1 = lab["pc1"]
            try await pc1.must("office", "create", "Acme")
            let events = try pc1.start(["officeshare", "events"], as: "bob")
            try await pc1.share("docs")
            var comments = 0
            try await eventually("bob hears of what happens") {
                comments += 1
                try await pc1.must("share", "set", "docs", "--comment", "\(comments)", as: "alice")
                return !events.stdout.isEmpty
            }
            try await reload(pc1, "limits: {shares: 1, controlConnectionsPerUser: 1}\n")
            try await pc1.run(["mkdir", "/home/alice/more"], as: "alice").checked()
            // The connection of the command before may still be hers for a moment.
            try await eventually("alice is told why she can't share more") {
                let refused = try await pc1.officeshare(["share", "add", "/home/alice/more"], as: "alice")
                return refused.status != 0 && refused.stderr.contains("limits.shares")
            }
            try await pc1.refused(75, "status", as: "bob")
            try await eventually("alice is served") { try await pc1.officeshare(["status"], as: "alice").status == 0 }
            try await reload(pc1, "limits: {shares: 2}\n")
            #expect(try await pc1.officeshare(["status"], as: "bob").status == 0)
            try await pc1.must("share", "add", "/home/alice/more", as: "alice")
            // What needs a restart is named.
            try await reload(pc1, "limits: {logEntries: 20}\nport: 9999\n")
            #expect(pc1.daemonLog.contains("restart is needed"))
            #expect(pc1.daemonLog.contains("limits.logEntries") && pc1.daemonLog.contains("port"))
            try await events.end()
        }
    }

    @Test(arguments: [
        ("limits: {connections: 0}\n", ["limits.connections", "1 to 65536"]),
        ("prot: 1\n", ["prot", "port"]),
        ("port: [1]\n", ["port", "1 to 65535"]),
        ("peers: [\n", ["officeshare.yaml"]),
        ("listenAddresses: ['not an address']\n", ["listenAddresses", "address"]),
    ])
    func aBadConfigurationIsRefusedAndSaidWhatIsAllowed(_ text: String, _ said: [String]) async throws {
        try await withLab(HostPlan("pc1", avahi: false)) { lab in
            try await lab["pc1"].stopDaemon()
            let file = "/etc/officeshare/officeshare.yaml"
            try lab["pc1"].write(text, to: file)
            for arguments in [[], ["--check-config"]] {
                let output = try await lab["pc1"].run(["officeshared"] + arguments, as: "officeshare")
                #expect(output.status == 78, "\(output)")
                #expect(output.stderr.split(separator: "\n").count == 1, "\(output)")
                for word in [file] + said { #expect(output.stderr.contains(word), "\(output)") }
            }
        }
    }

    @Test func aKilledDaemonComesBackWithItsOfficeAndItsShares() async throws {
        try await withLab("pc1", "pc2") { lab in
            let pc1 = lab["pc1"]
            try await lab.foundOffice()
            try await pc1.share("docs", "--rw", "--comment", "letters")
            let before = try await (pc1.officeshare(["share", "ls", "--json"]).stdout, pc1.log())
            try await pc1.killDaemon()
            try await pc1.refused(69, "status")
            try await pc1.startDaemon()
            try await lab.settle()
            let after = try await (pc1.officeshare(["share", "ls", "--json"]).stdout, pc1.log())
            #expect(before == after)
            try await eventually("pc2 lists the share", within: promised(2)) {
                try await lab["pc2"].officeshare(["ls", "pc1/docs"]).stdout.contains("letter")
            }
            // A second one beside it is refused, and the first isn't harmed by it.
            let second = try await pc1.run(["officeshared"], as: "officeshare")
            #expect(second.status != 0)
            #expect(second.stderr.split(separator: "\n").count >= 1)
            #expect(try await pc1.status().office?.name == "Acme")
        }
    }
}
