import Foundation
import OfficeLab
import Testing

/// What moves now: seen, paused, gone on with and cancelled by those whose it is.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct TransferControlTests {
    private static let size = 64 << 20

    private struct Transfer: Decodable {
        let id: String, kind: String, path: String
        let bytes: Int, total: Int?, rate: Int, state: String
    }

    /// A share of alice's on pc1 with one large file, and a wire to pc2 on which it takes a while.
    private func withLargeFile(_ body: (_ owner: LabHost, _ reader: LabHost) async throws -> Void) async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.share("docs", "--rw", "--allow", "office", files: [:])
            try await pc1.shell("head -c \(Self.size) /dev/urandom >docs/large", as: "alice").checked()
            try await eventually("pc2 lists it") {
                try await pc2.ask("ls", of: [Offer].self).contains { $0.path == "pc1/docs" }
            }
            try await pc2.rate(megabits: 50)
            try await body(pc1, pc2)
        }
    }

    private func transfers(on host: LabHost, as user: String = "bob") async throws -> [Transfer] {
        try await host.ask("transfers", as: user, of: [Transfer].self)
    }

    /// The one transfer of bob's, once it is under way.
    private func underWay(on host: LabHost) async throws -> Transfer {
        var found: Transfer?
        try await eventually("it moves", within: promised(10)) {
            found = try await transfers(on: host).first { $0.bytes > 2 << 20 }
            return found != nil
        }
        return try #require(found)
    }

    @Test func aGetIsPausedAndGoesOn() async throws {
        try await withLargeFile { pc1, pc2 in
            let get = try pc2.start(["officeshare", "get", "pc1/docs/large", "./large", "--json"], as: "bob")
            let moving = try await underWay(on: pc2)
            #expect(moving.kind == "get" && moving.path == "pc1/docs/large" && moving.state == "moving")
            #expect(moving.total == Self.size && moving.rate > 0)
            // Another user sees nothing of it and can't touch it; a manager can.
            #expect(try await transfers(on: pc2, as: "alice").isEmpty)
            try await pc2.refused(66, "transfers", "pause", moving.id, as: "alice")
            let paused: Transfer = try await pc2.ask("transfers", "pause", moving.id, as: "root")
            #expect(paused.state == "paused" && paused.rate == 0)
            // What was on the way comes yet; then it is still, for longer than it would wait for a peer that is lost.
            try await pc2.shell("sleep 3").checked()
            let (still, received) = (try await transfers(on: pc2).first, try pc2.traffic().received)
            #expect(still?.state == "paused")
            try await pc2.shell("sleep 12").checked()
            #expect(get.exit == nil, "\(get.stderr)")
            #expect(try await transfers(on: pc2).first?.bytes == still?.bytes)
            #expect(try pc2.traffic().received - received < 256 << 10)
            try await pc2.rate(megabits: nil)
            try await pc2.must("transfers", "resume", moving.id, as: "bob")
            #expect(try await get.ended(within: promised(30)) == .status(0), "\(get.stderr)")
            try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), pc2.path("/home/bob/large")]).checked()
            try await eventually("it is listed no longer") { try await transfers(on: pc2).isEmpty }
        }
    }

    @Test(arguments: ["get", "put"]) func whatIsCancelledGoesOnWhereItStopped(_ kind: String) async throws {
        try await withLargeFile { pc1, pc2 in
            var arguments = ["get", "pc1/docs/large", "./large"]
            if kind == "put" {
                try await pc2.shell("head -c \(Self.size) /dev/urandom >large", as: "bob").checked()
                arguments = ["put", "./large", "pc1/docs/copy"]
            }
            let running = try pc2.start(["officeshare"] + arguments, as: "bob")
            let moving = try await underWay(on: pc2)
            #expect(moving.kind == kind && moving.total == Self.size)
            try await pc2.must("transfers", "cancel", moving.id, as: "bob")
            #expect(try await running.ended(within: promised(10)) == .status(75))
            let said = running.stderr.split(separator: "\n")
            #expect(said.last?.contains("cancelled") == true && said.allSatisfy { !$0.contains("broken off") })
            try await eventually("it is listed no longer") { try await transfers(on: pc2).isEmpty }
            try await pc2.rate(megabits: nil)
            let summary = try await pc2.officeshare(arguments + ["--json"], as: "bob").json(Summary.self)
            #expect(summary.failed.isEmpty && summary.resumedBytes > 0)
            #expect(summary.bytes + summary.resumedBytes == Self.size)
        }
    }

    @Test func aCommandThatIsKilledIsListedNoLonger() async throws {
        try await withLargeFile { _, pc2 in
            let reading = try pc2.start(["officeshare", "cat", "pc1/docs/large"], as: "bob")
            let moving = try await underWay(on: pc2)
            #expect(moving.kind == "cat" && moving.total == Self.size)
            try await pc2.must("transfers", "pause", moving.id, as: "bob")
            try await reading.signal(SIGKILL)
            try await reading.ended()
            try await eventually("it is gone", within: promised(2)) { try await transfers(on: pc2).isEmpty }
            try await pc2.refused(66, "transfers", "resume", moving.id, as: "bob")
        }
    }

    /// The limit of the node that fetches, and then that of the one that serves: they hold at once, without a restart.
    @Test func limitsHoldOnBothSides() async throws {
        try await withLargeFile { pc1, pc2 in
            try await pc2.rate(megabits: nil)
            for limited in [pc2, pc1] {
                try await configure(limited, "transfers: {limit: 4000000}\n")
                let begin = ContinuousClock.now
                let get = try pc2.start(["officeshare", "get", "pc1/docs/large", "./large-\(limited.name)"], as: "bob")
                try await eventually("12 MB have come", within: promised(10)) {
                    try await transfers(on: pc2).contains { $0.bytes > 12_000_000 }
                }
                #expect(ContinuousClock.now - begin > .milliseconds(2_700))
                try await configure(limited, "")
                #expect(try await get.ended(within: promised(20)) == .status(0), "\(get.stderr)")
            }
        }
    }

    /// Has a daemon read this configuration.
    private func configure(_ host: LabHost, _ text: String) async throws {
        let count = host.notifications.count { $0 == "READY=1" }
        try host.write(text, to: "/etc/officeshare/officeshare.yaml")
        try await host.service(.officeshare)?.signal(SIGHUP)
        try await eventually("it is ready again") { host.notifications.count { $0 == "READY=1" } > count }
    }
}
