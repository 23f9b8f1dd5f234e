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

    private func largest(_ hosts: LabHost...) async throws -> Int {
        var most = 0
        for host in hosts {
            guard let daemon = host.service(.officeshare) else { continue }
            most = max(most, ProcessTable.memory("RssAnon", of: try await daemon.pid()) ?? 0)
        }
        return most
    }
}
