import OfficeCore
import Synchronization

/// Counts what a transfer does, and tells of it. One for all that a command moves.
final class TransferLedger: Sendable {
    /// How often `progress` is called.
    private static let interval: Duration = .milliseconds(100)
    /// The rate is taken over so long.
    private static let window: Duration = .seconds(5)

    private struct State {
        var summary = TransferSummary()
        var sources: [Label: TransferSummary.Source] = [:]
        var progress = TransferProgress()
        /// Bytes moved and verified, at past moments.
        var samples: [(at: Duration, bytes: Int64)] = []
        var movedAndVerified: Int64 = 0
        var reported: Duration?
        /// Grows whenever more is there than ever before.
        var mark: UInt64 = 0
        var mostBytes: Int64 = 0
    }

    private let clock: TransferClock
    private let start: Duration
    private let report: @Sendable (TransferProgress) -> Void
    private let state = Mutex(State())

    init(clock: TransferClock, report: @escaping @Sendable (TransferProgress) -> Void) {
        self.clock = clock
        self.report = report
        start = clock.now()
    }

    /// Changes when something is done, or more is verified than ever before: what moves and is lost again is no
    /// progress, and what has made none for long has stalled.
    var mark: UInt64 { state.withLock { $0.mark } }

    var failures: Int { state.withLock { $0.summary.failed.count } }
    var files: Int { state.withLock { $0.summary.files } }
    func failures(from count: Int) -> ArraySlice<TransferSummary.Failure> {
        state.withLock { $0.summary.failed.dropFirst(count) }
    }

    func expect(files: Int, bytes: Int64) {
        update { state in
            state.progress.totalFiles += files
            state.progress.totalBytes += bytes
        }
    }

    func begin(_ path: String) { state.withLock { $0.progress.path = path } }

    /// Bytes of content moved, whatever becomes of them.
    func moved(_ bytes: Int, with node: Label) {
        state.withLock { state in
            state.summary.bytes += Int64(bytes)
            state.sources[node, default: .init(node: node.description, bytes: 0, blocks: 0, rejected: 0)].bytes +=
                Int64(bytes)
        }
    }

    /// A block moved, and is right.
    func verified(_ bytes: Int, with node: Label) {
        update { state in
            state.sources[node, default: .init(node: node.description, bytes: 0, blocks: 0, rejected: 0)].blocks += 1
            state.progress.bytes += Int64(bytes)
            state.movedAndVerified += Int64(bytes)
        }
    }

    /// Bytes moved, and the receiver says that they are right.
    func uploaded(_ bytes: Int64) {
        update { state in
            state.progress.bytes += bytes
            state.movedAndVerified += bytes
        }
    }

    /// Blocks are under their file's name at the receiver.
    func delivered(blocks: Int, bytes: Int64, with node: Label) {
        update { state in
            state.sources[node, default: .init(node: node.description, bytes: 0, blocks: 0, rejected: 0)].blocks +=
                blocks
            state.progress.bytes += bytes
        }
    }

    /// Bytes that are there, of what was counted as moved before.
    func present(_ bytes: Int64) { update { $0.progress.bytes += bytes } }

    /// A block moved, and is wrong: it will be asked for again.
    func rejected(with node: Label) {
        state.withLock { state in
            state.sources[node, default: .init(node: node.description, bytes: 0, blocks: 0, rejected: 0)].rejected += 1
            state.summary.resentBlocks += 1
        }
    }

    /// Blocks that were lost on the way and are asked for again.
    func resent(_ blocks: Int) { state.withLock { $0.summary.resentBlocks += blocks } }

    /// Bytes that were there already.
    func resumed(_ bytes: Int64) {
        update { state in
            state.summary.resumedBytes += bytes
            state.progress.bytes += bytes
        }
    }

    /// Bytes that were counted as there are not, or not yet.
    func lost(_ bytes: Int64) { state.withLock { $0.progress.bytes -= bytes } }

    /// Bytes that were there are of another version than is wanted now: to bring them again is progress.
    func outdated(_ bytes: Int64) {
        state.withLock { state in
            state.progress.bytes -= bytes
            state.mostBytes = state.progress.bytes
        }
    }

    func done() {
        update { state in
            state.summary.files += 1
            state.progress.files += 1
            state.mark += 1
        }
    }

    /// Files that are there and need nothing.
    func unchanged(files: Int, bytes: Int64) {
        update { state in
            state.summary.files += files
            state.summary.resumedBytes += bytes
            state.progress.files += files
            state.progress.totalFiles += files
            state.progress.bytes += bytes
            state.progress.totalBytes += bytes
        }
    }

    /// It is there under another name: somebody else has changed what it was made from.
    func conflict(_ path: String, _ copy: String) {
        state.withLock { $0.summary.conflicts.append(.init(path: path, copy: copy)) }
    }

    /// - Parameter place: What it happened to, where that isn't what was to be moved but where to.
    func failed(_ path: String, _ error: OfficeError, at place: String? = nil) {
        update { state in
            state.summary.failed.append(.init(path: path, error: error.about(place ?? path)))
            state.mark += 1
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let now = clock.now()
        let progress = state.withLock { state -> TransferProgress? in
            change(&state)
            if state.progress.bytes > state.mostBytes {
                state.mostBytes = state.progress.bytes
                state.mark += 1
            }
            if let last = state.reported, now - last < Self.interval { return nil }
            state.reported = now
            return measured(&state, now)
        }
        if let progress { report(progress) }
    }

    private func measured(_ state: inout State, _ now: Duration) -> TransferProgress {
        state.samples.append((now, state.movedAndVerified))
        while state.samples.count > 2, now - state.samples[1].at >= Self.window { state.samples.removeFirst() }
        var progress = state.progress
        if let first = state.samples.first, now > first.at {
            progress.rate = Double(state.movedAndVerified - first.bytes) / (now - first.at).inSeconds
        }
        if progress.rate > 0, progress.totalBytes >= progress.bytes {
            progress.secondsLeft = Double(progress.totalBytes - progress.bytes) / progress.rate
        }
        return progress
    }

    /// Everything, at the end; tells it as the last progress too.
    func finish(failure: OfficeError.Code?) -> TransferSummary {
        let now = clock.now()
        let (summary, progress) = state.withLock { state in
            var summary = state.summary
            summary.sources = state.sources.sorted { $0.key < $1.key }.map(\.value)
            summary.seconds = (now - start).inSeconds
            summary.failure = failure
            var progress = measured(&state, now)
            progress.isFinished = true
            return (summary, progress)
        }
        report(progress)
        return summary
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension TransferLedger {
    /// The codes of the failures noted since there were `count` of them.
    func codes(from count: Int) -> [OfficeError.Code] {
        failures(from: count).map(\.error.code)
    }
}
