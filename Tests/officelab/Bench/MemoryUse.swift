internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// The daemon's own memory: anonymous pages, the binary's mapped ones besides.
struct MemoryUse {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    func measure() async throws -> [Figure] {
        let size = setting.quick ? 64 << 20 : 10 << 30
        let plans = (1...5).map { HostPlan("pc\($0)", storage: .disk) }
        return try await setting.withOffice(plans) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await eventually("the office is at rest", within: .seconds(30)) {
                try await lab.hosts.last?.officeshare(["office", "members"]).lines.count ?? 0 > 5
            }
            let atRest = try await largest(pc1, pc2)
            try await pc1.shell(
                "mkdir bench; head -c \(size) /dev/urandom >bench/file", as: "alice", timeout: .seconds(600)
            )
            .checked()
            try await pc1.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: pc2)

            let transfer = try pc2.start(["officeshare", "get", "pc1/bench/file", "file"], as: "alice")
            var most = 0
            try await eventually("the file is fetched", within: .seconds(900), every: .milliseconds(100)) {
                most = max(most, try await largest(pc1, pc2))
                return transfer.exit != nil
            }
            guard transfer.exit == .status(0) else { throw OfficeError(.fault, "get", transfer.stderr) }
            return [
                Figure(
                    what: "daemon at rest in an office of 5 (RssAnon)", measured: Figure.megabytes(atRest),
                    goal: "16 MB",
                    reached: atRest <= 16_000_000),
                Figure(
                    what: "daemon during a \(size >> 30) GiB transfer (RssAnon, the larger end's most)",
                    measured: Figure.megabytes(most), goal: "48 MB", reached: most <= 48_000_000),
            ]
        }
    }

    /// A node that sends ten sparse files and receives ten others at the same time.
    func crowd() async throws -> [Figure] {
        let (each, size) = (10, setting.quick ? 64 << 20 : 5 << 30)
        let plans = ["pc1", "pc2"].map { HostPlan($0, storage: .disk) }
        return try await setting.withOffice(plans) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            for host in [pc1, pc2] {
                // A hole, but for a stretch at the end of each tenth: both are on the way.
                let make = """
                    mkdir bench; for file in $(seq \(each)); do truncate -s \(size) bench/$file
                    for part in 1 2 3 4 5 6 7 8 9; do
                    head -c 1048576 /dev/urandom | dd of=bench/$file bs=1M seek=$((part * \(size >> 20) / 10)) \\
                    conv=notrunc status=none; done; done
                    """
                try await host.shell(make, as: "alice", timeout: .seconds(120)).checked()
                try await host.officeshare(["share", "add", "bench", "--name", "of-\(host.name)"], as: "alice")
                    .checked()
            }
            for host in [pc1, pc2] {
                for name in ["of-pc1", "of-pc2"] { try await setting.awaitShare(name, on: host) }
            }
            var transfers: [HostProcess] = []
            for (host, other) in [(pc1, "pc2"), (pc2, "pc1")] {
                for file in 1...each {
                    transfers.append(
                        try host.start(
                            ["officeshare", "get", "\(other)/of-\(other)/\(file)", "./\(file)"], as: "alice"))
                }
            }
            var most = 0
            try await eventually("all are fetched", within: .seconds(900), every: .milliseconds(100)) {
                most = max(most, try await largest(pc1, pc2))
                return transfers.allSatisfy { $0.exit != nil }
            }
            for transfer in transfers where transfer.exit != .status(0) {
                throw OfficeError(.fault, "get", transfer.stderr)
            }
            return [
                Figure(
                    what:
                        "daemon that sends and receives \(2 * each * size >> 30) GiB (sparse) in \(2 * each) transfers "
                        + "at once (RssAnon, the larger end's most)",
                    measured: Figure.megabytes(most), goal: "80 MB", reached: most <= 80_000_000)
            ]
        }
    }

    private func largest(_ hosts: LabHost...) async throws -> Int {
        var most = 0
        for host in hosts {
            guard let daemon = host.service(.officeshare) else { continue }
            most = max(most, ProcessTable.memory("RssAnon", of: try await daemon.pid()) ?? 0)
        }
        return most
    }
}
