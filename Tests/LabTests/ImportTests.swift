import Foundation
import OfficeLab
import Testing

/// What lay in a folder before it became the office's store, or in somebody's share, comes to the office whole.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct ImportTests {
    private struct Server: Decodable { let node: String?, takenIn: [String] }
    private struct Space: Decodable { let name: String, files: Int, bytes: Int, allow: [String] }

    /// A folder as a Samba server leaves it: of several owners, with odd names.
    private static let samba = """
        mkdir -p /srv/samba/projects/deep /srv/samba/'Büro 2' /srv/samba/.recycle /srv/samba/$'caf\\xe9'
        cd /srv/samba
        echo plan >projects/plan; echo deep >projects/deep/$'odd\\nname\\xff'; echo desk >'Büro 2/desk'
        echo loose >read.me; echo old >.recycle/old; echo menu >$'caf\\xe9'/menu
        chown -R alice projects; chown -R bob 'Büro 2'; chmod 700 'Büro 2'
        """

    @Test func aFolderThatHoldsFilesIsTakenInAsItIs() async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.shell(Self.samba).checked()
            let before = try await pc1.shell(
                "cd /srv/samba && find projects Büro* -type f | sort | xargs -d'\\n' -n1 ls -di")
            let server: Server = try await pc1.ask("promote", "--store", "/srv/samba")
            #expect(server.takenIn == ["Büro 2", "files", "projects"])
            // In its place, under the same inodes; what can't be a space is where it was, and told.
            let after = try await pc1.shell(
                "cd /srv/samba && find projects Büro* -type f | sort | xargs -d'\\n' -n1 ls -di")
            #expect(before.stdout == after.stdout && !before.stdout.isEmpty)
            let problems = try await pc1.status().problems
            #expect(problems.contains { $0.what == "/srv/samba/.recycle" && $0.mend != nil })
            #expect(problems.contains { $0.what.hasPrefix("/srv/samba/caf") })
            #expect(problems.contains { $0.what == "office/projects" && $0.why == "nobody may use it" })
            #expect(pc1.exists("/srv/samba/.recycle/old"))
            // Nobody has it before it is given.
            let spaces: [Space] = try await pc1.ask("space", "ls")
            #expect(spaces.map(\.name) == ["Büro 2", "files", "projects"] && spaces.allSatisfy { $0.allow.isEmpty })
            #expect(try await pc2.ask("ls", "office", as: "bob", of: [Offer].self).isEmpty)
            try await pc2.refused(66, "ls", "office/projects", as: "bob")
            try await pc1.must("space", "set", "projects", "--allow", "office")
            try await pc1.must("space", "set", "Büro 2", "--allow", "bob@pc2")
            try await eventually("bob sees both", within: promised(5)) {
                try await pc2.ask("ls", "office", as: "bob", of: [Offer].self).map(\.path)
                    == ["office/Büro 2", "office/projects"]
            }
            #expect(try await pc2.must("cat", "office/Büro 2/desk", as: "bob").stdout == "desk\n")
            try await pc2.must("get", "-r", "office/projects", ".", as: "bob")
            #expect(try await pc2.shell("cat projects/deep/*", as: "bob").stdout == "deep\n")
            try await pc2.must("put", "--force", "/etc/hostname", "office/projects/plan", as: "bob")
            #expect(try await pc2.officeshare(["versions", "office/projects/plan"], as: "bob").lines.count > 1)
            // The same again, with one more name that can be a space's now.
            try await pc1.shell("mv /srv/samba/.recycle /srv/samba/recycled").checked()
            #expect(try await pc1.ask("promote", "--store", "/srv/samba", of: Server.self).takenIn == ["recycled"])
            #expect(try await pc1.ask("promote", "--store", "/srv/samba", of: Server.self).takenIn == [])
            // It moves to another node like any store, but not into a folder that holds something else.
            try await pc2.shell(
                "mkdir -p /srv/other/things && echo x >/srv/other/things/x && chown -R officeshare /srv/other"
            )
            .checked()
            try await pc1.refused(73, "promote", "pc2", "--store", "/srv/other")
            // Nor into one that would have to be made with the folders around it: a disk that isn't mounted looks so.
            try await pc1.refused(66, "promote", "pc2", "--store", "/srv/other/disk/office")
            try await pc1.must("promote", "pc2", "--store", "/srv/other/office")
            #expect(pc2.exists("/srv/other/office/projects/plan"))
            try await eventually("it is read there", within: promised(10)) {
                try await pc2.officeshare(["cat", "office/Büro 2/desk"], as: "bob").stdout == "desk\n"
            }
            #expect(try await pc3.officeshare(["ls", "-R", "office/projects"], as: "bob").checked().lines.count == 3)
            #expect(try await pc1.ask("space", "ls", of: [Space].self).count == 4)
            // And after the end of it each is a share, for whom it was for.
            try await pc1.must("demote")
            try await eventually("it is a share", within: promised(10)) {
                try await pc3.ask("ls", as: "bob", of: [Offer].self).map(\.path) == ["pc2/projects"]
            }
        }
    }

    @Test func anIntakeThatIsKilledGoesOn() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let pc1 = lab["pc1"]
            try await pc1.shell(
                """
                mkdir -p /srv/disk; cd /srv/disk
                for i in $(seq 40); do mkdir d$i; for j in $(seq 50); do echo $i $j >d$i/f$j; done; done
                seq 2000 | split -l1 -a4 - loose-
                """
            ).checked()
            let promotion = try pc1.start(["officeshare", "promote", "--store", "/srv/disk"])
            try await eventually("it has begun") { pc1.exists("/srv/disk/office.json") }
            try await pc1.killDaemon()
            _ = try await promotion.ended(within: promised(20))
            try await pc1.startDaemon()
            try await pc1.must("promote", "--store", "/srv/disk")
            let spaces: [Space] = try await pc1.ask("space", "ls")
            #expect(spaces.count == 41 && spaces.reduce(0) { $0 + $1.files } == 4000)
            #expect(try await pc1.shell("find /srv/disk/d* -type f | wc -l").stdout == "2000\n")
            #expect(try await pc1.shell("cat /srv/disk/spaces/files/* | sort -n").lines == (1...2000).map(String.init))
            #expect(try await pc1.status().problems.allSatisfy { !$0.what.hasPrefix("/srv") })
        }
    }
}
