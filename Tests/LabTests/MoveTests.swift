import Foundation
import OfficeLab
import Testing

/// A share becomes a space: `space add NAME --from NODE/SHARE`. Its path goes on to work, and nothing is lost on the way.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct MoveTests {
    private struct Space: Decodable { let name: String, files: Int, from: String?, allow: [String] }
    private struct Moved: Decodable { let path: String, movedTo: String?, servedBy: String?, online: Bool }
    private struct Own: Decodable { let name: String, movedTo: String? }

    private static let store = "/var/lib/officeshare/store/spaces/docs"

    /// pc1 is the file server; alice shares `docs` on pc2 with all, to write.
    private func withShare(_ allow: String..., body: (LabHost, LabHost, LabHost) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("promote")
            try await pc2.shell(Tree.script + "\necho one >f", as: "alice").checked()
            try await pc2.officeshare(
                ["share", "add", "docs", "--rw"] + allow.flatMap { ["--allow", $0] }, as: "alice"
            ).checked()
            try await eventually("pc1 knows it", within: promised(5)) {
                try await pc1.ask("ls", as: "root", of: [Offer].self).contains { $0.path == "pc2/docs" }
            }
            try await body(pc1, pc2, pc3)
        }
    }

    private func leads(_ host: LabHost, as user: String = "bob") async throws {
        try await eventually("pc2/docs leads to the space on \(host.name)", within: promised(5)) {
            try await host.ask("ls", as: user, of: [Moved].self).contains {
                $0.path == "pc2/docs" && $0.movedTo == "office/docs" && $0.servedBy == "pc1" && $0.online
            }
        }
    }

    @Test func itsPathLeadsToTheSpace() async throws {
        try await withShare { pc1, pc2, pc3 in
            try await pc1.must("space", "add", "docs", "--from", "pc2/docs")
            try await Tree.expectSame((pc2, "/home/alice/docs"), (pc1, Self.store))
            for host in [pc1, pc2, pc3] {
                try await leads(host)
                let name = host.name
                try await host.shell("echo \(name) >\(name)", as: "bob").checked()
                try await host.must("put", "./\(name)", "pc2/docs/", as: "bob")
                #expect(try await host.must("cat", "office/docs/\(name)", as: "bob").stdout == "\(name)\n")
                #expect(try await host.must("cat", "pc2/docs/f", as: "bob").stdout == "one\n")
                #expect(pc1.exists("\(Self.store)/\(name)") && !pc2.exists("/home/alice/docs/\(name)"))
                try await host.must("mv", "pc2/docs/\(name)", "pc2/docs/of-\(name)", as: "bob")
                try await host.must("rm", "pc2/docs/of-\(name)", as: "bob")
                #expect(
                    try await host.must("find", "f", as: "bob").stdout.split(separator: "\n").filter {
                        $0.hasSuffix("docs/f")
                    } == ["office/docs/f"])
            }
            #expect(try await pc2.ask("share", "ls", as: "alice", of: [Own].self).map(\.movedTo) == ["office/docs"])
            let space = try #require(try await pc1.ask("space", "ls", of: [Space].self).first)
            #expect(space.from == "pc2/docs" && space.allow == ["office", "alice@pc2"])
            // The same again changes nothing.
            try await pc1.must("space", "add", "docs", "--from", "pc2/docs")
            try await pc1.refused(73, "space", "add", "docs", "--from", "pc2/docs", "--allow", "pc3", "--quota", "1")
            // Its owner may be off, also started anew.
            try await pc2.killDaemon()
            #expect(try await pc3.must("cat", "pc2/docs/f", as: "bob").stdout == "one\n")
            try await pc2.startDaemon()
            try await leads(pc2, as: "alice")
            #expect(try await pc2.must("cat", "pc2/docs/f", as: "alice").stdout == "one\n")
            // The space ends: the share is its folder again, as it was left.
            try await pc1.must("rm", "office/docs/f")
            try await pc2.killDaemon()
            try await pc1.must("space", "rm", "docs")
            try await pc2.startDaemon()
            try await eventually("the share is back", within: promised(10)) {
                try await pc3.officeshare(["cat", "pc2/docs/f"], as: "bob").stdout == "one\n"
            }
            #expect(try await pc3.ask("ls", of: [Moved].self).map(\.movedTo) == [nil])
            try await pc3.must("put", "/etc/hostname", "pc2/docs/new", as: "bob")
            #expect(pc2.exists("/home/alice/docs/new"))
        }
    }

    @Test func whatIsPutMeanwhileIsThere() async throws {
        try await withShare { pc1, pc2, pc3 in
            try await pc2.shell("mkdir docs/many && cd docs/many && seq 3000 | split -l1 -a4 -", as: "alice").checked()
            try await pc2.shell("head -c 60M /dev/urandom >docs/large", as: "alice").checked()
            let script = """
                i=0; while [ ! -e stop ]; do i=$((i + 1))
                    echo $i >g$i
                    officeshare put ./g$i pc2/docs/$(hostname)-$i >/dev/null 2>&1 && echo $i >>acknowledged
                    officeshare put --force ./g$i pc2/docs/same-$(hostname) >/dev/null 2>&1 && echo $i >>last
                done
                """
            let writers = try [pc1, pc2, pc3].map { try $0.start(["bash", "-c", script], as: "bob") }
            for host in [pc1, pc2, pc3] { try await self.goesOn(host) }
            try await pc1.must("space", "add", "docs", "--from", "pc2/docs")
            for host in [pc1, pc2, pc3] {
                try await leads(host)
                try await self.goesOn(host)
            }
            for host in [pc1, pc2, pc3] { try await host.shell("touch stop", as: "bob").checked() }
            for writer in writers { _ = try await writer.ended(within: promised(30)) }
            for host in [pc1, pc2, pc3] {
                let last = try await host.shell("tail -n 1 last", as: "bob").stdout
                let acknowledged = try await host.shell("cat acknowledged", as: "bob").lines
                let name = try await host.shell("hostname").stdout.trimmingCharacters(in: .whitespacesAndNewlines)
                for number in acknowledged {
                    let there = try await pc1.shell("cat \(Self.store)/\(name)-\(number)").stdout
                    #expect(there == "\(number)\n", "\(name)-\(number)")
                }
                let same = try await pc1.shell("cat \(Self.store)/same-\(name)").stdout
                #expect(Int(same.dropLast()) ?? 0 >= Int(last.dropLast()) ?? 0 && !last.isEmpty)
            }
            try await Command.run(["cmp", pc2.path("/home/alice/docs/large"), pc1.path("\(Self.store)/large")])
                .checked()
            #expect(try await pc1.shell("cat \(Self.store)/many/* | wc -l").stdout == "3000\n")
        }
    }

    private func goesOn(_ host: LabHost) async throws {
        func count() async throws -> Int {
            try await host.shell("cat acknowledged | wc -l", as: "bob").lines.first.flatMap { Int($0) } ?? 0
        }
        let before = try await count()
        try await eventually("\(host.name) writes", within: promised(20)) { try await count() > before + 4 }
    }

    @Test func itsOwnerDiesHalfWay() async throws {
        try await withShare { pc1, pc2, pc3 in
            try await pc2.shell("head -c 100M /dev/urandom >docs/large", as: "alice").checked()
            try await pc2.rate(megabits: 100)
            let move = try pc1.start(["officeshare", "space", "add", "docs", "--from", "pc2/docs"])
            try await eventually("it is copied", within: promised(20)) {
                try await pc1.shell("du -s \(Self.store)").lines.first.map {
                    Int($0.prefix { $0.isNumber }) ?? 0 > 20_000
                } ?? false
            }
            try await pc2.killDaemon()
            #expect(try await move.ended(within: promised(60)) != .status(0))
            #expect(try await pc1.status().problems.contains { $0.what == "office/docs" && $0.mend != nil })
            try await pc2.rate(megabits: nil)
            try await pc2.startDaemon()
            // It is its owner's still, and what is put there comes along.
            try await pc3.shell("echo between >between", as: "bob").checked()
            try await eventually("pc2 takes it", within: promised(10)) {
                try await pc3.officeshare(["put", "./between", "pc2/docs/between"], as: "bob").status == 0
            }
            #expect(pc2.exists("/home/alice/docs/between"))
            try await pc3.refused(75, "ls", "office/docs", as: "bob")
            // Which pc3 reaches by now pc1 may not.
            try await eventually("pc1 goes on with it", within: promised(20)) {
                try await pc1.officeshare(["space", "add", "docs", "--from", "pc2/docs"]).status == 0
            }
            try await Tree.expectSame((pc2, "/home/alice/docs"), (pc1, Self.store))
            try await leads(pc3)
            #expect(try await pc3.must("cat", "pc2/docs/between", as: "bob").stdout == "between\n")
            #expect(try await pc1.status().problems.allSatisfy { $0.what != "office/docs" })
        }
    }

    @Test func itIsForWhomTheShareWas() async throws {
        try await withShare("bob@pc3", "root@pc1") { pc1, pc2, pc3 in
            // Somebody may move what they may write, and no more.
            try await pc2.must("share", "set", "docs", "--ro", as: "alice")
            try await pc1.refused(77, "space", "add", "docs", "--from", "pc2/docs")
            try await pc2.must("share", "set", "docs", "--rw", "--allow", "bob@pc3", as: "alice")
            try await pc1.refused(66, "space", "add", "docs", "--from", "pc2/docs")
            try await pc1.refused(66, "space", "add", "docs", "--from", "pc2/none")
            #expect(try await pc1.ask("space", "ls", of: [Space].self).isEmpty)
            try await pc2.must("share", "set", "docs", "--allow", "bob@pc3", "--allow", "root@pc1", as: "alice")
            try await pc1.must("space", "add", "docs", "--from", "pc2/docs")
            try await leads(pc3)
            try await leads(pc2, as: "alice")
            for path in ["pc2/docs/f", "office/docs/f"] {
                try await pc3.must("cat", path, as: "bob")
                try await pc2.must("cat", path, as: "alice")
                #expect(try await pc3.officeshare(["cat", path], as: "alice").status != 0)
                #expect(try await pc2.officeshare(["cat", path], as: "bob").status != 0)
            }
        }
    }

    private struct Standing: Decodable {
        struct Office: Decodable { let standbyInStep: Bool? }
        let office: Office?
    }

    /// What came all at once, a standby has too, and from a folder that was taken in.
    @Test func aStandbyHasWhatMovedAndWhatWasTakenIn() async throws {
        try await withShare { pc1, pc2, pc3 in
            try await pc1.must("office", "admin", "add", "pc3")
            try await pc1.must("promote", "pc3", "--standby")
            try await inStep(pc3)
            try await pc1.must("space", "add", "docs", "--from", "pc2/docs")
            let kept = "/var/lib/officeshare/store"
            try await pc1.shell("mkdir \(kept)/old && echo old >\(kept)/old/f && chown -R officeshare \(kept)/old")
                .checked()
            try await pc1.must("promote", "--store", kept)
            try await pc1.must("space", "set", "old", "--allow", "office")
            try await inStep(pc3)
            try await pc2.must("put", "/etc/hostname", "office/old/new", as: "bob")
            try await pc1.killDaemon()
            try await eventually("pc3 misses pc1", within: promised(5)) {
                try await pc3.members().contains { $0.name == "pc1" && !$0.online }
            }
            try await pc3.must("promote", "pc3")
            try await Tree.expectSame((pc2, "/home/alice/docs"), (pc3, Self.store))
            try await eventually("the old paths lead there", within: promised(5)) {
                try await pc2.officeshare(["cat", "pc2/docs/f"], as: "bob").stdout == "one\n"
            }
            #expect(try await pc2.must("cat", "office/old/f", as: "bob").stdout == "old\n")
            try await pc2.must("ls", "office/old/new", as: "bob")
        }
    }

    /// What was moved is a share of the last file server after `demote`: the path that everybody knows leads to that.
    @Test func itsPathLeadsToTheShareAfterDemote() async throws {
        try await withShare { pc1, pc2, pc3 in
            try await pc1.must("space", "add", "docs", "--from", "pc2/docs")
            try await leads(pc3)
            try await pc3.must("put", "/etc/hostname", "pc2/docs/new", as: "bob")
            try await pc1.must("demote")
            for (host, user) in [(pc1, "bob"), (pc2, "alice"), (pc3, "bob")] {
                try await eventually("\(host.name) lists the share by its old path", within: promised(5)) {
                    try await host.ask("ls", as: user, of: [Moved].self).contains {
                        $0.path == "pc2/docs" && $0.movedTo == "pc1/docs" && $0.online
                    }
                }
                #expect(try await host.must("cat", "pc2/docs/f", as: user).stdout == "one\n")
                try await host.must("cat", "pc2/docs/new", as: user)
            }
            try await pc3.must("put", "/etc/hostname", "pc2/docs/newer", as: "bob")
            #expect(pc1.exists("\(Self.store)/newer") && !pc2.exists("/home/alice/docs/newer"))
            // Another file server doesn't change that; the same one takes it up again.
            try await pc1.must("promote", "pc3")
            try await pc1.must("space", "add", "else")
            #expect(try await pc2.must("cat", "pc2/docs/new", as: "alice").stdout == "pc3\n")
            try await pc1.must("demote")
            try await pc1.must("promote")
            for host in [pc1, pc2, pc3] { try await leads(host) }
            #expect(try await pc3.must("cat", "pc2/docs/newer", as: "bob").stdout == "pc3\n")
        }
    }

    private func inStep(_ host: LabHost) async throws {
        try await eventually("\(host.name) sees the standby in step", within: promised(30)) {
            try await host.ask("status", of: Standing.self).office?.standbyInStep == true
        }
    }

    /// The file server's own share.
    @Test func theServersOwnShareMoves() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.must("promote")
            try await pc1.shell(Tree.script, as: "alice").checked()
            try await pc1.must("share", "add", "docs", "--rw", as: "alice")
            try await pc1.must("space", "add", "docs", "--from", "pc1/docs")
            try await Tree.expectSame((pc1, "/home/alice/docs"), (pc1, Self.store))
            try await eventually("pc2 writes there", within: promised(5)) {
                try await pc2.officeshare(["put", "/etc/hostname", "pc1/docs/new"], as: "bob").status == 0
                    && pc1.exists("\(Self.store)/new")
            }
            try await pc1.must("space", "rm", "docs")
            try await eventually("it is the folder again", within: promised(5)) {
                try await pc2.officeshare(["put", "/etc/hostname", "pc1/docs/newer"], as: "bob").status == 0
                    && pc1.exists("/home/alice/docs/newer")
            }
        }
    }
}
