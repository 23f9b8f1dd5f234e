import OfficeCore
import OfficeTransfer

/// The line of progress: name, share done, bar, amount, rate, time left; never wider than it may be.
enum ProgressLine {
    static func render(_ progress: TransferProgress, width: Int) -> String {
        var tail = HumanText.size(progress.bytes)
        if progress.rate > 0 { tail += "  \(HumanText.rate(progress.rate))" }
        if let left = progress.secondsLeft, left > 0 {
            tail += "  \(HumanText.duration(seconds: Int(min(left, 1e9).rounded(.up)))) left"
        }
        if progress.totalFiles > 1 { tail = "\(progress.files)/\(progress.totalFiles) files  " + tail }
        // Rounded down: 100 % is shown when all is there.
        let fraction = progress.fraction
        let head = fraction.map { padded("\(Int($0 * 100))%", to: 4, right: true) + " " } ?? ""
        // One column stays free: in the last one some terminals break the line.
        let room = width - 1 - displayWidth(tail) - displayWidth(head) - 2
        guard room >= 8 else { return truncated(head + tail, to: max(1, width - 1)) }
        let barWidth = fraction == nil || room < 24 ? 0 : min(30, room / 2)
        let nameWidth = room - (barWidth > 0 ? barWidth + 1 : 0)
        let name = padded(truncated(progress.name, to: nameWidth), to: nameWidth)
        return "\(name) \(head)\(bar(fraction, width: barWidth)) \(tail)"
    }

    /// For a log: no bar, no padding.
    static func plain(_ progress: TransferProgress) -> String {
        var parts = [progress.name]
        if let fraction = progress.fraction { parts.append("\(Int(fraction * 100))%") }
        parts.append(HumanText.size(progress.bytes))
        if progress.rate > 0 { parts.append(HumanText.rate(progress.rate)) }
        return parts.filter { !$0.isEmpty }.joined(separator: "  ")
    }

    private static func bar(_ fraction: Double?, width: Int) -> String {
        guard let fraction, width > 2 else { return "" }
        let inner = width - 2
        let full = Int(fraction * Double(inner))
        return "[" + String(repeating: "#", count: full) + String(repeating: "-", count: inner - full) + "]"
    }
}

extension TransferProgress {
    /// Of the bytes where there are any, else of the files; nil while nothing is known.
    fileprivate var fraction: Double? {
        if totalBytes > 0 { return min(1, max(0, Double(bytes) / Double(totalBytes))) }
        return totalFiles > 0 ? min(1, Double(files) / Double(totalFiles)) : nil
    }

    /// What moves now, safe to print.
    fileprivate var name: String { (path ?? "").escapedForTerminal }
}
