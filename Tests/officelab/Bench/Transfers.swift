internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// Files from pc1 to pc2: ours beside what people would use instead.
struct Transfers {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    /// One large file, on tmpfs at both ends.
    func bigFile() async throws -> [Figure] {
        let size = setting.quick ? 64 << 20 : 1 << 30
        let what = setting.quick ? "64 MiB file" : "1 GiB file, TLS, verified, tmpfs to tmpfs"
        return try await withSource("head -c \(size) /dev/urandom >bench/file") { pc1, pc2 in
            let ssh = try await SSHService.start(on: pc1, client: pc2)
            let nginx = try await NginxService.start(on: pc1, client: pc2, root: "/home/alice")
            let samba = try await SambaService.start(on: pc1, client: pc2)
            let syncthing = try await SyncthingService.start(from: pc1, to: pc2)
            defer { withExtendedLifetime((ssh, nginx, samba, syncthing)) {} }
            let url = "https://\(pc1.address):8443"
            let ways = [
                ("officeshare", "officeshare get pc1/bench/file in/"),
                ("rsync", "rsync -e '\(SSHService.command)' alice@\(pc1.address):bench/file in/"),
                ("scp", "scp -q \(scpOptions) alice@\(pc1.address):bench/file in/"),
                ("curl", "curl -sSk -o in/file \(url)/bench/file"),
                ("aria2", "aria2c -q -x4 -s4 --check-certificate=false -d in -o file \(url)/bench/file"),
                ("rclone", "rclone copyurl --no-check-certificate \(url)/bench/file in/file"),
                ("smbclient", "\(SambaService.client(of: pc1)) -c 'get bench/file in/file' >/dev/null 2>&1"),
            ]
            var rounds = try await measure(ways, on: pc2) { try await same(pc1, "bench/file", pc2, "in/file") }
            for _ in 0..<setting.rounds {
                rounds.add("syncthing", try await syncthing.carry("cp ../bench/file file", until: "test -e file"))
                try await same(pc1, "bench/file", pc2, "sync/file")
            }
            return (ways.dropFirst().map(\.0) + ["syncthing"]).map { other in
                compare(what, bytes: size, rounds, to: other, goal: ["rsync": 3, "curl": 1, "syncthing": 5][other])
            }
        }
    }

    /// Many small files, on tmpfs at both ends.
    func smallFiles() async throws -> [Figure] {
        let count = setting.quick ? 500 : 10_000
        return try await withSource(Self.makeSmallFiles(count)) { pc1, pc2 in
            let ssh = try await SSHService.start(on: pc1, client: pc2)
            let samba = try await SambaService.start(on: pc1, client: pc2)
            let syncthing = try await SyncthingService.start(from: pc1, to: pc2)
            defer { withExtendedLifetime((ssh, samba, syncthing)) {} }
            let all = "recurse on; prompt off; lcd in; mget bench"
            let ways = [
                ("officeshare", "officeshare get -r pc1/bench/ in/bench"),
                ("rsync", "rsync -r -e '\(SSHService.command)' alice@\(pc1.address):bench in/"),
                ("smbclient", "\(SambaService.client(of: pc1)) -c '\(all)' >/dev/null 2>&1"),
            ]
            var rounds = try await measure(ways, on: pc2) { try await same(pc1, "bench", pc2, "in/bench") }
            for _ in 0..<setting.rounds {
                let whole = "test \"$(find . -name 'file.*' | wc -l)\" = \(count)"
                rounds.add("syncthing", try await syncthing.carry("cp ../bench/* .", until: whole))
            }
            return ["rsync", "smbclient", "syncthing"].map { other in
                let goal: Double? = ["rsync": 1.5, "smbclient": 10, "syncthing": 10][other]
                var figure = compare("\(count) files of 4 KiB", bytes: count * 4096, rounds, to: other, goal: goal)
                figure.measured = Self.filesPerSecond(count, rounds.median("officeshare"))
                figure.against = "\(other): \(Self.filesPerSecond(count, rounds.median(other)))"
                return figure
            }
        }
    }

    /// The same on a real disk: every file is fsynced before it counts.
    func durableFiles() async throws -> [Figure] {
        let count = setting.quick ? 500 : 10_000
        return try await withSource(Self.makeSmallFiles(count), storage: .disk) { pc1, pc2 in
            let ways = [("officeshare", "officeshare get -r pc1/bench/ in/bench")]
            let rounds = try await measure(ways, on: pc2) { try await same(pc1, "bench", pc2, "in/bench") }
            let seconds = rounds.median("officeshare")
            return [
                Figure(
                    what: "\(count) files of 4 KiB onto this machine's disk, each fsynced",
                    measured: Self.filesPerSecond(count, seconds), goal: "2000 files/s",
                    reached: Double(count) / seconds >= 2000)
            ]
        }
    }

    /// How soon the first byte of a large file is there that was never read before.
    func firstByte() async throws -> [Figure] {
        let size = setting.quick ? 64 << 20 : 10 << 30
        // Of real bytes: holes travel as holes.
        let make = "head -c \(size) /dev/urandom >bench/file"
        return try await withSource(make, storage: .disk) { pc1, pc2 in
            var rounds = Rounds()
            let script = """
                start=$(date +%s%N)
                exec 3< <(officeshare cat pc1/bench/file 2>/dev/null)
                IFS= read -r -d '' -n 1 -u 3 _
                echo $(( $(date +%s%N) - start ))
                kill $! 2>/dev/null
                """
            for _ in 0..<setting.rounds {
                // Another file, as far as the daemon can know: what it remembers of its hashes is for another time.
                try await pc1.run(["touch", "bench/file"], as: "alice").checked()
                let output = try await pc2.shell(script, as: "alice", timeout: .seconds(120))
                guard let nanoseconds = output.lines.last.flatMap({ Int64($0) }) else {
                    throw OfficeError(.fault, "first byte", "\(output)")
                }
                rounds.add("officeshare", .nanoseconds(nanoseconds))
            }
            let seconds = rounds.median("officeshare")
            return [
                Figure(
                    what: "first byte of a \(setting.quick ? "64 MiB" : "10 GiB") file never hashed before",
                    measured: Figure.milliseconds(seconds), goal: "50 ms", reached: seconds <= 0.05)
            ]
        }
    }

    // MARK: How it is done

    /// An office of two, where alice on pc1 shares a folder made by `make`, and alice on pc2 has an empty one.
    private func withSource(
        _ make: String, storage: HostPlan.Storage = .memory, _ body: (LabHost, LabHost) async throws -> [Figure]
    ) async throws -> [Figure] {
        let plans = ["pc1", "pc2"].map { HostPlan($0, storage: storage) }
        return try await setting.withOffice(plans) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.shell("mkdir bench; \(make)", as: "alice", timeout: .seconds(600)).checked()
            try await pc1.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: pc2)
            return try await body(pc1, pc2)
        }
    }

    /// Runs every way once a round, each into an empty folder, and checks what arrived.
    private func measure(
        _ ways: [(String, String)], on host: LabHost, check: () async throws -> Void
    ) async throws -> Rounds {
        var rounds = Rounds()
        for round in 0..<setting.rounds {
            // Turn about, so that none has the warm caches of the one before it for good.
            let offset = round % ways.count
            for (name, script) in ways[offset...] + ways[..<offset] {
                try await host.shell("rm -rf in && mkdir in && sync -f in", as: "alice").checked()
                let output = try await host.shell(script, as: "alice", timeout: .seconds(600)).checked()
                rounds.add(name, output.took)
                try await check()
            }
        }
        return rounds
    }

    private func same(_ one: LabHost, _ path: String, _ other: LabHost, _ copy: String) async throws {
        try await Command.run(
            ["diff", "-r", one.path("/home/alice/\(path)"), other.path("/home/alice/\(copy)")], timeout: .seconds(300)
        ).checked()
    }

    private func compare(_ what: String, bytes: Int, _ rounds: Rounds, to other: String, goal: Double?) -> Figure {
        let ratio = rounds.ratio("officeshare", to: other)
        return Figure(
            what: what, measured: Figure.rate(bytes, rounds.median("officeshare")),
            against: "\(other): \(Figure.rate(bytes, rounds.median(other)))", ratio: ratio,
            goal: goal.map(Figure.factor) ?? "–", reached: goal.map { ratio >= $0 })
    }

    private var scpOptions: String {
        SSHService.command.split(separator: " ").dropFirst().filter { $0 != "-q" }.joined(separator: " ")
    }

    private static func filesPerSecond(_ count: Int, _ seconds: Double) -> String {
        String(format: "%.0f files/s", Double(count) / seconds)
    }

    private static func makeSmallFiles(_ count: Int) -> String {
        "head -c \(count * 4096) /dev/urandom | split -b 4096 -a 5 -d - bench/file."
    }
}
