import Foundation
import OfficeLab
import Testing

/// Files that people send each other: in the receiver's inbox once, whole and signed for, or safe at the sender.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct SendTests {
    struct Delivery: Decodable {
        let id: String, name: String, size: Int, root: String?, from: String, to: String, state: String
        let reason: String?, receipt: String?, taken: String?, time: String
    }

    /// An office of these hosts, each with a file of alice's.
    private func withPost(
        _ names: String..., config: String? = nil, bytes: String = "1M", _ body: (Lab) async throws -> Void
    ) async throws {
        let plans = names.map { HostPlan($0) }
        try await Lab.with(plans, options: .init(config: config), failed: { Verdict.current?.failed ?? false }) { lab in
            try await lab.foundOffice()
            try await lab["pc1"].shell("head -c \(bytes) /dev/urandom >file; echo hello >note", as: "alice").checked()
            try await body(lab)
        }
    }

    @discardableResult
    private func send(_ arguments: String..., on host: LabHost) async throws -> Delivery {
        let sent = try await host.officeshare(["send"] + arguments + ["--json"], as: "alice").json([Delivery].self)
        return try #require(sent.first)
    }

    private func sent(_ id: String, on host: LabHost) async throws -> Delivery {
        try #require(try await host.ask("sent", id, of: [Delivery].self).first)
    }

    private func becomes(
        _ state: String, _ id: String, on host: LabHost, within limit: Duration = promised(20)
    ) async throws {
        try await eventually("\(id.prefix(8)) is \(state)", within: limit) {
            try await sent(id, on: host).state == state
        }
    }

    /// Takes it out of the inbox, where it is the same as it was.
    private func take(_ id: String, on host: LabHost, as user: String = "bob", sentFrom pc1: LabHost) async throws {
        try await host.must("inbox", "accept", id, "--to", "/home/\(user)", as: user)
        try await Command.run(["cmp", pc1.path("/home/alice/file"), host.path("/home/\(user)/file")]).checked()
    }

    // MARK: There and back

    @Test func whatIsSentIsTakenByWhomItIsFor() async throws {
        try await withPost("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let sent = try await send("file", "pc2:bob", on: pc1)
            #expect(sent.size == 1 << 20 && sent.root?.count == 64 && sent.to == "pc2:bob" && sent.from == "alice@pc1")
            try await becomes("delivered", sent.id, on: pc1)
            #expect(try await self.sent(sent.id, on: pc1).receipt?.count == 128)
            // Nobody else sees it, takes it or throws it away.
            #expect(try await pc2.ask("inbox", as: "alice", of: [Delivery].self).isEmpty)
            for verb in ["accept", "reject"] { try await pc2.refused(66, "inbox", verb, sent.id, as: "alice") }
            #expect(try await pc1.ask("sent", as: "bob", of: [Delivery].self).isEmpty)
            try await pc1.refused(66, "resend", sent.id, as: "bob")
            let there = try await pc2.ask("inbox", as: "bob", of: [Delivery].self)
            #expect(there.map(\.id) == [sent.id] && there.first?.state == "delivered")
            // A file of that name is there: it stays, and the new one gets a number.
            try pc2.write("mine", to: "/home/bob/file", owner: "bob")
            try await pc2.must("inbox", "accept", sent.id, as: "bob")
            #expect(try pc2.read("/home/bob/file") == Data("mine".utf8))
            try await Command.run(["cmp", pc1.path("/home/alice/file"), pc2.path("/home/bob/file (2)")]).checked()
            #expect(try await pc2.run(["stat", "-c", "%U", "/home/bob/file (2)"]).lines == ["bob"])
            #expect(try await pc2.ask("inbox", as: "bob", of: [Delivery].self).isEmpty)
            try await pc2.refused(66, "inbox", "accept", sent.id, as: "bob")
            #expect(try await pc2.run(["ls", "/var/lib/officeshare/inbox"]).lines.isEmpty)
        }
    }

    @Test func whatIsSentToAllReachesAll() async throws {
        try await withPost("pc1", "pc2", "pc3") { lab in
            let all = try await lab["pc1"].officeshare(
                ["send", "file", "note", "--to-all", "--wait", "--json"], as: "alice"
            ).json([Delivery].self)
            #expect(all.count == 4 && all.allSatisfy { $0.state == "delivered" && $0.receipt != nil })
            // Spooled once for all.
            #expect(try await lab["pc1"].run(["ls", "/var/lib/officeshare/outbox"]).lines.count == 2)
            for host in ["pc2", "pc3"] {
                let there = try await lab[host].ask("inbox", as: "bob", of: [Delivery].self)
                #expect(Set(there.map(\.name)) == ["file", "note"])
                let file = try #require(there.first { $0.name == "file" })
                try await take(file.id, on: lab[host], sentFrom: lab["pc1"])
            }
        }
    }

    @Test func whatIsSentTwiceIsStoredOnce() async throws {
        try await withPost("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let sent = try await send("file", "pc2:bob", on: pc1)
            try await becomes("delivered", sent.id, on: pc1)
            let before = try pc2.traffic().received
            try await pc1.must("resend", sent.id, "--wait", as: "alice")
            #expect(try pc2.traffic().received - before < 200 << 10)
            #expect(try await pc2.run(["ls", "/var/lib/officeshare/inbox"]).lines.count == 1)
            #expect(try await pc2.ask("inbox", as: "bob", of: [Delivery].self).count == 1)
            // Taken, and lost since: it comes again.
            try await take(sent.id, on: pc2, sentFrom: pc1)
            try await pc2.run(["rm", "/home/bob/file"]).checked()
            try await pc1.must("resend", String(sent.id.prefix(8)), "--wait", as: "alice")
            try await take(sent.id, on: pc2, sentFrom: pc1)
            // The receiver's disk lost it.
            let other = try await send("file", "pc2:bob", "--wait", on: pc1)
            try await pc2.shell("rm /var/lib/officeshare/inbox/\(other.id)/file").checked()
            try await pc1.must("resend", other.id, "--wait", as: "alice")
            #expect(pc2.exists("/var/lib/officeshare/inbox/\(other.id)/file"))
            // What isn't kept any more can't be sent again, and it is said.
            try await pc1.shell("rm -r /var/lib/officeshare/outbox/*").checked()
            try await pc1.refused(66, "resend", sent.id, as: "alice")
        }
    }

    // MARK: Asked and refused

    @Test func whatIsAskedForWaitsForItsAnswer() async throws {
        try await withPost("pc1", "pc2", config: "inbox: { accept: [ask] }\n") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let first = try await send("file", "pc2:bob", on: pc1)
            try await becomes("offered", first.id, on: pc1)
            #expect(try await pc2.run(["ls", "/var/lib/officeshare/inbox"]).lines.isEmpty)
            try await take(first.id, on: pc2, sentFrom: pc1)
            try await becomes("delivered", first.id, on: pc1)

            let second = try await send("note", "pc2", on: pc1)
            try await becomes("offered", second.id, on: pc1)
            try await pc2.must("inbox", "reject", second.id, as: "bob")
            try await becomes("rejected", second.id, on: pc1)
            #expect(try await sent(second.id, on: pc1).reason == "bob rejected it")
            #expect(try await pc2.ask("inbox", as: "bob", of: [Delivery].self).isEmpty)
            let refused = try await pc1.officeshare(["send", "note", "pc2:nobody-here", "--wait"], as: "alice")
            #expect(refused.status == 77, "\(refused)")
            // Accepted while its sender is away: it comes when it is back.
            let third = try await send("file", "pc2:bob", on: pc1)
            try await becomes("offered", third.id, on: pc1)
            try await pc1.stopDaemon()
            try await pc2.run(["rm", "/home/bob/file"]).checked()
            try await pc2.refused(75, "inbox", "accept", third.id, as: "bob")
            try await pc1.startDaemon(config: "inbox: { accept: [ask] }\n")
            try await becomes("delivered", third.id, on: pc1)
            try await take(third.id, on: pc2, sentFrom: pc1)
        }
    }

    @Test func wrongWordsGetTheirCodes() async throws {
        try await withPost("pc1", "pc2", config: "inbox: { spoolMegabytes: 1, maximumMegabytes: 1 }\n") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.refused(64, "send", "file", as: "alice")
            try await pc1.refused(64, "send", "/etc", "pc2", as: "alice")
            try await pc1.refused(66, "send", "none", "pc2", as: "alice")
            try await pc1.refused(66, "send", "note", "pc9", as: "alice")
            try await pc1.refused(65, "send", "note", "pc2:a b", as: "alice")
            try await pc1.refused(77, "send", "/etc/shadow", "pc2", as: "alice")
            try await pc1.refused(66, "resend", "12345678", as: "alice")
            try await pc1.refused(65, "inbox", "accept", "../../x", as: "alice")
            // As large as the inbox may be, and one byte more.
            try await pc1.shell("head -c 1048576 /dev/zero >full; head -c 1048577 /dev/zero >over", as: "alice")
                .checked()
            let over = try await send("over", "pc2:bob", on: pc1)
            try await becomes("rejected", over.id, on: pc1)
            let full = try await send("full", "pc2:bob", on: pc1)
            try await becomes("delivered", full.id, on: pc1)
            // The next waits until that is taken.
            let next = try await send("note", "pc2:bob", on: pc1)
            try await eventually("it is said why it waits") {
                try await sent(next.id, on: pc1).reason?.contains("full") == true
            }
            try await pc2.must("inbox", "accept", full.id, as: "bob")
            try await becomes("delivered", next.id, on: pc1, within: promised(40))
        }
    }

    // MARK: Absences and faults

    @Test func whatIsSentToAnAbsentNodeComesWhenItIsBack() async throws {
        try await withPost("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.killDaemon()
            let sent = try await send("file", "pc2:bob", on: pc1)
            #expect(sent.state == "queued")
            // The sender's node is started anew meanwhile, and the file has changed since.
            try await pc1.killDaemon()
            try await pc1.shell("mv file kept; echo other >file", as: "alice").checked()
            try await pc1.startDaemon()
            try await pc2.startDaemon()
            try await becomes("delivered", sent.id, on: pc1, within: promised(30))
            try await pc1.shell("mv -f kept file", as: "alice").checked()
            try await take(sent.id, on: pc2, sentFrom: pc1)
        }
    }

    enum Blow: String, CaseIterable { case senderKilled, receiverKilled, both, linkDown }

    @Test(arguments: Blow.allCases) func aDeliveryOutlivesEveryBlow(_ blow: Blow) async throws {
        try await withPost("pc1", "pc2", bytes: "64M") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.rate(megabits: 300)
            let before = try pc2.traffic().received
            let sent = try await send("file", "pc2:bob", on: pc1)
            for part in 1...3 {
                try await eventually("some of it has come", within: promised(30)) {
                    try pc2.traffic().received - before > part * (14 << 20)
                }
                switch blow {
                case .senderKilled: try await pc1.killDaemon()
                case .receiverKilled: try await pc2.killDaemon()
                case .both:
                    try await pc1.killDaemon()
                    try await pc2.killDaemon()
                case .linkDown: try await pc2.cutLink(.interface)
                }
                if blow == .senderKilled || blow == .both { try await pc1.startDaemon() }
                if blow == .receiverKilled || blow == .both { try await pc2.startDaemon() }
                if blow == .linkDown { try await pc2.plugLink() }
            }
            try await pc2.rate(megabits: nil)
            try await becomes("delivered", sent.id, on: pc1, within: promised(60))
            // Gone on with, not begun anew.
            #expect(try pc2.traffic().received - before < 110 << 20)
            try await take(sent.id, on: pc2, sentFrom: pc1)
            #expect(try await pc2.ask("inbox", as: "bob", of: [Delivery].self).isEmpty)
        }
    }

    @Test func aLossyLinkDeliversTheSame() async throws {
        try await withPost("pc1", "pc2", bytes: "8M") { lab in
            for host in [lab["pc1"], lab["pc2"]] { try await host.loss(percent: 5) }
            let sent = try await send("file", "pc2:bob", on: lab["pc1"])
            try await becomes("delivered", sent.id, on: lab["pc1"], within: promised(90))
            try await take(sent.id, on: lab["pc2"], sentFrom: lab["pc1"])
        }
    }

    @Test func aFullDiskHoldsItUpAndLosesNothing() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            for host in [pc1, pc2] {
                try await host.stopDaemon()
                try await host.mountTmpfs(at: "/var/lib/officeshare", megabytes: 12, owner: "officeshare")
                try await host.startDaemon()
            }
            try await lab.foundOffice()
            try await pc1.shell("head -c 8M /dev/urandom >file; head -c 16M /dev/urandom >large", as: "alice").checked()
            // What the outbox's disk can't hold is refused at once, and leaves no rest.
            try await pc1.refused(74, "send", "large", "pc2:bob", as: "alice")
            #expect(try await pc1.run(["ls", "/var/lib/officeshare/outbox"]).lines.isEmpty)
            _ = try await pc2.shell("head -c 8M /dev/zero >/var/lib/officeshare/ballast")
            let sent = try await send("file", "pc2:bob", on: pc1)
            try await eventually("the receiver says why", within: promised(20)) {
                try await pc2.ask("inbox", as: "bob", of: [Delivery].self).first?.reason?.contains("full") == true
            }
            #expect(try await self.sent(sent.id, on: pc1).receipt == nil)
            try await pc2.run(["rm", "/var/lib/officeshare/ballast"]).checked()
            try await becomes("delivered", sent.id, on: pc1, within: promised(60))
            try await take(sent.id, on: pc2, sentFrom: pc1)
        }
    }

    // MARK: Queued transfers

    @Test func aQueuedPutIsDoneWhenTheNodeIsBack() async throws {
        try await withPost("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.share("docs", "--rw", "--allow", "office")
            try await eventually("pc1 lists it") {
                try await pc1.ask("ls", of: [Offer].self).contains { $0.path == "pc2/docs" }
            }
            try await pc2.stopDaemon()
            try await pc1.shell("mkdir -p tree/deep; cp file tree/deep; ln -s deep tree/link", as: "alice").checked()
            struct Queued: Decodable { let queued: [String] }
            let file = try await pc1.officeshare(["put", "file", "pc2/docs/", "--queue", "--json"], as: "alice")
                .json(Queued.self).queued
            let tree = try await pc1.officeshare(["put", "-r", "tree", "pc2/docs", "--queue", "--json"], as: "alice")
                .json(Queued.self).queued
            let conflict = try await pc1.officeshare(
                ["put", "note", "pc2/docs/letter", "--queue", "--json"], as: "alice"
            ).json(Queued.self).queued
            try await pc1.shell("rm -r tree", as: "alice").checked()
            try await pc1.killDaemon()
            try await pc1.startDaemon()
            try await pc2.startDaemon()
            for id in file + tree { try await becomes("delivered", id, on: pc1, within: promised(40)) }
            for path in ["file", "tree/deep/file"] {
                try await Command.run(["cmp", pc1.path("/home/alice/file"), pc2.path("/home/alice/docs/\(path)")])
                    .checked()
            }
            // A different file is there: neither is lost, and it is said.
            try await becomes("rejected", conflict[0], on: pc1, within: promised(40))
            #expect(try await sent(conflict[0], on: pc1).reason?.contains("different") == true)
            #expect(try pc2.read("/home/alice/docs/letter") == Data("hers\n".utf8))
            try await pc1.must("resend", conflict[0], "--force", "--wait", as: "alice")
            #expect(try pc2.read("/home/alice/docs/letter") == Data("hello\n".utf8))
        }
    }

    @Test func aQueuedGetComesIntoTheInbox() async throws {
        try await withPost("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.share("docs", "--allow", "office", files: ["a": "one", "b": "two"])
            try await pc1.stopDaemon()
            try await eventually("pc2 knows that pc1 is away") {
                try await pc2.members().count(where: \.online) == 1
            }
            struct Queued: Decodable { let queued: [String] }
            let ids = try await pc2.officeshare(["get", "-r", "pc1/docs", "--queue", "--json"], as: "bob")
                .json(Queued.self).queued
            try await pc1.startDaemon()
            try await eventually("it is here", within: promised(30)) {
                try await pc2.ask("inbox", as: "bob", of: [Delivery].self).first?.state == "delivered"
            }
            try await pc2.must("inbox", "accept", ids[0], as: "bob")
            #expect(try pc2.read("/home/bob/docs/a") == Data("one".utf8))
            #expect(try pc2.read("/home/bob/docs/b") == Data("two".utf8))
        }
    }
}
