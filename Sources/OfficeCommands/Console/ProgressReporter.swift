import OfficeCore
import Synchronization

/// Shows how a transfer goes: a line drawn again and again on a terminal, now and then a line elsewhere,
/// nothing with `--quiet` or `--json`.
final class ProgressReporter: Sendable {
    private static let redrawInterval = Duration.milliseconds(100)
    private static let lineInterval = Duration.seconds(5)

    private let session: Session
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    private struct State: Sendable {
        var meter = RateMeter()
        /// When something was shown last, since the start.
        var shown: Duration?
    }

    init(session: Session) { self.session = session }

    /// Called as often as something happens, from any thread: shows it when it is time to.
    func update(_ progress: ProgressSnapshot) {
        guard !session.isQuiet, !session.wantsJSON else { return }
        let width = session.terminal.progressWidth
        let interval = width == nil ? Self.lineInterval : Self.redrawInterval
        let now = ContinuousClock.now - start
        let due: Double?? = state.withLock { state in
            // On a terminal the first line comes at once; elsewhere short transfers say nothing on their way.
            guard now - (state.shown ?? (width == nil ? .zero : .zero - interval)) >= interval else { return .none }
            state.shown = now
            return .some(state.meter.rate(of: progress.bytes, at: now))
        }
        guard let rate = due else { return }
        if let width {
            session.console.drawProgress(ProgressLine.render(progress, rate: rate, width: width))
        } else {
            session.console.note(ProgressLine.plain(progress, rate: rate))
        }
    }

    /// The transfer is over: the line goes.
    func finish() { session.console.clearProgress() }
}

extension ProgressLine {
    /// For a log: no bar, no padding.
    static func plain(_ progress: ProgressSnapshot, rate: Double?) -> String {
        var parts = [progress.name]
        if let fraction = progress.fraction { parts.append("\(Int(fraction * 100))%") }
        parts.append(HumanText.size(progress.bytes))
        if let rate { parts.append(HumanText.rate(rate)) }
        return parts.joined(separator: "  ")
    }
}
