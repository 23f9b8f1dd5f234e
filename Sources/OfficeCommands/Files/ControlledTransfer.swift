import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeTransfer
import Synchronization

/// A command's transfer as its daemon lists it: paused, gone on with and cancelled by `officeshare transfers`.
///
/// One connection to the daemon stands for it as long as it runs. Without one the transfer goes on all the same.
final class ControlledTransfer: Sendable {
    /// How often the daemon is told how far it is, and after how many such ticks without a change nothing moves.
    private static let tick = Duration.milliseconds(250)
    private static let ticksOfRest = 8
    /// Ticks after which something is said in any case: a silent connection would be closed.
    private static let ticksOfSilence = 8
    private static let breath = Duration.seconds(1)

    private let kind: TransferModel.Kind
    private let path: String
    private let client: ControlClient
    private let standing = Mutex(TransferStanding())
    private let wasCancelled = Atomic(false)
    let hold = TransferHold()

    private init(_ kind: TransferModel.Kind, _ path: String, client: ControlClient) {
        self.kind = kind
        self.path = path
        self.client = client
    }

    /// Runs a transfer of which the daemon knows.
    ///
    /// - Parameter options: How it is to be done; the operation gets them with what lets it be held and watched.
    static func run<Answer: Sendable>(
        _ kind: TransferModel.Kind, _ path: String, _ options: TransferOptions, in session: Session,
        _ operation: @escaping @Sendable (TransferOptions) async throws -> Answer
    ) async throws -> Ended<Answer> {
        let this = ControlledTransfer(kind, path, client: session.client)
        var options = options
        let progress = options.progress
        options.hold = this.hold
        options.progress = {
            this.standing.withLock { [new = TransferStanding($0)] in $0 = new }
            progress($0)
        }
        let watched = options
        let work = Task { try await operation(watched) }
        return try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await this.stand { work.cancel() } }
                defer { tasks.cancelAll() }
                do {
                    let answer = try await work.value
                    if let summary = answer as? TransferSummary { await this.tellRejections(summary) }
                    return Ended(answer: answer, cancellation: this.cancellation)
                } catch {
                    throw this.cancellation ?? error
                }
            }
        } onCancel: {
            work.cancel()
        }
    }

    struct Ended<Answer: Sendable>: Sendable {
        let answer: Answer
        /// Why it isn't whole, where it was cancelled.
        let cancellation: OfficeError?
    }

    private var cancellation: OfficeError? {
        guard wasCancelled.load(ordering: .acquiring) else { return nil }
        return OfficeError(
            .temporary, kind.rawValue, "it was cancelled with 'officeshare transfers cancel'",
            mend: "Run the same again: it goes on where it stopped.")
    }

    /// Has the daemon's log name who sent what was wrong: who uploads hears from no source.
    private func tellRejections(_ summary: TransferSummary) async {
        let liars = summary.sources.filter { $0.rejected > 0 }
        guard kind != .put, !liars.isEmpty else { return }
        try? await client.perform(
            .post, "/v1/transfers/rejections", TransferRejections(path: path, sources: Array(liars.prefix(64))))
    }

    /// Keeps the transfer on the daemon's list until the task is cancelled, also with a daemon that was started anew.
    private func stand(cancel: @escaping @Sendable () -> Void) async {
        while !Task.isCancelled {
            do {
                try await client.converse("/v1/transfers", send: { try await self.tell($0) }) { line in
                    try self.carryOut(line, cancel)
                }
            } catch let error as OfficeError where error.code == .unavailable || error.code == .temporary {
                // The daemon is away; whoever paused it can go on with it when that is back.
            } catch {
                // It doesn't want to know of it: nobody could let it go on.
                return hold.release()
            }
            try? await Task.sleep(for: Self.breath)
        }
    }

    private func tell(_ write: BodyWriter) async throws {
        try await write(JSONText.line(TransferOpening(kind: kind, path: path, paused: hold.isHeld)))
        var told: TransferStanding?
        var (resting, silent) = (0, 0)
        while true {
            var now = standing.withLock { $0 }
            resting = now.bytes == told?.bytes ? resting + 1 : 0
            if resting >= Self.ticksOfRest { now.rate = 0 }
            if now != told || silent >= Self.ticksOfSilence {
                try await write(JSONText.line(now))
                (told, silent) = (now, 0)
            }
            silent += 1
            try await Task.sleep(for: Self.tick)
        }
    }

    private func carryOut(_ line: String, _ cancel: () -> Void) throws {
        guard !line.isEmpty else { return }
        switch try JSONText.decode(TransferOrder.self, line) {
        case .pause: hold.hold()
        case .resume: hold.release()
        case .cancel:
            wasCancelled.store(true, ordering: .releasing)
            cancel()
        }
    }
}
