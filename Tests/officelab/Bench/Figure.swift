internal import Foundation

/// One row of the table of figures.
struct Figure: Sendable {
    /// What was measured.
    var what: String
    /// What it came to, with its unit.
    var measured: String
    /// What it is compared to, and what that came to.
    var against = "–"
    /// The comparison, as a factor: above 1 is better than theirs.
    var ratio: Double?
    /// What it should be.
    var goal = "–"
    var reached: Bool?
    /// How it scales.
    var picture: Picture?

    var line: String {
        let comparison = ratio.map { ", \(Figure.factor($0)) of \(against)" } ?? ""
        return
            "\(what): \(measured)\(comparison) (goal: \(goal)\(reached.map { $0 ? ", reached" : ", not reached" } ?? ""))"
    }

    static func factor(_ ratio: Double) -> String { String(format: "%.2f×", ratio) }
    static func milliseconds(_ seconds: Double) -> String { String(format: "%.0f ms", seconds * 1000) }
    static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
    static func rate(_ bytes: Int, _ seconds: Double) -> String {
        String(format: "%.0f MB/s", Double(bytes) / seconds / 1e6)
    }
}

/// Timings of the same thing in several ways, round by round.
struct Rounds: Sendable {
    private(set) var seconds: [String: [Double]] = [:]

    mutating func add(_ way: String, _ duration: Duration) {
        seconds[way, default: []].append(duration / .seconds(1))
    }

    func median(_ way: String) -> Double { Self.median(seconds[way] ?? []) }

    /// The median of the rounds' own ratios: how many times as fast as `theirs` `ours` was.
    func ratio(_ ours: String, to theirs: String) -> Double {
        Self.median(zip(seconds[theirs] ?? [], seconds[ours] ?? []).map { $0 / $1 })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

/// docs/performance.md.
struct Report {
    let figures: [Figure]
    let rounds: Int
    let quick: Bool

    var markdown: String {
        let rows = figures.map { figure in
            let ratio = figure.ratio.map(Figure.factor) ?? "–"
            let reached = figure.reached.map { $0 ? "yes" : "**no**" } ?? "–"
            return
                "| \(figure.what) | \(figure.measured) | \(figure.against) | \(ratio) | \(figure.goal) | \(reached) |"
        }
        return """
            # Performance

            Written by `make bench`; run it again after a change on a hot path. Both ends are hosts of the lab on one
            machine, so every figure has the work of both ends in it. Each is the median of \(rounds) rounds; a ratio is
            the median of the rounds' ratios (above 1: faster than theirs).
            \(quick ? "\n**A run with `--quick`: sizes are small and the figures mean nothing.**\n" : "")
            \(Self.machine)

            | what | officeshare | against | ratio | goal | reached |
            | --- | --- | --- | --- | --- | --- |
            \(rows.joined(separator: "\n"))
            \(pictures)

            """
    }

    private var pictures: String {
        figures.compactMap(\.picture).map { "\n![\($0.title)](pictures/\($0.name).svg)" }.joined(separator: "\n")
    }

    private static let notesTitle = "## Notes"

    /// What stands below the figures in a page that was written before.
    static func notes(of page: String) -> String {
        page.range(of: "\n" + notesTitle).map { String(page[$0.lowerBound...]) } ?? ""
    }

    /// The machine it was measured on.
    private static var machine: String {
        func read(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
        let processor = read("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
            .flatMap { $0.split(separator: ":").last }?.trimmingCharacters(in: .whitespaces)
        let memory = ProcessInfo.processInfo.physicalMemory >> 30
        let kernel = read("/proc/sys/kernel/osrelease").split(separator: "-").first ?? "?"
        let date = Date.now.formatted(.iso8601.year().month().day())
        return "Measured on \(date): \(ProcessInfo.processInfo.activeProcessorCount) cores of "
            + "\(processor ?? "an unknown processor"), \(memory) GiB of memory, Linux \(kernel)."
    }
}
