internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// From the word to the paper: on a peer's printer by `print`, beside `lp` at the printer's own machine.
struct Printing {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    func measure() async throws -> [Figure] {
        let size = setting.quick ? 20 << 20 : 200 << 20
        return try await setting.withOffice([HostPlan("pc1", cups: true), HostPlan("pc2", cups: true)]) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            // Without a driver: what is measured is the way, not a filter.
            try await pc1.addPrinter("raw", isRaw: true)
            try await pc1.officeshare(["printer", "share", "raw"]).checked()
            try await eventually("pc2 has the printer") {
                try await pc2.officeshare(["printers"]).stdout.contains("pc1/raw")
            }
            for host in [pc1, pc2] {
                try await host.shell(
                    "head -c 4000 /dev/urandom >page; head -c \(size) /dev/urandom >large", as: "alice"
                )
                .checked()
            }
            try await pc1.shell("mkdir bench && cp large bench/", as: "alice").checked()
            try await pc1.officeshare(["share", "add", "bench"], as: "alice").checked()
            try await setting.awaitShare("bench", on: pc2)
            let box = try pc1.box("raw")
            var rounds = Rounds()
            for _ in 0..<setting.rounds {
                for document in ["page", "large"] {
                    rounds.add("lp \(document)", try await printed(["lp", "-d", "raw", document], on: pc1, box))
                    rounds.add(
                        "print \(document)",
                        try await printed(["officeshare", "print", document, "--to", "pc1/raw"], on: pc2, box))
                }
                rounds.add(
                    "get",
                    try await pc2.run(["officeshare", "get", "--force", "pc1/bench/large", "got"], as: "alice").took)
                try await pc2.run(["rm", "got"], as: "alice").checked()
            }
            return figures(rounds, size)
        }
    }

    /// Until the document has come out of the printer.
    private func printed(_ command: [String], on host: LabHost, _ box: Box) async throws -> Duration {
        let before = box.printed.count
        let began = ContinuousClock.now
        try await host.run(command, as: "alice").checked()
        try await eventually("it is printed", within: .seconds(60), every: .milliseconds(1)) {
            box.printed.count > before
        }
        return ContinuousClock.now - began
    }

    private func figures(_ rounds: Rounds, _ size: Int) -> [Figure] {
        let (page, own) = (rounds.median("print page"), rounds.median("lp page"))
        let (large, ownLarge) = (rounds.median("print large"), rounds.median("lp large"))
        // What people would do without: fetch it where the printer is, and print it there.
        let (get, byHand) = (rounds.median("get"), rounds.median("get") + ownLarge)
        return [
            Figure(
                what: "One page, from the word until it comes out of a peer's printer",
                measured: Figure.milliseconds(page), against: "lp at the printer: \(Figure.milliseconds(own))",
                goal: "300 ms more", reached: page - own <= 0.3),
            Figure(
                what: "\(size >> 20) MiB document, the same", measured: Figure.rate(size, large),
                against: "get, then lp at the printer: \(Figure.rate(size, byHand)) (get: \(Figure.rate(size, get)))",
                ratio: byHand / large, goal: "0.80×", reached: byHand / large >= 0.8),
        ]
    }
}
