import Foundation
import OfficeLab
import Testing

/// A cut network had two file servers; healed it has one, with everything that either acknowledged.
@Suite(.serialized, .lab, .timeLimit(.minutes(4)))
struct MergeTests {
    struct Server: Decodable { let node: String?, epoch: Int }
    struct Centred: Decodable {
        struct Office: Decodable { let fileServer: String? }
        let office: Office?
    }

    private static let store = "/var/lib/officeshare/store"

    /// pc1 is the file server; pc3 an admin, too.
    private func withServer(_ body: (Lab) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            try await lab["pc1"].must("office", "admin", "add", "pc3")
            try await lab["pc1"].must("promote")
            try await lab["pc1"].must("space", "add", "docs")
            for host in lab.hosts {
                try await eventually("\(host.name) reaches the space") {
                    try await host.officeshare(["ls", "office/docs"], as: "bob").status == 0
                }
            }
            try await eventually("pc3 is an admin") {
                try await lab["pc3"].ask("status", of: Status.self).office?.role == "admin"
            }
            try await body(lab)
        }
    }

    private func put(_ text: String, _ name: String, on host: LabHost, options: [String] = []) async throws {
        try await host.shell("echo '\(text)' >g", as: "bob").checked()
        try await host.officeshare(["put"] + options + ["./g", "office/docs/\(name)"], as: "bob").checked()
        try await host.shell("echo '\(text)' >>acknowledged", as: "bob").checked()
    }

    /// Cuts pc1 off, and has pc3 make pc2 the file server.
    private func cut(_ lab: Lab) async throws {
        let (pc1, pc3) = (lab["pc1"], lab["pc3"])
        try await pc1.cutLink()
        for (host, other) in [(pc3, "pc1"), (pc1, "pc3")] {
            try await eventually("\(host.name) misses \(other)", within: promised(10)) {
                try await host.members().contains { $0.name == other && !$0.online }
            }
        }
        try await pc3.must("promote", "pc2", "--force")
        try await pc3.must("space", "add", "docs")
    }

    private func heal(_ lab: Lab) async throws {
        try await lab["pc1"].plugLink()
        try await eventually("pc1 follows pc2", within: promised(20)) {
            try await lab["pc1"].ask("status", of: Centred.self).office?.fileServer == "pc2"
        }
    }

    @Test func whatTwoServersAcknowledgedIsInOne() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await put("before", "before", on: pc3)
            try await put("base", "plan.txt", on: pc3)
            try await cut(lab)
            // Both sides go on, with the same names and with others.
            for number in 1...5 {
                try await put("pc1 \(number)", "of-pc1-\(number)", on: pc1)
                try await put("pc3 \(number)", "of-pc3-\(number)", on: pc3)
                try await put("pc1 same \(number)", "same", on: pc1, options: ["--force"])
                try await put("pc3 same \(number)", "same", on: pc3, options: ["--force"])
            }
            try await put("of bob at pc1", "plan.txt", on: pc1, options: ["--force"])
            try await put("of bob at pc3", "plan.txt", on: pc3)
            try await pc1.must("rm", "office/docs/before", as: "bob")
            try await heal(lab)
            try await eventually("everything is brought in", within: promised(30)) {
                let there = try await pc3.officeshare(["cat", "office/docs/of-pc1-5"], as: "bob").status == 0
                let problems = try await pc1.status().problems
                return there && problems.allSatisfy { $0.what != Self.store }
            }
            let kept = try await pc2.shell(
                "find \(Self.store)/spaces/docs \(Self.store)/versions/docs -type f -exec cat {} +"
            ).lines
            for host in [pc1, pc3] {
                let acknowledged = try await host.run(["cat", "/home/bob/acknowledged"]).lines
                #expect(acknowledged.count > 10 && Set(acknowledged).subtracting(kept).isEmpty)
            }
            // Where both changed a file the present one stays, and the other is beside it by name.
            #expect(try await pc1.must("cat", "office/docs/plan.txt", as: "bob").stdout == "of bob at pc3\n")
            let names = try await pc3.officeshare(["ls", "office/docs"], as: "bob").checked().lines
            let copy = try #require(
                names.first { $0.hasPrefix("plan (conflict of bob@pc1, ") && $0.hasSuffix(").txt") })
            #expect(try await pc3.must("cat", "office/docs/\(copy)", as: "bob").stdout == "of bob at pc1\n")
            for host in [pc1, pc2] {
                try await eventually("\(host.name) says so", within: promised(15)) {
                    try await host.status().problems.contains { $0.what == "office/docs/\(copy)" }
                }
            }
            // One server, one store; the old one's is untouched.
            #expect(pc1.exists("\(Self.store)/spaces/docs/of-pc1-1"))
            try await put("after", "after", on: pc1)
            #expect(pc2.exists("\(Self.store)/spaces/docs/after") && !pc1.exists("\(Self.store)/spaces/docs/after"))
            // And it can become the server again, with all of it.
            #expect(try await pc3.ask("promote", "pc1", of: Server.self).node == "pc1")
            #expect(try await pc3.must("cat", "office/docs/of-pc3-5", as: "bob").stdout == "pc3 5\n")
        }
    }

    @Test func whatBreaksOffIsGoneOnWith() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await cut(lab)
            try await pc1.shell("head -c 80M /dev/urandom >large", as: "bob").checked()
            try await pc1.must("put", "./large", "office/docs/large", as: "bob")
            for number in 1...3 { try await put("pc1 \(number)", "z-\(number)", on: pc1) }
            try await pc1.rate(megabits: 50)
            try await heal(lab)
            try await eventually("pc2 fetches", within: promised(30)) {
                try await pc2.shell("du -s \(Self.store)/incoming").lines.first.map {
                    Int($0.prefix { $0.isNumber }) ?? 0 > 5_000
                } ?? false
            }
            try await pc2.killDaemon()
            try await pc1.killDaemon()
            try await pc1.startDaemon()
            try await pc2.startDaemon()
            try await pc1.rate(megabits: nil)
            try await eventually("everything is brought in", within: promised(40)) {
                try await pc3.officeshare(["cat", "office/docs/z-3"], as: "bob").status == 0
            }
            try await Command.run([
                "cmp", pc1.path("/home/bob/large"), pc2.path("\(Self.store)/spaces/docs/large"),
            ]).checked()
            try await eventually("pc1 has nothing to offer any more", within: promised(20)) {
                try await pc1.status().problems.allSatisfy { $0.what != Self.store }
            }
            #expect(!pc2.exists("\(Self.store)/incoming") && pc1.exists("\(Self.store)/spaces/docs/large"))
        }
    }
}
