import Foundation
import OfficeLab
import Testing

/// Deliveries on their way: seen, paused and taken back like other transfers; and one whose content the sender's disk has
/// lost comes to an end.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct SendControlTests {
    private static let size = 48 << 20

    private struct Delivery: Decodable { let id: String, to: String, state: String, bytes: Int?, reason: String? }
    private struct Transfer: Decodable {
        let id: String, kind: String, path: String
        let bytes: Int, total: Int?, rate: Int, state: String
    }

    /// alice's large file on pc1, and wires on which it takes a while.
    private func withFile(_ names: String..., body: (Lab) async throws -> Void) async throws {
        try await Lab.with(names.map { HostPlan($0) }, failed: { Verdict.current?.failed ?? false }) { lab in
            try await lab.foundOffice()
            try await lab["pc1"].shell("head -c \(Self.size) /dev/urandom >file", as: "alice").checked()
            try await body(lab)
        }
    }

    private func send(_ arguments: String..., on pc1: LabHost) async throws -> [Delivery] {
        try await pc1.officeshare(["send", "file"] + arguments + ["--json"], as: "alice").json([Delivery].self)
    }

    private func sent(_ id: String, on pc1: LabHost) async throws -> Delivery {
        try #require(try await pc1.ask("sent", id, as: "alice", of: [Delivery].self).first)
    }

    private func transfers(on host: LabHost, as user: String) async throws -> [Transfer] {
        try await host.ask("transfers", as: user, of: [Transfer].self)
    }

    private func moving(on host: LabHost, as user: String) async throws -> Transfer {
        var found: Transfer?
        try await eventually("it moves at \(host.name)", within: promised(20)) {
            found = try await transfers(on: host, as: user).first {
                $0.bytes > 2 << 20 && $0.rate > 0 && $0.state == "moving"
            }
            return found != nil
        }
        return try #require(found)
    }

    @Test func aDeliveryIsPausedAtEitherEndAndGoesOn() async throws {
        try await withFile("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.rate(megabits: 40)
            let id = try #require(try await send("pc2:bob", on: pc1).first).id
            for (host, user, kind, path) in [
                (pc1, "alice", "send", "pc2:bob/file"), (pc2, "bob", "receive", "alice@pc1/file"),
            ] {
                let found = try await moving(on: host, as: user)
                #expect(found.kind == kind && found.path == path && found.total == Self.size && found.rate > 0)
                // Nobody else's.
                #expect(try await transfers(on: host, as: user == "alice" ? "bob" : "alice").isEmpty)
                let paused: Transfer = try await host.ask("transfers", "pause", found.id, as: user)
                #expect(paused.state == "paused")
                // What was on the way comes yet.
                try await pc2.shell("sleep 3").checked()
                let received = try pc2.traffic().received
                try await pc2.shell("sleep 3").checked()
                #expect(try pc2.traffic().received - received < 512 << 10, "paused at \(host.name)")
                #expect(try await transfers(on: host, as: user).first?.state == "paused")
                #expect(try await sent(id, on: pc1).state == "moving")
                try await host.must("transfers", "resume", found.id, as: user)
            }
            // Accepted is accepted: it would be begun again.
            try await pc2.refused(64, "transfers", "cancel", try await moving(on: pc2, as: "bob").id, as: "bob")
            try await pc2.rate(megabits: nil)
            try await eventually("it is delivered") { try await sent(id, on: pc1).state == "delivered" }
            for host in [pc1, pc2] { #expect(try await transfers(on: host, as: "root").isEmpty) }
            try await pc2.must("inbox", "accept", id, "--to", "/home/bob", as: "bob")
            try await Command.run(["cmp", pc1.path("/home/alice/file"), pc2.path("/home/bob/file")]).checked()
        }
    }

    @Test func oneThatIsPausedStaysSoOverARestartAndCanBeTakenBack() async throws {
        try await withFile("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc2.rate(megabits: 40)
            let id = try #require(try await send("pc2:bob", on: pc1).first).id
            try await pc1.must("transfers", "pause", try await moving(on: pc1, as: "alice").id, as: "alice")
            try await pc1.stopDaemon()
            try await pc1.startDaemon()
            try await lab.settle(within: promised(20))
            let row = try #require(try await transfers(on: pc1, as: "alice").first)
            #expect(row.kind == "send" && row.state == "paused")
            let received = try pc2.traffic().received
            try await pc2.shell("sleep 3").checked()
            #expect(try pc2.traffic().received - received < 512 << 10)
            try await pc1.must("transfers", "cancel", row.id, as: "alice")
            try await eventually("it is gone here") {
                try await pc1.officeshare(["sent", id], as: "alice").status == 66
            }
            try await eventually("pc2 knows", within: promised(40)) {
                try await pc2.ask("inbox", id, as: "bob", of: [Delivery].self).first?.state == "rejected"
            }
        }
    }

    @Test func howFarASharedDeliveryIsIsSaidByItsReceivers() async throws {
        try await withFile("pc1", "pc2", "pc3", "pc4") { lab in
            let pc1 = lab["pc1"]
            // Each can have but a part of it from pc1 in the time that all of it takes.
            try await pc1.rate(megabits: 60)
            let ids = try await send("--to-all", on: pc1).map(\.id)
            var most: [String: Int] = [:]
            try await eventually("all is delivered", within: promised(90), every: .milliseconds(200)) {
                var isDone = true
                for delivery in try await pc1.ask("sent", as: "alice", of: [Delivery].self) {
                    let before = most[delivery.id] ?? 0
                    if let bytes = delivery.bytes {
                        // Never backwards, and never more than there is.
                        #expect(bytes >= before && bytes <= Self.size)
                        most[delivery.id] = bytes
                    }
                    isDone = isDone && delivery.state == "delivered"
                }
                return isDone
            }
            for id in ids { #expect(most[id] ?? 0 > Self.size / 2, "\(most)") }
        }
    }

    /// The disk changes what was sent, without a sign: it can't be delivered, and that is said.
    @Test(arguments: [false, true]) func whatTheSendersDiskHasLostComesToAnEnd(_ isHashed: Bool) async throws {
        try await withFile("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc2.stopDaemon()
            try await lab["pc3"].rate(megabits: 100)
            if !isHashed { try await pc3.stopDaemon() }
            let all = try await send("--to-all", on: pc1)
            let id = try #require(all.first { $0.to == "pc2" }).id
            // Its hashes are kept once it has been sent to somebody, and a while after it was written.
            if isHashed {
                let other = try #require(all.first { $0.to == "pc3" }).id
                try await eventually("pc3 has it") { try await sent(other, on: pc1).state == "delivered" }
            }
            try await pc1.stopDaemon()
            try await pc1.shell("touch \(RottenDisk.log); chmod 666 \(RottenDisk.log)").checked()
            // More than once in each block: no block of it is ever right.
            try await pc1.startDaemon(disk: RottenDisk(folder: "/outbox/", every: 128 << 10))
            try await pc2.startDaemon()
            try await eventually("it is given up", within: promised(60)) {
                try await sent(id, on: pc1).state == "rejected"
            }
            #expect(try await sent(id, on: pc1).reason?.contains("send the file again") == true)
            // Whose disk that was stands in the receiver's log.
            #expect(!isHashed || pc2.daemonLog.contains("a node sent blocks that were wrong"))
            try await eventually("pc2 waits no longer", within: promised(40)) {
                try await pc2.ask("inbox", id, as: "bob", of: [Delivery].self).first?.state == "rejected"
            }
            try await pc1.refused(66, "resend", id, as: "alice")
        }
    }
}
