internal import OfficeCore
internal import OfficeLab

/// How long it takes to see what there is.
struct Listings {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    func measure() async throws -> [Figure] { try await office() + folder() }

    /// All shares of an office of 20, each with one.
    private func office() async throws -> [Figure] {
        let count = setting.quick ? 3 : 20
        let plans = (1...count).map { HostPlan("pc\($0)") }
        return try await setting.withOffice(plans) { lab in
            for host in lab.hosts {
                try await host.run(["mkdir", "share-\(host.name)"], as: "alice").checked()
                try await host.officeshare(["share", "add", "share-\(host.name)"], as: "alice").checked()
            }
            let last = lab.hosts[lab.hosts.count - 1]
            try await eventually("all shares are seen", within: .seconds(60)) {
                try await last.officeshare(["ls"], as: "alice").stdout.split(separator: "share-").count > count
            }
            var rounds = Rounds()
            for _ in 0..<setting.rounds * 3 {
                let seconds = try await time("officeshare ls >/dev/null", on: last)
                rounds.add("officeshare", seconds)
            }
            let seconds = rounds.median("officeshare")
            return [
                Figure(
                    what: "`ls` of an office of \(count) nodes", measured: Figure.milliseconds(seconds), goal: "20 ms",
                    reached: seconds <= 0.02)
            ]
        }
    }

    /// A folder of 100,000 entries of another host's.
    private func folder() async throws -> [Figure] {
        let count = setting.quick ? 1000 : 100_000
        return try await setting.withOffice(["pc1", "pc2"]) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.shell("mkdir bench && cd bench && seq \(count) | xargs touch", as: "alice").checked()
            try await pc1.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: pc2)
            var rounds = Rounds()
            for _ in 0..<setting.rounds {
                let listed = try await pc2.shell("officeshare ls -l pc1/bench | wc -l", as: "alice").checked()
                guard listed.lines.first.flatMap({ Int($0) }).map({ $0 >= count }) ?? false else {
                    throw OfficeError(.fault, "ls of \(count) entries", "only \(listed.stdout) came")
                }
                let first = "IFS= read -r _ < <(officeshare ls -l pc1/bench 2>/dev/null)"
                rounds.add("first", try await time(first, on: pc2))
                rounds.add("whole", try await time("officeshare ls -l pc1/bench >/dev/null", on: pc2))
                rounds.add("ls", try await time("ls -l bench >/dev/null", on: pc1))
            }
            let first = rounds.median("first")
            let ratio = rounds.ratio("whole", to: "ls")
            return [
                Figure(
                    what: "`ls -l` of a folder of \(count) entries, first line", measured: Figure.milliseconds(first),
                    goal: "50 ms", reached: first <= 0.05),
                Figure(
                    what: "the same, whole", measured: Figure.milliseconds(rounds.median("whole")),
                    against: "`ls -l` on the owner: \(Figure.milliseconds(rounds.median("ls")))", ratio: ratio,
                    goal: "at most 5 times as long", reached: ratio >= 0.2),
            ]
        }
    }

    /// How long a shell command takes on a host, without what entering the host costs.
    private func time(_ script: String, on host: LabHost) async throws -> Duration {
        let timing = "start=$(date +%s%N); \(script); echo $(( $(date +%s%N) - start ))"
        let output = try await host.shell(timing, as: "alice").checked()
        guard let nanoseconds = output.lines.last.flatMap({ Int64($0) }) else {
            throw OfficeError(.fault, script, "\(output)")
        }
        return .nanoseconds(nanoseconds)
    }
}
