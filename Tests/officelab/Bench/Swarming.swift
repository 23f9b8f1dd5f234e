internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// Content that many have, and content that many want.
struct Swarming {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    // MARK: Many sources

    /// One file from up to ten nodes, each behind a link of 100 Mbit/s; and what a source that dies costs.
    func sources() async throws -> [Figure] {
        let size = setting.quick ? 16 << 20 : 512 << 20
        let counts = setting.quick ? [1, 3] : [1, 2, 5, 10]
        let most = counts[counts.count - 1]
        let plans = (1...most + 1).map { HostPlan("pc\($0)") }
        return try await setting.withOffice(plans) { lab in
            let (owner, receiver) = (lab.hosts[0], lab.hosts[most])
            let make = "mkdir bench; head -c \(size) /dev/urandom >bench/file"
            try await owner.shell(make, as: "alice").checked()
            try await owner.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: receiver)
            var seconds: [Double] = []
            var keepers = 1
            for count in counts {
                for keeper in lab.hosts[keepers..<count] {
                    try await keeper.rate(megabits: nil)
                    try await owner.rate(megabits: nil)
                    try await keeper.officeshare(["pin", "pc1/bench", "--wait"], timeout: .seconds(120)).checked()
                }
                keepers = count
                for source in lab.hosts[..<count] { try await source.rate(megabits: 100) }
                var rounds = Rounds()
                for _ in 0..<setting.rounds { rounds.add("get", try await fetch(on: receiver)) }
                seconds.append(rounds.median("get"))
            }
            let gap = try await gapAfterDeath(of: lab.hosts[most - 1], at: receiver)
            let ratio = seconds[0] / seconds[seconds.count - 1]
            let goal = Double(most) * 0.95
            let curve = zip(counts, seconds).map { Picture.Point(x: Double($0), y: Double(size) / $1 / 1e6) }
            return [
                Figure(
                    what: "\(most) sources, each limited to 100 Mbit/s, \(size >> 20) MiB",
                    measured: Figure.rate(size, seconds[seconds.count - 1]),
                    against: "one of them: \(Figure.rate(size, seconds[0]))", ratio: ratio, goal: Figure.factor(goal),
                    reached: ratio >= goal,
                    picture: Picture(
                        name: "sources", title: "One receiver, sources of 100 Mbit/s each", x: "sources", y: "MB/s",
                        curves: [.init(name: "officeshare", points: curve)])),
                Figure(
                    what: "a source killed in the middle of it: longest time without a byte",
                    measured: Figure.milliseconds(gap), goal: "200 ms", reached: gap <= 0.2),
            ]
        }
    }

    private func fetch(on host: LabHost) async throws -> Duration {
        let output = try await host.run(
            ["officeshare", "get", "--force", "pc1/bench/file", "file"], as: "alice", timeout: .seconds(300)
        )
        .checked()
        try await host.run(["rm", "file"], as: "alice").checked()
        return output.took
    }

    /// The longest time in which nothing arrived, from the death of a source on; in seconds.
    private func gapAfterDeath(of source: LabHost, at receiver: LabHost) async throws -> Double {
        let before = try receiver.traffic().received
        let get = try receiver.start(["officeshare", "get", "--force", "pc1/bench/file", "file"], as: "alice")
        let size = setting.quick ? 16 << 20 : 512 << 20
        try await eventually("a third has come", within: .seconds(60), every: .milliseconds(5)) {
            try receiver.traffic().received - before > size / 3
        }
        try await source.killDaemon()
        var (last, since, gap) = (try receiver.traffic().received, ContinuousClock.now, Duration.zero)
        try await eventually("it is fetched", within: .seconds(120), every: .milliseconds(5)) {
            let now = try receiver.traffic().received
            // Signs of life aren't progress.
            if now - last > 20_000 {
                gap = max(gap, ContinuousClock.now - since)
                (last, since) = (now, ContinuousClock.now)
            }
            return get.exit != nil
        }
        guard get.exit == .status(0) else { throw OfficeError(.fault, "get", get.stderr) }
        return gap / .seconds(1)
    }

    // MARK: Many receivers

    /// One source behind a link of 200 Mbit/s, and up to twenty who fetch from it at the same time.
    func receivers() async throws -> [Figure] {
        let size = setting.quick ? 8 << 20 : 64 << 20
        let counts = setting.quick ? [1, 3] : [1, 2, 5, 10, 20]
        let most = counts[counts.count - 1]
        let plans = (1...most + 1).map { HostPlan("pc\($0)") }
        return try await setting.withOffice(plans) { lab in
            let source = lab.hosts[0]
            try await source.shell("mkdir bench", as: "alice").checked()
            try await source.officeshare(["share", "add", "bench"], as: "alice").checked()
            let nginx = try await NginxService.start(on: source, client: lab.hosts[1], root: "/home/alice")
            defer { withExtendedLifetime(nginx) {} }
            for host in lab.hosts.dropFirst() { try await setting.awaitShare("bench", on: host) }
            try await source.rate(megabits: 200)
            let url = "https://\(source.address):8443/bench/file"
            var curves: [String: [Picture.Point]] = [:]
            var seconds: [Double] = []
            for count in counts {
                var rounds = Rounds()
                for _ in 0..<setting.rounds {
                    // Another content each time: nobody has any of it.
                    try await source.shell("head -c \(size) /dev/urandom >bench/file", as: "alice").checked()
                    let hosts = Array(lab.hosts[1...count])
                    rounds.add("officeshare", try await all(hosts, "officeshare get --force pc1/bench/file file"))
                    rounds.add("curl", try await all(hosts, "curl -sSk -o file \(url)"))
                }
                seconds.append(rounds.median("officeshare"))
                for way in ["officeshare", "curl"] {
                    curves[way, default: []].append(.init(x: Double(count), y: rounds.median(way)))
                }
            }
            let ratio = seconds[seconds.count - 1] / seconds[0]
            let served = curves["curl"]?.last?.y ?? .nan
            return [
                Figure(
                    what: "one source at 200 Mbit/s, \(most) receivers at once, \(size >> 20) MiB",
                    measured: String(format: "%.1f s, %.2f× of one's time", seconds[seconds.count - 1], ratio),
                    against: String(format: "curl from nginx: %.1f s", served),
                    ratio: served / seconds[seconds.count - 1], goal: "1.6× of one's time", reached: ratio <= 1.6,
                    picture: Picture(
                        name: "receivers", title: "One source of 200 Mbit/s, \(size >> 20) MiB for each receiver",
                        x: "receivers", y: "seconds until the last has it",
                        curves: ["officeshare", "curl"].map { .init(name: $0, points: curves[$0] ?? []) }))
            ]
        }
    }

    /// Until the last has done.
    private func all(_ hosts: [LabHost], _ script: String) async throws -> Duration {
        let began = ContinuousClock.now
        try await withThrowingTaskGroup { group in
            for host in hosts {
                group.addTask {
                    try await host.shell("rm -f file; \(script)", as: "alice", timeout: .seconds(300)).checked()
                }
            }
            try await group.waitForAll()
        }
        return ContinuousClock.now - began
    }
}
