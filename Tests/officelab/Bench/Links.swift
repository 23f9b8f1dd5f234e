internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// What a link makes of us: one that loses packets, and how many bytes a change takes.
struct Links {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    /// 5 % loss at 100 Mbit/s, beside one stream of iperf3's.
    func loss() async throws -> [Figure] {
        let size = setting.quick ? 4 << 20 : 32 << 20
        return try await setting.withOffice(["pc1", "pc2"]) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.shell("mkdir bench; head -c \(size) /dev/urandom >bench/file", as: "alice").checked()
            try await pc1.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: pc2)
            let server = try pc1.start(["iperf3", "-s"], log: "iperf3")
            defer { withExtendedLifetime(server) {} }
            try await pc1.rate(megabits: 100)
            try await pc2.loss(percent: 5)
            let seconds = setting.quick ? 2 : 10
            var rounds = Rounds()
            for _ in 0..<setting.rounds {
                let get = try await pc2.run(
                    ["officeshare", "get", "--force", "pc1/bench/file", "file"], as: "alice", timeout: .seconds(300)
                ).checked()
                rounds.add("officeshare", get.took)
                try await pc2.run(["rm", "file"], as: "alice").checked()
                let test = try await pc2.run(
                    ["iperf3", "-c", pc1.address, "-R", "-t", "\(seconds)", "-J"], timeout: .seconds(60))
                let received = try test.json(Report.self).end.sum_received.bytes
                // As long as the same bytes would have taken it.
                rounds.add("iperf3", .seconds(Double(seconds) * Double(size) / Double(received)))
            }
            let ratio = rounds.ratio("officeshare", to: "iperf3")
            return [
                Figure(
                    what: "5 % loss on a 100 Mbit/s link, \(size >> 20) MiB",
                    measured: Self.rate(size, rounds.median("officeshare")),
                    against: "iperf3's TCP: \(Self.rate(size, rounds.median("iperf3")))", ratio: ratio, goal: "0.95×",
                    reached: ratio >= 0.95)
            ]
        }
    }

    private struct Report: Decodable {
        let end: End
        struct End: Decodable { let sum_received: Sum }
        struct Sum: Decodable { let bytes: Int }
    }

    private static func rate(_ bytes: Int, _ seconds: Double) -> String {
        String(format: "%.2f MB/s", Double(bytes) / seconds / 1e6)
    }

    /// 1 MiB inserted at the front of a pinned file of 1 GiB: bytes on the wire, both ways, beside rsync's.
    func insertion() async throws -> [Figure] {
        let size = setting.quick ? 32 << 20 : 1 << 30
        return try await setting.withOffice(["pc1", "pc2"]) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.shell("mkdir bench; head -c \(size) /dev/urandom >bench/file", as: "alice").checked()
            try await pc1.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: pc2)
            let ssh = try await SSHService.start(on: pc1, client: pc2)
            defer { withExtendedLifetime(ssh) {} }
            try await pc2.officeshare(["pin", "pc1/bench", "--wait"], timeout: .seconds(120)).checked()
            try await pc2.shell("mkdir in", as: "alice").checked()
            let rsync = "rsync --no-whole-file -e '\(SSHService.command)' alice@\(pc1.address):bench/file in/"
            try await pc2.shell(rsync, as: "alice", timeout: .seconds(120)).checked()
            let insert = "cd bench; (head -c 1048576 /dev/urandom; cat file) >../new; mv ../new file"
            var before = try Self.wire(pc2)
            try await pc1.shell(insert, as: "alice", timeout: .seconds(120)).checked()
            try await eventually("the copy is as the share", within: .seconds(120), every: .milliseconds(50)) {
                let pins = try await pc2.officeshare(["pins", "--json"]).json([Pin].self)
                return pins.contains { $0.bytes == size + 1 << 20 && $0.complete }
            }
            let ours = try Self.wire(pc2) - before
            before = try Self.wire(pc2)
            try await pc2.shell(rsync, as: "alice", timeout: .seconds(120)).checked()
            let theirs = try Self.wire(pc2) - before
            return [
                Figure(
                    what: "1 MiB inserted at the front of a pinned \(size >> 20) MiB file: bytes on the wire",
                    measured: Figure.megabytes(ours), against: "rsync: \(Figure.megabytes(theirs))",
                    ratio: Double(theirs) / Double(ours), goal: "1.2 times rsync's, or fewer",
                    reached: Double(ours) <= 1.2 * Double(theirs))
            ]
        }
    }

    private struct Pin: Decodable {
        let bytes: Int
        let complete: Bool
    }

    private static func wire(_ host: LabHost) throws -> Int {
        let traffic = try host.traffic()
        return traffic.received + traffic.sent
    }
}
