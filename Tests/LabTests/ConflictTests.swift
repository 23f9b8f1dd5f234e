import Foundation
import OfficeLab
import Testing

/// Two people change the same file of the office.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct ConflictTests {
    struct Summary: Decodable {
        struct Conflict: Decodable { let path: String, copy: String }
        let files: Int, conflicts: [Conflict]
    }
    struct HeldLock: Decodable { let path: String, holder: String, since: String, secondsLeft: Int }

    private func withSpace(_ body: (Lab) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            try await lab["pc1"].must("promote")
            try await lab["pc1"].must("space", "add", "docs")
            for host in lab.hosts {
                try await eventually("\(host.name) reaches the space") {
                    try await host.officeshare(["ls", "office/docs"], as: "bob").status == 0
                }
            }
            try await body(lab)
        }
    }

    @Test func editsOfOneBaseAreBothKept() async throws {
        try await withSpace { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.shell("echo base >plan.txt", as: "alice").checked()
            try await pc1.must("put", "./plan.txt", "office/docs/", as: "alice")
            try await pc2.must("get", "office/docs/plan.txt", "./", as: "bob")
            try await pc3.must("get", "office/docs/plan.txt", "./", as: "alice")
            try await pc2.shell("echo of bob >>plan.txt", as: "bob").checked()
            try await pc3.shell("echo of alice >>plan.txt", as: "alice").checked()
            // The first goes through without --force: it replaces just what it was made from.
            let first = try await pc2.officeshare(["put", "--json", "./plan.txt", "office/docs/"], as: "bob")
                .json(Summary.self)
            #expect(first.files == 1 && first.conflicts.isEmpty)
            let second = try await pc3.officeshare(["put", "--json", "./plan.txt", "office/docs/"], as: "alice")
                .json(Summary.self)
            let conflict = try #require(second.conflicts.first)
            #expect(conflict.path == "office/docs/plan.txt")
            #expect(conflict.copy.hasPrefix("office/docs/plan (conflict of alice@pc3, "))
            #expect(conflict.copy.hasSuffix(").txt"))
            #expect(try await pc1.must("cat", "office/docs/plan.txt").stdout == "base\nof bob\n")
            #expect(try await pc1.must("cat", conflict.copy).stdout == "base\nof alice\n")
            // Both authors' machines and the file server say so, until somebody has dealt with it.
            for host in lab.hosts {
                try await eventually("\(host.name) tells of the conflict") {
                    try await host.status().problems.contains { $0.what == conflict.copy }
                }
            }
            // The same again makes no second copy, and overwrites nothing.
            try await pc3.refused(73, "put", "./plan.txt", "office/docs/", as: "alice")
            try await pc2.must("rm", conflict.copy, as: "bob")
            for host in lab.hosts {
                try await eventually("\(host.name) tells of it no longer", within: promised(15)) {
                    try await !host.status().problems.contains { $0.what == conflict.copy }
                }
            }
            // Bob goes on from his own; a file that was not edited replaces nothing.
            try await pc2.shell("echo more >>plan.txt", as: "bob").checked()
            try await pc2.must("put", "./plan.txt", "office/docs/", as: "bob")
            try await pc1.refused(73, "put", "./plan.txt", "office/docs/", as: "alice")
        }
    }

    @Test func aSyncKeepsWhatOthersChangedMeanwhile() async throws {
        try await withSpace { lab in
            let (pc2, pc3) = (lab["pc2"], lab["pc3"])
            try await pc2.shell("mkdir d; echo base >d/plan.txt; echo x >d/x", as: "bob").checked()
            try await pc2.must("sync", "./d", "office/docs/d", as: "bob")
            try await pc3.must("sync", "office/docs/d", "./d", as: "bob")
            try await pc2.shell("echo one >>d/plan.txt", as: "bob").checked()
            try await pc3.shell("echo two >>d/plan.txt", as: "bob").checked()
            try await pc2.must("sync", "./d", "office/docs/d", as: "bob")
            let said = try await pc3.officeshare(["sync", "./d", "office/docs/d"], as: "bob").checked().stderr
            #expect(said.contains("office/docs/d/plan (conflict of bob@pc3, "), "\(said)")
            #expect(try await pc2.must("cat", "office/docs/d/plan.txt").stdout == "base\none\n")
        }
    }

    @Test func aLockKeepsOthersOff() async throws {
        try await withSpace { lab in
            let (pc2, pc3) = (lab["pc2"], lab["pc3"])
            try await pc2.shell("echo one >f", as: "bob").checked()
            try await pc3.shell("echo two >f", as: "alice").checked()
            try await pc2.must("put", "./f", "office/docs/f", as: "bob")
            let lock = try await pc2.officeshare(["lock", "--json", "office/docs/f"], as: "bob").json(HeldLock.self)
            #expect(lock.path == "office/docs/f" && lock.holder == "bob@pc2" && lock.secondsLeft > 800)
            let refused = try await pc3.officeshare(["put", "--force", "./f", "office/docs/f"], as: "alice")
            #expect(refused.status == 77 && refused.stderr.contains("bob@pc2"), "\(refused.stderr)")
            try await pc3.refused(77, "rm", "office/docs/f", as: "alice")
            try await pc3.refused(77, "unlock", "office/docs/f", as: "alice")
            #expect(try await pc3.ask("locks", of: [HeldLock].self).map(\.holder) == ["bob@pc2"])
            try await pc2.must("unlock", "office/docs/f", as: "bob")
            try await pc3.must("put", "--force", "./f", "office/docs/f", as: "alice")
            // Who is gone holds nobody up.
            try await pc2.must("lock", "office/docs/f", as: "bob")
            try await pc3.refused(77, "rm", "office/docs/f", as: "alice")
            try await pc2.killDaemon()
            try await eventually("the lock is free", within: promised(40)) {
                try await pc3.officeshare(["rm", "office/docs/f"], as: "alice").status == 0
            }
        }
    }
}
