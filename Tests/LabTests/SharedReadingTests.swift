import Foundation
import OfficeLab
import Testing

/// Many who read the same at once: its owner sends it about once, and the readers the rest to each other, by the owner's
/// ticket and to nobody else.
@Suite(.serialized, .lab, .timeLimit(.minutes(4)))
struct SharedReadingTests {
    private static let readers = (2...7).map { "pc\($0)" }
    private static let bytes = 24 << 20

    private struct Report: Decodable {
        struct Source: Decodable { let node: String, bytes: Int, blocks: Int, rejected: Int }
        let failed: [Summary.Failed]
        let sources: [Source]
    }

    /// An office in which pc1 shares a large file, over a link that is slow on its way out.
    private func withSource(
        _ names: [String] = readers, megabits: Int = 100, _ body: (Lab, [LabHost]) async throws -> Void
    ) async throws {
        let plans = (["pc1"] + names).map { HostPlan($0) }
        try await Lab.with(plans, failed: { Verdict.current?.failed ?? false }) { lab in
            try await lab.foundOffice()
            let pc1 = lab["pc1"]
            try await pc1.share("docs", files: [:])
            try await pc1.shell("head -c \(Self.bytes) /dev/urandom >docs/large", as: "alice").checked()
            let hosts = names.map { lab[$0] }
            for host in hosts {
                try await eventually("\(host.name) sees it") { try await !host.ask("ls", of: [Offer].self).isEmpty }
                try await eventually("\(host.name) sees all") {
                    try await host.members().count(where: \.online) == names.count + 1
                }
            }
            try await pc1.rate(megabits: megabits)
            try await body(lab, hosts)
        }
    }

    private func getAll(_ hosts: [LabHost]) throws -> [HostProcess] {
        try hosts.map { try $0.start(["officeshare", "get", "pc1/docs/large", ".", "--json"], as: "bob") }
    }

    private func compare(_ hosts: [LabHost], with pc1: LabHost) async throws {
        for host in hosts {
            try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), host.path("/home/bob/large")]).checked()
        }
    }

    @Test func theOwnerSendsItAboutOnce() async throws {
        try await withSource { lab, hosts in
            let before = try lab["pc1"].traffic().sent
            let gets = try getAll(hosts)
            for get in gets { #expect(try await get.ended(within: promised(90)) == .status(0), "\(get.stderr)") }
            let sent = try lab["pc1"].traffic().sent - before
            #expect(Double(sent) <= 2.2 * Double(Self.bytes), "\(sent) bytes")
            try await compare(hosts, with: lab["pc1"])
            // They say whom they have it from.
            let report = try JSONDecoder().decode(Report.self, from: Data(gets[0].stdout.utf8))
            #expect(report.sources.contains { $0.node != "pc1" && $0.blocks > 0 } && report.failed.isEmpty)
            #expect(report.sources.allSatisfy { $0.rejected == 0 })
            print("the owner sent \(Double(sent) / Double(Self.bytes)) times the file")
        }
    }

    /// Also what is small, where the link is slow.
    @Test(arguments: [(bytes, 2.2), (2 << 20, 2.6), (512 << 10, 3.5)])
    func whatIsSentToAllLeavesTheSenderAboutOnce(_ bytes: Int, _ times: Double) async throws {
        struct Delivery: Decodable { let id: String, state: String }
        try await withSource(megabits: bytes == Self.bytes ? 100 : 10) { lab, hosts in
            try await lab["pc1"].run(["truncate", "-s", "\(bytes)", "docs/large"], as: "alice").checked()
            let before = try lab["pc1"].traffic().sent
            let all = try await lab["pc1"].officeshare(
                ["send", "docs/large", "--to-all", "--wait", "--json"], as: "alice", timeout: promised(90)
            ).json([Delivery].self)
            #expect(all.count == hosts.count && all.allSatisfy { $0.state == "delivered" })
            let sent = try lab["pc1"].traffic().sent - before
            // What is said of it besides counts for more of what is small.
            #expect(Double(sent) <= times * Double(bytes), "\(sent) bytes")
            for host in hosts {
                let there = try await host.ask("inbox", as: "bob", of: [Delivery].self)
                try await host.must("inbox", "accept", try #require(there.first).id, "--to", "/home/bob", as: "bob")
            }
            try await compare(hosts, with: lab["pc1"])
            print("the sender sent \(Double(sent) / Double(bytes)) times the file")
        }
    }

    @Test func aSpaceIsReadByManyLikeAShare() async throws {
        try await withSource(["pc2", "pc3", "pc4", "pc5"]) { lab, hosts in
            let pc1 = lab["pc1"]
            try await pc1.must("promote")
            try await pc1.must("space", "add", "plans", "--allow", "office")
            try await pc1.must("put", "docs/large", "office/plans/", as: "alice")
            for host in hosts {
                try await eventually("\(host.name) sees it") {
                    try await host.officeshare(["ls", "office/plans"], as: "bob").stdout.contains("large")
                }
            }
            let before = try pc1.traffic().sent
            let gets = try hosts.map { try $0.start(["officeshare", "get", "office/plans/large", "."], as: "bob") }
            for get in gets { #expect(try await get.ended(within: promised(90)) == .status(0), "\(get.stderr)") }
            let sent = try pc1.traffic().sent - before
            #expect(Double(sent) <= 2.2 * Double(Self.bytes), "\(sent) bytes")
            try await compare(hosts, with: pc1)
        }
    }

    @Test func aShareWithTheSameFileIsASourceToo() async throws {
        try await withSource(["pc2", "pc3"], megabits: 20) { lab, hosts in
            let (pc1, pc2, pc3) = (lab["pc1"], hosts[0], hosts[1])
            // For nobody else, and by another name.
            try await pc2.share("mine", "--allow", "pc2", files: [:])
            try await Command.run(
                ["cp", pc1.path("/home/alice/docs/large"), pc2.path("/home/alice/mine/other")]
            ).checked()
            // Once hashed, and long enough untouched that its hashes are kept.
            try await pc1.shell("sleep 3; officeshare get pc1/docs/large /tmp/large", as: "alice").checked()
            func get(_ name: String) async throws -> [Report.Source] {
                let report = try await pc3.officeshare(
                    ["get", "pc1/docs/large", "./\(name)", "--json"], as: "bob", timeout: promised(60)
                ).json(Report.self)
                #expect(report.failed.isEmpty && report.sources.allSatisfy { $0.rejected == 0 })
                try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), pc3.path("/home/bob/\(name)")])
                    .checked()
                return report.sources
            }
            let sources = try await get("first")
            #expect(sources.contains { $0.node == "pc2" && $0.blocks > 0 }, "\(sources)")
            // By pc1's ticket alone: the share is nobody's to see.
            try await pc3.refused(66, "get", "pc2/mine/other", "./stolen", as: "bob")
            // Another content by now, if by one byte.
            try await pc2.shell("printf x | dd of=mine/other bs=1 seek=5 conv=notrunc", as: "alice").checked()
            let later = try await get("second")
            #expect(!later.contains { $0.node == "pc2" && $0.blocks > 0 }, "\(later)")
        }
    }

    // MARK: Holders that fail

    @Test func aHolderThatIsKilledHoldsNobodyUp() async throws {
        try await withSource(["pc2", "pc3", "pc4", "pc5"], megabits: 60) { lab, hosts in
            let before = try lab["pc5"].traffic().received
            let gets = try getAll(hosts)
            try await eventually("some of it has come", within: promised(30)) {
                try lab["pc5"].traffic().received - before > Self.bytes / 4
            }
            try await lab["pc2"].killDaemon()
            for get in gets.dropFirst() {
                #expect(try await get.ended(within: promised(90)) == .status(0), "\(get.stderr)")
            }
            try await compare(Array(hosts.dropFirst()), with: lab["pc1"])
            // Its own goes on where it stopped.
            try await gets[0].ended(within: promised(60))
            try await lab["pc2"].startDaemon()
            try await eventually("pc2 sees it") { try await !lab["pc2"].ask("ls", of: [Offer].self).isEmpty }
            try await lab["pc2"].must("get", "pc1/docs/large", ".", as: "bob")
            try await compare([lab["pc2"]], with: lab["pc1"])
        }
    }

    @Test func aHolderThatLiesIsPutAsideAndNamed() async throws {
        try await withSource(["pc2", "pc3", "pc4"]) { lab, hosts in
            for get in try getAll(Array(hosts.dropLast())) {
                #expect(try await get.ended(within: promised(60)) == .status(0), "\(get.stderr)")
            }
            // pc2's disk gives other bytes than were verified.
            try await lab["pc2"].shell(
                """
                found=no
                for file in /proc/$(pidof officeshared)/fd/*; do
                    case "$(readlink "$file")" in /var/lib/officeshare/\\#*)
                        dd if=/dev/zero of="$file" bs=1M count=24 conv=notrunc status=none; found=yes;;
                    esac
                done
                test $found = yes
                """
            ).checked()
            let report: Report = try await lab["pc4"].ask("get", "pc1/docs/large", ".", as: "bob")
            let rejected = Dictionary(uniqueKeysWithValues: report.sources.map { ($0.node, $0.rejected) })
            #expect(rejected["pc2", default: 0] > 0 && rejected["pc1", default: 0] == 0, "\(rejected)")
            #expect(rejected["pc3", default: 0] == 0 && report.failed.isEmpty)
            try await compare([lab["pc4"]], with: lab["pc1"])
        }
    }

    // MARK: Tickets

    /// What a member's key gets from a node, with these lines in the head: the status, and all that is said.
    private func speak(
        _ host: LabHost, to other: LabHost, _ path: String, user: String = "bob", ticket: String? = nil,
        body: String = ""
    ) async throws -> (status: Int, text: String) {
        let lines =
            [
                "POST \(path) HTTP/1.1", "Host: officeshare", "Connection: close", "Officeshare-User: \(user)",
                "Content-Length: \(body.utf8.count)",
            ] + (ticket.map { ["Officeshare-Ticket: \($0)"] } ?? [])
        try host.write((lines + ["", body]).joined(separator: "\r\n"), to: "/tmp/request", owner: "root")
        let state = "/var/lib/officeshare"
        let text = try await host.shell(
            """
            (cat /tmp/request; sleep 2) | timeout 10 openssl s_client -quiet -alpn officeshare/1 \
                -cert \(state)/node.crt -key \(state)/node.key -connect \(other.address):8747 2>/dev/null
            """
        ).stdout
        return (Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0, text)
    }

    private struct Answer: Decodable {
        struct Demand: Decodable {
            struct Ticket: Decodable { let body: String, signature: String }
            let root: String, ticket: Ticket
        }
        let demand: Demand?
    }

    /// The ticket for the file that pc1 gives to a user of a host, as it travels.
    private func ticket(
        for host: LabHost, from pc1: LabHost, file: String = "large", user: String = "bob"
    ) async throws -> (ticket: String, root: String) {
        var found: Answer.Demand?
        try await eventually("\(host.name) gets a ticket") {
            let said = try await speak(
                host, to: pc1, "/v1/readings/shares/docs", user: user, body: #"{"path":"\#(file)","keeps":true}"#)
            guard said.status == 200, let start = said.text.firstIndex(of: "{"),
                let end = said.text.lastIndex(of: "}")
            else { return false }
            found = try JSONDecoder().decode(Answer.self, from: Data(said.text[start...end].utf8)).demand
            return found != nil
        }
        let demand = try #require(found)
        return ("\(demand.ticket.body).\(demand.ticket.signature)", demand.root)
    }

    @Test func nothingIsHandedOnWithoutTheOwnersTicket() async throws {
        try await withSource(["pc2", "pc3", "pc4"]) { lab, hosts in
            let (pc1, pc2, pc3, pc4) = (lab["pc1"], lab["pc2"], lab["pc3"], lab["pc4"])
            for get in try getAll([pc2, pc3]) {
                #expect(try await get.ended(within: promised(60)) == .status(0), "\(get.stderr)")
            }
            let mine = try await ticket(for: pc4, from: pc1)
            let owner = try await nodeID(of: pc1)
            let path = "/v1/contents/\(owner)/\(mine.root)/fetch"
            // With its own ticket it is let in: there, it has to ask for something.
            #expect(try await speak(pc4, to: pc2, path, ticket: mine.ticket).status == 200)
            // Without one; with one that nobody signed, another's, another user's, for another content.
            #expect(try await speak(pc4, to: pc2, path).status == 403)
            #expect(try await speak(pc4, to: pc2, path, ticket: "e30=.AAAA").status == 403)
            let forged = mine.ticket.replacingOccurrences(of: ".", with: "A.")
            #expect(try await speak(pc4, to: pc2, path, ticket: forged).status == 403)
            #expect(try await speak(pc3, to: pc2, path, ticket: mine.ticket).status == 403)
            #expect(try await speak(pc4, to: pc2, path, user: "alice", ticket: mine.ticket).status == 403)
            let other = path.replacingOccurrences(of: mine.root, with: String(mine.root.reversed()))
            #expect(try await speak(pc4, to: pc2, other, ticket: mine.ticket).status == 403)
            let foreign = path.replacingOccurrences(of: owner, with: try await nodeID(of: pc3))
            #expect(try await speak(pc4, to: pc2, foreign, ticket: mine.ticket).status == 403)
            // Who may not read the share gets no ticket.
            try await pc1.must("share", "set", "docs", "--allow", "alice@pc3", as: "alice")
            let refused = try await speak(
                pc4, to: pc1, "/v1/readings/shares/docs", body: #"{"path":"large","keeps":true}"#)
            #expect(refused.status == 404, "\(refused.text)")
            // A removed member is let in nowhere, whatever ticket it has.
            try await pc1.must("office", "remove", "pc4")
            try await eventually("pc2 knows that pc4 is out") { try await pc2.members().count == 3 }
            #expect(try await speak(pc4, to: pc2, path, ticket: mine.ticket).status == 0)
            // Nor is the word of a removed owner anybody's.
            let last = try await ticket(for: pc3, from: pc1, user: "alice")
            #expect(try await speak(pc3, to: pc2, path, user: "alice", ticket: last.ticket).status == 200)
            try await pc1.must("office", "admin", "add", "pc2")
            try await eventually("pc2 may") { try await pc2.officeshare(["office", "remove", "pc1"]).status == 0 }
            #expect(try await speak(pc3, to: pc2, path, user: "alice", ticket: last.ticket).status == 403)
        }
    }

    private func nodeID(of host: LabHost) async throws -> String {
        struct Status: Decodable { let nodeID: String }
        let all = try await host.shell(
            "curl -s --unix-socket /run/officeshare/control.sock http://localhost/v1/service"
        ).stdout
        return try JSONDecoder().decode(Status.self, from: Data(all.utf8)).nodeID
    }
}
