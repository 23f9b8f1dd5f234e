import OfficeCore

/// How far a transfer is, at one moment. Bytes count once they are verified.
struct ProgressSnapshot: Sendable, Equatable {
    /// What moves now, safe to print.
    var name = ""
    var bytes: Int64 = 0
    /// nil while it isn't known how much there is.
    var totalBytes: Int64?
    var files = 0
    var totalFiles: Int?

    var fraction: Double? {
        guard let totalBytes else { return nil }
        return totalBytes > 0 ? min(1, Double(bytes) / Double(totalBytes)) : 1
    }
}

/// The rate of the last seconds: what a person wants to know, not the mean since the start.
struct RateMeter: Sendable {
    private static let window = Duration.seconds(5)
    private var samples: [(at: Duration, bytes: Int64)] = []

    /// Bytes so far, at a time since the start. Returns bytes a second, nil while too little is known.
    mutating func rate(of bytes: Int64, at now: Duration) -> Double? {
        samples.append((now, bytes))
        while samples.count > 2, let second = samples.dropFirst().first, second.at <= now - Self.window {
            samples.removeFirst()
        }
        guard let first = samples.first, now - first.at >= .milliseconds(200) else { return nil }
        return Double(bytes - first.bytes) / ((now - first.at) / .seconds(1))
    }
}

/// The line of progress: name, share done, bar, amount, rate, time left; exactly as wide as it may be.
enum ProgressLine {
    static func render(_ progress: ProgressSnapshot, rate: Double?, width: Int) -> String {
        var tail = HumanText.size(progress.bytes)
        if let rate { tail += "  \(HumanText.rate(rate))" }
        if let left = secondsLeft(progress, rate) { tail += "  \(HumanText.duration(seconds: left)) left" }
        if let total = progress.totalFiles, total > 1 { tail = "\(progress.files)/\(total) files  " + tail }

        var head = ""
        if let fraction = progress.fraction {
            // Rounded down: 100 % is shown when all is there.
            head = padded("\(Int(fraction * 100))%", to: 4, right: true) + " "
        }
        // One column stays free: in the last one some terminals break the line.
        let room = width - 1 - displayWidth(tail) - displayWidth(head) - 2
        guard room >= 8 else { return truncated(head + tail, to: max(1, width - 1)) }
        let barWidth = progress.fraction == nil || room < 24 ? 0 : min(30, room / 2)
        let nameWidth = room - (barWidth > 0 ? barWidth + 1 : 0)
        let name = padded(truncated(progress.name, to: nameWidth), to: nameWidth)
        return "\(name) \(head)\(bar(progress.fraction, width: barWidth)) \(tail)"
    }

    private static func bar(_ fraction: Double?, width: Int) -> String {
        guard let fraction, width > 2 else { return "" }
        let inner = width - 2
        let full = Int(fraction * Double(inner))
        return "[" + String(repeating: "#", count: full) + String(repeating: "-", count: inner - full) + "]"
    }

    private static func secondsLeft(_ progress: ProgressSnapshot, _ rate: Double?) -> Int? {
        guard let rate, rate >= 1, let total = progress.totalBytes, total > progress.bytes else { return nil }
        return Int(min(Double(total - progress.bytes) / rate, 1e9).rounded(.up))
    }
}
