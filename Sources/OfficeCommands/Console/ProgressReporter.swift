import OfficeCore
import OfficeTransfer
import Synchronization

/// Shows how a transfer goes: a line drawn again and again on a terminal, now and then a line elsewhere,
/// nothing with `--quiet` or `--json`.
final class ProgressReporter: Sendable {
    private static let lineInterval = Duration.seconds(5)

    private let session: Session
    /// When a line was written last; short transfers say nothing on their way.
    private let written = Mutex(ContinuousClock.now)

    init(session: Session) { self.session = session }

    /// Called some times a second, from any thread.
    func update(_ progress: TransferProgress) {
        guard !session.isQuiet, !session.wantsJSON else { return }
        if progress.isFinished { return session.console.clearProgress() }
        if let width = session.terminal.progressWidth {
            return session.console.drawProgress(ProgressLine.render(progress, width: width))
        }
        let isDue = written.withLock { written in
            guard ContinuousClock.now - written >= Self.lineInterval else { return false }
            written = ContinuousClock.now
            return true
        }
        if isDue { session.console.note(ProgressLine.plain(progress)) }
    }
}
