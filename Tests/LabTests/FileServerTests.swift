import Foundation
import OfficeLab
import Testing

/// The office has a centre: spaces by paths that don't change, quotas, versions, and one server at a time.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct FileServerTests {
    struct Server: Decodable { let node: String?, epoch: Int, store: String?, standby: String? }
    struct Space: Decodable { let name: String, path: String, files: Int, bytes: Int, quota: Int?, versionsBytes: Int }
    struct Version: Decodable {
        let version: String, size: Int, modified: String, replacedBy: String, root: String?
    }
    struct SpaceOffer: Decodable { let path: String, kind: String, mode: String, online: Bool, servedBy: String? }
    struct Centred: Decodable {
        struct Office: Decodable { let fileServer: String? }
        let office: Office?
    }
    struct Role: Decodable { let name: String?, role: String }

    /// Three hosts; pc1, the founder, is the file server with a space `docs` that all know of.
    private func withServer(_ body: (Lab) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            try await lab["pc1"].must("promote")
            try await lab["pc1"].must("space", "add", "docs")
            for host in lab.hosts { try await self.sees(host, "office/docs") }
            try await body(lab)
        }
    }

    private struct Forced: Decodable {
        struct Behind: Decodable { let server: String, epoch: Int?, epochs: Int }
        let behind: Behind?
    }

    private func sees(_ host: LabHost, _ path: String) async throws {
        try await eventually("\(host.name) lists \(path)", within: promised(5)) {
            try await host.ask("ls", of: [SpaceOffer].self).contains { $0.path == path && $0.online }
        }
    }

    @Test func aNodeIsPromotedAndEverybodyKnows() async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            // Only an admin may; what isn't there is said.
            try await lab["pc2"].refused(77, "promote")
            try await lab["pc1"].refused(66, "promote", "nobody")
            try await lab["pc1"].refused(66, "ls", "office/docs")
            let server: Server = try await lab["pc1"].ask("promote", "pc2")
            #expect(server.node == "pc2" && server.epoch == 1 && server.store == "/var/lib/officeshare/store")
            #expect(server.standby == nil)
            for host in lab.hosts {
                try await eventually("\(host.name) knows the server") {
                    try await host.ask("status", of: Centred.self).office?.fileServer == "pc2"
                }
                let roles: [Role] = try await host.ask("office", "members")
                #expect(roles.filter { $0.role == "server" }.map(\.name) == ["pc2"])
            }
            try await eventually("pc1 sees its role") {
                try await lab["pc1"].ask("peers", of: [Role].self).contains { $0.name == "pc2" && $0.role == "server" }
            }
            // The same again changes nothing.
            #expect(try await lab["pc1"].ask("promote", "pc2", of: Server.self).epoch == 1)
            let demoted: Server = try await lab["pc1"].ask("demote")
            #expect(demoted.node == nil && demoted.epoch == 2)
            try await lab["pc1"].refused(66, "demote")
        }
    }

    @Test func theStoreCanBeAnotherFolder() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            // Of root's own: access is given to the service, as with shares.
            let server: Server = try await pc1.ask("promote", "--store", "/home/alice/office")
            #expect(server.store == "/home/alice/office")
            try await pc1.must("space", "add", "docs")
            try await sees(pc2, "office/docs")
            try await pc2.shell("echo one >f", as: "bob").checked()
            try await pc2.must("put", "./f", "office/docs/f", as: "bob")
            try await pc2.must("put", "--force", "/etc/hostname", "office/docs/f", as: "bob")
            #expect(pc1.exists("/home/alice/office/spaces/docs/f"))
            #expect(try await pc2.ask("versions", "office/docs/f", of: [Version].self).count == 1)
            // A daemon that is started anew serves it again; one whose store is gone says so.
            try await pc1.killDaemon()
            try await pc1.startDaemon()
            try await sees(pc2, "office/docs")
            try await pc1.killDaemon()
            try await pc1.shell("mv /home/alice/office /home/alice/away").checked()
            try await pc1.startDaemon()
            try await eventually("the store is missed") {
                try await pc1.status().problems.contains { $0.what == "/home/alice/office" }
            }
            #expect(try await pc2.officeshare(["ls", "office/docs"]).status != 0)
            try await pc1.shell("mv /home/alice/away /home/alice/office").checked()
            try await eventually("it is back", within: promised(10)) {
                try await pc2.officeshare(["ls", "office/docs"]).status == 0
            }
        }
    }

    /// The node that takes over dies while it copies: the old one serves on, and the same command goes on.
    @Test func aHandOverThatIsInterruptedLeavesTheOldServer() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc3.shell("head -c 100M /dev/urandom >large", as: "bob").checked()
            try await pc3.must("put", "./large", "office/docs/large", as: "bob")
            try await pc2.rate(megabits: 100)
            let promotion = try pc1.start(["officeshare", "promote", "pc2"])
            try await eventually("pc2 copies", within: promised(20)) {
                try await pc2.shell("du -s /var/lib/officeshare/store/spaces").lines.first.map {
                    Int($0.prefix { $0.isNumber }) ?? 0 > 10_000
                } ?? false
            }
            try await pc2.killDaemon()
            #expect(try await promotion.ended(within: promised(60)) != .status(0))
            try await pc3.shell("echo on >on", as: "bob").checked()
            try await pc3.must("put", "./on", "office/docs/on", as: "bob")
            #expect(pc1.exists("/var/lib/officeshare/store/spaces/docs/on"))
            try await pc2.rate(megabits: nil)
            try await pc2.startDaemon()
            try await eventually("pc2 is back") { try await pc1.officeshare(["promote", "pc2"]).status == 0 }
            #expect(try await pc3.must("cat", "office/docs/on", as: "bob").stdout == "on\n")
            try await Command.run([
                "cmp", pc3.path("/home/bob/large"), pc2.path("/var/lib/officeshare/store/spaces/docs/large"),
            ]).checked()
        }
    }

    @Test func aSpaceIsReachedByTheSamePathInEveryVerb() async throws {
        try await withServer { lab in
            for host in lab.hosts {
                let name = host.name
                try await host.shell("echo \(name) >\(name); mkdir -p tree/deep; echo x >tree/deep/x", as: "bob")
                    .checked()
                try await host.must("put", "./\(name)", "office/docs/", as: "bob")
                try await host.must("mkdir", "office/docs/of-\(name)", as: "bob")
                try await host.must("put", "-r", "./tree", "office/docs/of-\(name)/", as: "bob")
                #expect(try await host.must("cat", "office/docs/\(name)", as: "bob").stdout == "\(name)\n")
                try await host.must("mv", "office/docs/\(name)", "office/docs/of-\(name)/moved", as: "bob")
                try await host.must("get", "office/docs/of-\(name)/moved", "./back", as: "bob")
                try await host.must("sync", "./tree", "office/docs/synced-\(name)", as: "bob")
                try await host.must("rm", "-r", "office/docs/of-\(name)/tree", as: "bob")
            }
            let listed: [SpaceOffer] = try await lab["pc3"].ask("ls", "office")
            #expect(listed.map(\.path) == ["office/docs"] && listed[0].kind == "space")
            #expect(listed[0].servedBy == "pc1" && listed[0].mode == "rw")
            let found = try await lab["pc2"].officeshare(["find", "moved"], as: "bob").checked().lines
            #expect(found.sorted() == ["pc1", "pc2", "pc3"].map { "office/docs/of-\($0)/moved" })
            let spaces: [Space] = try await lab["pc2"].ask("space", "ls")
            #expect(spaces.count == 1 && spaces[0].path == "office/docs" && spaces[0].files == 6)
            // Plain files in plain folders.
            #expect(lab["pc1"].exists("/var/lib/officeshare/store/spaces/docs/of-pc2/moved"))
        }
    }

    @Test func aSpaceIsForWhoItIsFor() async throws {
        try await withServer { lab in
            try await lab["pc1"].must("space", "add", "secret", "--allow", "bob@pc2", "--quota", "1M")
            try await sees(lab["pc2"], "office/docs")
            try await eventually("bob lists it") {
                try await lab["pc2"].officeshare(["ls", "office", "--json"], as: "bob").json([SpaceOffer].self).count
                    == 2
            }
            try await lab["pc2"].must("ls", "office/secret", as: "bob")
            try await lab["pc2"].refused(66, "ls", "office/secret", as: "alice")
            try await lab["pc3"].refused(66, "ls", "office/secret", as: "bob")
            #expect(try await lab["pc3"].ask("ls", "office", of: [SpaceOffer].self).count == 1)
            try await lab["pc2"].refused(77, "space", "add", "mine")
            try await lab["pc1"].refused(73, "space", "add", "secret")
            try await lab["pc1"].must("space", "set", "secret", "--allow", "office")
            try await sees(lab["pc3"], "office/secret")
            try await lab["pc3"].must("ls", "office/secret", as: "bob")
        }
    }

    @Test func whatIsReplacedAndRemovedComesBack() async throws {
        try await withServer { lab in
            let (pc2, pc3) = (lab["pc2"], lab["pc3"])
            try await pc2.shell("mkdir d; echo one >d/f", as: "bob").checked()
            try await pc2.must("put", "-r", "./d", "office/docs/", as: "bob")
            try await pc3.shell("echo two >f", as: "alice").checked()
            try await pc3.refused(73, "put", "./f", "office/docs/d/f", as: "alice")
            try await pc3.must("put", "--force", "./f", "office/docs/d/f", as: "alice")
            var versions: [Version] = try await pc2.ask("versions", "office/docs/d/f")
            #expect(versions.count == 1 && versions[0].size == 4 && versions[0].replacedBy == "alice@pc3")
            #expect(versions[0].root?.count == 64)
            try await pc3.must("rm", "-r", "office/docs/d", as: "alice")
            try await pc2.refused(66, "ls", "office/docs/d")
            versions = try await pc2.ask("versions", "office/docs/d/f")
            #expect(versions.count == 2)
            try await pc2.must("restore", "office/docs/d/f", as: "bob")
            #expect(try await pc2.must("cat", "office/docs/d/f").stdout == "two\n")
            try await pc2.must(
                "restore", "office/docs/d/f@\(versions[1].version)", "--to", "office/docs/e/old", as: "bob")
            #expect(try await pc3.must("cat", "office/docs/e/old").stdout == "one\n")
            try await pc2.refused(66, "versions", "office/docs/none")
            try await pc2.refused(66, "restore", "office/docs/d/f@999999999")
        }
    }

    @Test func theQuotaHoldsUnderConcurrentWriters() async throws {
        try await withServer { lab in
            try await lab["pc1"].must("space", "set", "docs", "--quota", "10M")
            let ends = try await withThrowingTaskGroup(of: [Int32].self) { group in
                for host in lab.hosts {
                    group.addTask {
                        try await host.shell("head -c 700K /dev/urandom >f", as: "bob").checked()
                        var ends: [Int32] = []
                        for number in 0..<6 {
                            let name = "office/docs/\(host.name)-\(number)"
                            ends.append(try await host.officeshare(["put", "./f", name], as: "bob").status)
                        }
                        return ends
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let space = try #require(try await lab["pc2"].ask("space", "ls", of: [Space].self).first)
            #expect(space.bytes <= 10 << 20 && space.bytes > (10 << 20) - 700 * 1024)
            #expect(Set(ends) == [0, 74] && ends.count { $0 == 0 } == space.files && space.files == 14)
            let refused = try await lab["pc3"].officeshare(["put", "./f", "office/docs/more"], as: "bob")
            #expect(refused.stderr.contains("quota") && refused.stderr.contains("--quota"), "\(refused.stderr)")
        }
    }

    @Test func demotedItsSpacesAreShares() async throws {
        try await withServer { lab in
            try await lab["pc2"].shell("echo one >f", as: "bob").checked()
            try await lab["pc2"].must("put", "./f", "office/docs/f", as: "bob")
            try await lab["pc1"].must("demote")
            try await eventually("pc2 sees the share") {
                let offers: [SpaceOffer] = try await lab["pc2"].ask("ls")
                return offers.map(\.path) == ["pc1/docs"] && offers[0].kind == "share"
            }
            #expect(try await lab["pc2"].must("cat", "pc1/docs/f", as: "bob").stdout == "one\n")
            try await lab["pc2"].refused(66, "cat", "office/docs/f", as: "bob")
            // And back.
            #expect(try await lab["pc1"].ask("promote", of: Server.self).epoch == 3)
            try await sees(lab["pc2"], "office/docs")
            #expect(try await lab["pc2"].must("cat", "office/docs/f", as: "bob").stdout == "one\n")
            #expect(try await lab["pc2"].ask("ls", of: [SpaceOffer].self).map(\.path) == ["office/docs"])
        }
    }

    /// What `demote` made shares of stays that, wherever the file server goes later.
    @Test func sharesThatWereSpacesStayWhenTheServerComesBack() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc2.shell("echo one >f; echo two >g", as: "bob").checked()
            try await pc2.must("put", "./f", "office/docs/f", as: "bob")
            try await pc1.must("demote")
            #expect(try await pc1.ask("promote", "pc3", of: Server.self).epoch == 3)
            try await pc1.must("space", "add", "docs")
            try await sees(pc2, "office/docs")
            try await pc2.must("put", "./g", "office/docs/g", as: "bob")
            let store = "/var/lib/officeshare/store"
            let refused = try await pc1.officeshare(["promote", "pc1", "--store", store])
            expectRefusal(refused, 73)
            #expect(refused.stderr.contains("share 'docs'"), "\(refused.stderr)")
            let standby: Server = try await pc1.ask("promote", "pc1", "--standby")
            #expect(standby.standby == "pc1")
            #expect(try await pc2.must("cat", "pc1/docs/f", as: "bob").stdout == "one\n")
            #expect(try await pc1.ask("promote", "pc1", of: Server.self).store == store + "-2")
            #expect(try await pc2.must("cat", "pc1/docs/f", as: "bob").stdout == "one\n")
            #expect(try await pc2.must("cat", "office/docs/g", as: "bob").stdout == "two\n")
            #expect(!pc1.exists("\(store)/removed/store-1"))
            // The log names the place, and a promotion without another in between takes up what was there last.
            try await pc1.killDaemon()
            try await pc1.startDaemon()
            try await sees(pc2, "office/docs")
            try await pc1.must("demote")
            #expect(try await pc1.ask("promote", of: Server.self).store == store + "-2")
            try await sees(pc2, "office/docs")
            #expect(try await pc2.must("cat", "office/docs/g", as: "bob").stdout == "two\n")
            #expect(try await pc2.must("cat", "pc1/docs/f", as: "bob").stdout == "one\n")
            #expect(try await pc3.officeshare(["cat", "pc1/docs-2/g"], as: "bob").status == 66)
        }
    }

    /// A server that was away when another took its place hears of it before it takes a single write.
    @Test func anOldServerStandsDownBeforeItServesAWrite() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("office", "admin", "add", "pc3")
            try await pc3.shell("echo late >f", as: "bob").checked()
            try await pc1.shell("echo late >f", as: "bob").checked()
            try await pc3.must("put", "./f", "office/docs/before", as: "bob")
            try await eventually("pc3 is an admin") {
                try await pc3.ask("status", of: Status.self).office?.role == "admin"
            }
            try await pc1.killDaemon()
            try await eventually("pc3 misses pc1") {
                try await pc3.members().contains { $0.name == "pc1" && !$0.online }
            }
            try await pc3.refused(69, "put", "./f", "office/docs/away", as: "bob")
            try await pc3.must("demote")
            try await pc3.must("promote", "pc2")
            try await pc3.must("space", "add", "docs")
            try await pc1.startDaemon()
            // From the first moment on, and on its own machine.
            try await eventually("pc1 takes a write, or refuses it") {
                try await pc1.officeshare(["put", "./f", "office/docs/late"], as: "bob").status == 0
            }
            #expect(!pc1.exists("/var/lib/officeshare/store/spaces/docs/late"))
            #expect(pc2.exists("/var/lib/officeshare/store/spaces/docs/late"))
            #expect(pc1.exists("/var/lib/officeshare/store/spaces/docs/before"))
        }
    }

    /// Killed in the middle of many writes, it comes back with every one that was acknowledged.
    @Test func aServerThatIsKilledLosesNothingAcknowledged() async throws {
        try await withServer { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let script = """
                for i in $(seq 1 400); do
                    echo "$i $RANDOM" >g
                    officeshare put --force ./g office/docs/same >/dev/null 2>&1 && cat g >>acknowledged
                done
                """
            let writer = try pc2.start(["bash", "-c", script], as: "bob")
            try await eventually("some are acknowledged") {
                try await pc2.shell("test $(wc -l <acknowledged) -gt 20", as: "bob").status == 0
            }
            for _ in 0..<3 {
                try await pc1.killDaemon()
                try await pc1.startDaemon()
                let before = try await pc2.run(["wc", "-l", "/home/bob/acknowledged"]).stdout
                try await eventually("writes go on", within: promised(20)) {
                    try await pc2.run(["wc", "-l", "/home/bob/acknowledged"]).stdout != before
                }
            }
            try await writer.signal(SIGKILL)
            _ = try await writer.ended(within: promised(10))
            try await eventually("pc1 answers") { try await pc2.officeshare(["ls", "office/docs"]).status == 0 }
            // Each is the current file or a version of it, and none is half there.
            let store = "/var/lib/officeshare/store"
            let acknowledged = try await pc2.run(["cat", "/home/bob/acknowledged"]).lines
            let kept = try await pc1.shell("cat \(store)/spaces/docs/same \(store)/versions/docs/in/same/was/*").lines
            #expect(acknowledged.count > 20)
            #expect(Set(acknowledged).subtracting(kept) == [], "of \(acknowledged.count)")
        }
    }

    @Test func peopleWithoutANodeAreAddedByAdmins() async throws {
        struct User: Decodable { let name: String, created: String, lastSeen: String? }
        try await withServer { lab in
            try await lab["pc1"].must("user", "add", "carol", input: "correct horse\n")
            try await lab["pc1"].refused(73, "user", "add", "carol", input: "correct horse\n")
            try await lab["pc1"].refused(65, "user", "add", "dave", input: "short\n")
            try await lab["pc2"].refused(77, "user", "add", "dave", input: "correct horse\n")
            try await lab["pc1"].must("user", "passwd", "carol", input: "another one\n")
            try await lab["pc1"].must("space", "add", "hers", "--allow", "user:carol")
            #expect(try await lab["pc1"].ask("user", "ls", of: [User].self).map(\.name) == ["carol"])
            try await lab["pc1"].must("user", "rm", "carol")
            #expect(try await lab["pc1"].ask("user", "ls", of: [User].self).isEmpty)
            try await lab["pc1"].refused(66, "user", "passwd", "carol", input: "another one\n")
        }
    }

    // MARK: Hand-over

    /// Puts one file after another until it is ended; each that was acknowledged is written down.
    private func startWriting(on host: LabHost, force: Bool = false) throws -> HostProcess {
        let script = """
            for i in $(seq 1 2000); do
                echo "\(host.name) $i $RANDOM" >g
                officeshare put --force ./g office/docs/same >/dev/null 2>&1 && cat g >>acknowledged
                officeshare put ./g office/docs/\(host.name)-$i >/dev/null 2>&1 && cat g >>acknowledged
            done
            """
        return try host.start(["bash", "-c", script], as: "bob")
    }

    private func count(on host: LabHost) async throws -> Int {
        Int(try await host.shell("wc -l <acknowledged || echo 0", as: "bob").lines.first ?? "") ?? 0
    }

    @Test func aServerHandsOverWhileItIsWrittenTo() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            let writers = [try startWriting(on: pc1), try startWriting(on: pc3)]
            for host in [pc1, pc3] {
                try await eventually("some are acknowledged") { try await self.count(on: host) > 10 }
            }
            let server: Server = try await pc1.ask("promote", "pc2")
            #expect(server.node == "pc2" && server.epoch == 2)
            for host in [pc1, pc3] {
                let before = try await count(on: host)
                try await eventually("writes go on", within: promised(20)) {
                    try await self.count(on: host) > before + 4
                }
            }
            for writer in writers {
                try await writer.signal(SIGKILL)
                _ = try await writer.ended(within: promised(10))
            }
            let store = "/var/lib/officeshare/store"
            let kept = try await pc2.shell(
                "find \(store)/spaces/docs \(store)/versions/docs -type f -exec cat {} +"
            ).lines
            for host in [pc1, pc3] {
                let acknowledged = try await host.run(["cat", "/home/bob/acknowledged"]).lines
                #expect(acknowledged.count > 10 && Set(acknowledged).subtracting(kept).isEmpty)
            }
            // And back, where what was left there is put aside.
            #expect(try await pc1.ask("promote", "pc1", of: Server.self).epoch == 3)
            #expect(try await pc3.officeshare(["cat", "office/docs/same"], as: "bob").status == 0)
            #expect(pc1.exists("\(store)/removed/store-1/spaces/docs"))
        }
    }

    @Test func aServerThatIsAwayIsTakenOverOnlyByForce() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("office", "admin", "add", "pc3")
            try await eventually("pc3 is an admin") {
                try await pc3.ask("status", of: Status.self).office?.role == "admin"
            }
            try await pc3.shell("echo before >f", as: "bob").checked()
            try await pc3.must("put", "./f", "office/docs/before", as: "bob")
            try await pc1.killDaemon()
            try await eventually("pc3 misses pc1") {
                try await pc3.members().contains { $0.name == "pc1" && !$0.online }
            }
            try await pc3.refused(69, "promote", "pc2")
            // Nothing of pc1's is there yet, and that is said.
            let server: Forced = try await pc3.ask("promote", "pc2", "--force")
            #expect(server.behind?.server == "pc1" && server.behind?.epoch == nil && server.behind?.epochs == 1)
            try await pc3.must("space", "add", "docs")
            try await sees(pc2, "office/docs")
            try await pc1.startDaemon()
            // What only it had is brought in.
            try await eventually("pc2 has it", within: promised(20)) {
                try await pc3.officeshare(["cat", "office/docs/before"], as: "bob").status == 0
            }
        }
    }

    /// A node that was the file server once, and takes over by force with what it had then, says so.
    @Test func aForcedServerSaysOfWhenItsStoreIs() async throws {
        try await withServer { lab in
            let (pc1, pc3) = (lab["pc1"], lab["pc3"])
            try await pc1.must("promote", "pc2")
            try await pc1.must("promote", "pc3")
            try await pc3.shell("echo late >f", as: "bob").checked()
            try await pc3.must("put", "./f", "office/docs/late", as: "bob")
            try await pc3.killDaemon()
            try await eventually("pc1 misses pc3") {
                try await pc1.members().contains { $0.name == "pc3" && !$0.online }
            }
            let forced = try await pc1.must("promote", "pc2", "--force")
            #expect(
                forced.stderr.contains("pc2's store is of epoch 2, 1 epoch before: what came after is brought in"),
                "\(forced.stderr)")
            try await pc3.startDaemon()
            try await eventually("what came after is brought in", within: promised(20)) {
                try await pc1.officeshare(["cat", "office/docs/late"], as: "bob").stdout == "late\n"
            }
            // A server that hands over leaves nothing behind.
            let whole: Forced = try await pc1.ask("promote", "pc1")
            #expect(whole.behind == nil)
        }
    }

    /// A folder that can't be the store of a server that takes over stays as it was.
    @Test func aFolderThatIsRefusedStaysAsItWas() async throws {
        try await withServer { lab in
            let pc2 = lab["pc2"]
            try await pc2.shell("echo one >f", as: "bob").checked()
            let before = try await pc2.shell("ls -A /home/bob").stdout
            try await lab["pc1"].refused(73, "promote", "pc2", "--store", "/home/bob")
            #expect(try await pc2.shell("ls -A /home/bob").stdout == before)
            let refused = try await lab["pc1"].officeshare(["promote", "pc2", "--store", "/proc"])
            #expect(refused.status != 0 && refused.stderr.hasPrefix("officeshare: /proc: "), "\(refused.stderr)")
            // A folder that was made for it goes again.
            try await pc2.refused(77, "promote", "--store", "/home/bob/new")
            #expect(!pc2.exists("/home/bob/new"))
        }
    }
}
