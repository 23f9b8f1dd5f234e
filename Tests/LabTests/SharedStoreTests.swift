import Foundation
import OfficeLab
import Testing

/// The store on a real GlusterFS of three hosts, served by two of them at once.
@Suite(.serialized, .lab, .timeLimit(.minutes(6)))
struct SharedStoreTests {
    struct Server: Decodable { let node: String?, epoch: Int, standby: String?, nodes: [String], tested: String? }
    struct Space: Decodable { let name: String, files: Int }

    private static let mount = "/mnt/office"
    private static let store = "/mnt/office/store"

    /// An office of three hosts that mount one volume; pc1 serves a store there, and pc2 is to do so, too.
    private func withVolume(tuned: Bool = true, _ body: (Lab, GlusterVolume) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let volume = try await GlusterVolume.raise(on: lab.hosts, tuned: tuned)
            for host in lab.hosts { try await volume.mount(on: host, at: Self.mount, tuned: tuned) }
            let pc1 = lab["pc1"]
            for host in lab.hosts.dropFirst() { try await pc1.must("office", "admin", "add", host.name) }
            try await pc1.run(["install", "-d", "-o", "officeshare", Self.store]).checked()
            try await pc1.must("promote", "--store", Self.store)
            try await body(lab, volume)
        }
    }

    /// As above, with both serving and spaces so that each leads one.
    private func withBoth(_ body: (Lab, GlusterVolume) async throws -> Void) async throws {
        try await withVolume { lab, volume in
            let server: Server = try await lab["pc1"].ask("promote", "pc2", "--store", Self.store, "--standby")
            #expect(server.nodes == ["pc1", "pc2"] || server.nodes == ["pc2", "pc1"])
            #expect(server.standby == nil && server.tested?.hasPrefix("fuse.glusterfs") == true)
            try await body(lab, volume)
        }
    }

    @Test func aMountThatShowsWhatWasIsRefusedWithWhatMendsIt() async throws {
        try await withVolume(tuned: false) { lab, volume in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let refused = try await pc1.officeshare(["promote", "pc2", "--store", Self.store, "--standby"])
            expectRefusal(refused, 73)
            #expect(refused.stderr.contains("attribute-timeout=0"), "\(refused)")
            // Nothing came of it: pc1 serves alone, as before.
            try await pc1.must("space", "add", "docs")
            try await pc1.must("put", "/etc/hostname", "office/docs/one")
            // What it says mends it.
            for host in [pc1, pc2] {
                try await host.run(["umount", "-l", Self.mount]).checked()
            }
            try await volume.tune()
            for host in [pc1, pc2] { try await volume.mount(on: host, at: Self.mount) }
            try await eventually("pc1 serves again", within: promised(20)) {
                try await pc1.officeshare(["put", "--force", "/etc/hostname", "office/docs/one"]).status == 0
            }
            let server: Server = try await pc1.ask("promote", "pc2", "--store", Self.store, "--standby")
            #expect(server.nodes.count == 2)
        }
    }

    /// Who leads which space, as the store has it.
    private func leaders(_ host: LabHost) async throws -> [String: String] {
        let lines = try await host.shell(
            "cd \(Self.store)/leading/claims && for f in *; do echo \"$f $(tr -d ' \\n' <$f)\"; done"
        ).lines
        var highest: [String: (epoch: Int, node: String)] = [:]
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard words.count == 2, let dot = words[0].firstIndex(of: "."), let epoch = Int(words[0][..<dot]) else {
                continue
            }
            let space = String(words[0][words[0].index(after: dot)...])
            if epoch > highest[space]?.epoch ?? 0 { highest[space] = (epoch, words[1]) }
        }
        return highest.mapValues(\.node)
    }

    @Test func twoServeAtOnceAndEachSeesWhatTheOtherDoesAtOnce() async throws {
        try await withBoth { lab, _ in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            // Of so many both lead some, whatever their ids are.
            let spaces = (1...12).map { "space\($0)" }
            for space in spaces { try await pc3.must("space", "add", space, "--allow", "office") }
            let leaders = try await leaders(pc3)
            #expect(Set(spaces.compactMap { leaders[$0] }).count == 2, "\(leaders)")
            for space in spaces {
                for host in [pc1, pc2, pc3] {
                    try await host.shell("echo \(host.name) >f", as: "bob").checked()
                    try await host.must("put", "./f", "office/\(space)/\(host.name)", as: "bob")
                    for other in [pc1, pc2, pc3] {
                        let read = try await other.must("cat", "office/\(space)/\(host.name)", as: "bob")
                        #expect(read.stdout == "\(host.name)\n")
                    }
                }
                try await pc3.must("mkdir", "office/\(space)/in", as: "bob")
                try await pc2.must("mv", "office/\(space)/pc3", "office/\(space)/in/pc3", as: "bob")
                try await pc1.must("rm", "office/\(space)/pc1", as: "bob")
                let listed = try await pc3.must("ls", "office/\(space)", as: "bob").stdout
                #expect(!listed.contains("pc1") && !listed.contains("pc3") && listed.contains("pc2"), "\(listed)")
                let versions = try await pc2.must("versions", "office/\(space)/pc1", as: "bob")
                #expect(versions.lines.count >= 1)
                try await pc3.must("restore", "office/\(space)/pc1", as: "bob")
                #expect(try await pc2.must("cat", "office/\(space)/pc1", as: "bob").stdout == "pc1\n")
            }
            let told = try await pc3.ask("space", "ls", of: [Space].self)
            #expect(told.allSatisfy { $0.files == 3 } && told.count == spaces.count, "\(told)")
        }
    }

    @Test func aNodeThatIsKilledIsFollowedByTheOtherAndComesBack() async throws {
        try await withBoth { lab, _ in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc3.must("space", "add", "docs", "--allow", "office")
            let (leader, other) = try await leaderFirst(of: "docs", pc1, pc2)
            let faults = try await StoreFaults([other, pc3], server: other, store: Self.store)
            let before = try await faults.count()
            try await leader.killDaemon()
            let gone = ContinuousClock.now
            try await eventually("somebody else leads it", within: promised(15)) {
                try await faults.count() > before + 2
            }
            print("taken over after \(ContinuousClock.now - gone)")
            try await faults.goOn()
            try await leader.startDaemon()
            try await faults.goOn()
            // Now the other way round: what came back takes over in turn.
            try await other.killDaemon()
            try await other.startDaemon()
            try await faults.goOn()
            try await faults.check()
        }
    }

    /// The host that leads the space, and the other one.
    private func leaderFirst(_ space: String, _ hosts: LabHost...) async throws -> (LabHost, LabHost) {
        let node = try await leaders(hosts[0])[space] ?? ""
        let ids = try await hosts[0].members()
        let name = ids.first { node.contains($0.id) }?.name
        return name == hosts[0].name ? (hosts[0], hosts[1]) : (hosts[1], hosts[0])
    }
    private func leaderFirst(of space: String, _ a: LabHost, _ b: LabHost) async throws -> (LabHost, LabHost) {
        try await leaderFirst(space, a, b)
    }

    @Test func aNodeThatWasCutOffChangesNothingWhenItIsBack() async throws {
        try await withBoth { lab, _ in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc3.must("space", "add", "docs", "--allow", "office")
            let (leader, other) = try await leaderFirst(of: "docs", pc1, pc2)
            let faults = try await StoreFaults([other, pc3], server: other, store: Self.store)
            // Writes of its own, which are under way when the cable goes.
            let own = try leader.start(
                [
                    "bash", "-c",
                    """
                    for i in $(seq 1 2000); do
                        echo "late $i" >g
                        officeshare put --force ./g office/docs/late && echo "late $i" >>told
                        officeshare put ./g office/docs/late$i && echo "late$i $i" >>names
                    done >/dev/null 2>&1
                    """,
                ], as: "alice")
            try await eventually("it writes itself", within: promised(30)) {
                try await leader.shell("wc -l <told", as: "alice").lines.first.flatMap { Int($0) } ?? 0 > 5
            }
            let before = try await faults.count()
            try await leader.cutLink(.silent)
            let gone = ContinuousClock.now
            try await eventually("the other leads it", within: promised(15)) {
                try await faults.count() > before + 2
            }
            print("taken over after \(ContinuousClock.now - gone)")
            try await faults.goOn()
            let names = try await leader.shell("cat names; tail -1 told", as: "alice").lines
            // Of what has been written since, nothing is to become anything else.
            try await other.shell("echo kept >f", as: "alice").checked()
            try await other.must("put", "--force", "./f", "office/docs/late", as: "alice")
            try await leader.service(.officeshare)?.signal(SIGSTOP)
            try await leader.plugLink()
            try await leader.service(.officeshare)?.signal(SIGCONT)
            try await own.signal(SIGKILL)
            try await eventually("it is a member again", within: promised(30)) {
                try await pc3.members().contains { $0.name == leader.name && $0.online }
            }
            try await faults.goOn()
            #expect(try await pc3.must("cat", "office/docs/late", as: "alice").stdout == "kept\n")
            #expect(try await other.shell("cat \(Self.store)/spaces/docs/late").stdout == "kept\n")
            for line in names.dropLast() {
                let path = line.split(separator: " ")[0]
                #expect(other.exists("\(Self.store)/spaces/docs/\(path)"), "\(path)")
            }
            try await faults.check()
        }
    }

    @Test func oneServesItAloneAgain() async throws {
        try await withBoth { lab, _ in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            for space in ["docs", "plans", "photos"] {
                try await pc3.must("space", "add", space, "--allow", "office")
                try await pc3.must("put", "/etc/hostname", "office/\(space)/one")
            }
            // A space that is removed and made anew is another one, wherever it is led.
            try await pc2.must("space", "rm", "docs")
            try await pc1.refused(66, "cat", "office/docs/one")
            try await pc1.must("space", "add", "docs", "--allow", "office")
            try await pc3.must("put", "/etc/hostname", "office/docs/two")
            try await pc2.refused(66, "cat", "office/docs/one")
            try await pc3.refused(66, "demote", "--standby")

            let server: Server = try await pc3.ask("promote", "pc1")
            #expect(server.nodes == ["pc1"])
            for space in ["docs", "plans", "photos"] {
                try await eventually("pc1 leads \(space)", within: promised(15)) {
                    try await pc2.officeshare(["put", "--force", "/etc/hostname", "office/\(space)/two"]).status == 0
                }
            }
            try await pc2.killDaemon()
            for space in ["docs", "plans", "photos"] {
                try await pc3.must("put", "/etc/hostname", "office/\(space)/three")
            }
            let again: Server = try await pc1.ask("demote")
            #expect(again.node == nil)
            try await eventually("the spaces are pc1's shares") {
                try await pc3.must("cat", "pc1/plans/one").stdout == "pc3\n"
            }
        }
    }

    @Test func aBrickIsKilledAndHealed() async throws {
        try await withBoth { lab, volume in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc3.must("space", "add", "docs", "--allow", "office")
            let faults = try await StoreFaults(lab.hosts, server: pc1, store: Self.store)
            for host in [pc3, pc2] {
                try await volume.killBrick(of: host)
                try await faults.goOn()
                try await volume.startBrick(of: host)
                try await eventually("\(host.name)'s brick is healed", within: promised(60)) {
                    let left = try await volume.unhealed()
                    try await faults.goOn()
                    return left != nil
                }
            }
            try await faults.goOn()
            try await faults.check()
            try await eventually("nothing is left to heal", within: promised(60)) { try await volume.unhealed() == 0 }
        }
    }
}
