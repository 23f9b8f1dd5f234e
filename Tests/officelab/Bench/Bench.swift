internal import ArgumentParser
internal import Foundation
internal import OfficeCore
internal import OfficeLab

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures officeshare beside the tools people would use instead, in one run, on this machine.",
        discussion: """
            Both ends are hosts of the lab. Every round runs ours and theirs one after the other; the ratio told is \
            the median of the rounds' ratios, so that what slows a round slows both.
            """)

    /// What can be measured by itself.
    enum Subject: String, CaseIterable, ExpressibleByArgument {
        case bigFile = "big-file"
        case smallFiles = "small-files"
        case durableFiles = "durable-files"
        case firstByte = "first-byte"
        case sources, receivers, loss, insertion
        case listings, memory, crowd, printing
        case spacePuts = "space-puts"
        case spaceListing = "space-listing"
        case spaceReaders = "space-readers"
        case versions
    }

    @Option(help: "The folder with officeshare and officeshared.") var binaries: String?
    @Option(help: "Rounds of each measurement; the median counts.") var rounds = 5
    @Option(help: "Measure only this; can be given several times.") var only: [Subject] = []
    @Flag(help: "Small sizes, to see that the bench itself works; its figures mean nothing.") var quick = false
    @Option(help: "Write the figures to this file, as Markdown.") var output: String?

    func run() async throws {
        let bench = self
        try await Interruption.cancelling { try await bench.measure() }
    }

    private func measure() async throws {
        let say = Narration()
        let setting = BenchSetting(binaries: binaries, rounds: rounds, quick: quick, say: say)
        var figures: [Figure] = []
        for subject in only.isEmpty ? Subject.allCases : only {
            say.step("Measuring: \(subject.rawValue)")
            let measured =
                switch subject {
                case .bigFile: try await Transfers(setting).bigFile()
                case .smallFiles: try await Transfers(setting).smallFiles()
                case .durableFiles: try await Transfers(setting).durableFiles()
                case .firstByte: try await Transfers(setting).firstByte()
                case .sources: try await Swarming(setting).sources()
                case .receivers: try await Swarming(setting).receivers()
                case .loss: try await Links(setting).loss()
                case .insertion: try await Links(setting).insertion()
                case .listings: try await Listings(setting).measure()
                case .memory: try await MemoryUse(setting).measure()
                case .crowd: try await MemoryUse(setting).crowd()
                case .printing: try await Printing(setting).measure()
                case .spacePuts: try await Centre(setting).puts()
                case .spaceListing: try await Centre(setting).listing()
                case .spaceReaders: try await Centre(setting).readers()
                case .versions: try await Centre(setting).versions()
                }
            for figure in measured { say.note(figure.line) }
            figures += measured
        }
        let report = Report(figures: figures, rounds: rounds, quick: quick)
        if let output {
            // What people wrote below the figures stays.
            let notes = Report.notes(of: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
            try Data((report.markdown + notes).utf8).write(to: URL(fileURLWithPath: output))
            let folder = URL(fileURLWithPath: output).deletingLastPathComponent().appendingPathComponent("pictures")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for picture in figures.compactMap(\.picture) {
                try Data(picture.svg.utf8).write(to: folder.appendingPathComponent("\(picture.name).svg"))
            }
            say.step("Written to \(output)")
        } else {
            print(report.markdown)
        }
    }
}

/// How to measure.
struct BenchSetting: Sendable {
    let binaries: String?
    let rounds: Int
    let quick: Bool
    let say: Narration

    /// An office of these hosts, all joined to pc1's.
    func withOffice<Result>(_ plans: [HostPlan], _ body: (Lab) async throws -> Result) async throws -> Result {
        try await Lab.with(plans, options: .init(binaries: binaries)) { lab in
            let first = lab.hosts[0]
            try await first.officeshare(["office", "create", "Bench"]).checked()
            for host in lab.hosts.dropFirst() {
                let code = try await first.officeshare(["office", "invite", "--json"]).json(Invitation.self).code
                try await host.officeshare(["office", "join", code]).checked()
            }
            return try await body(lab)
        }
    }

    /// Waits until `host` sees a share of this name.
    func awaitShare(_ name: String, on host: LabHost) async throws {
        try await eventually("\(host.name) sees \(name)") {
            try await host.officeshare(["ls"], as: "alice").stdout.contains(name)
        }
    }
}

private struct Invitation: Decodable { let code: String }
