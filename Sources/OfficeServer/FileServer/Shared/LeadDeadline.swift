import NIOConcurrencyHelpers
import NIOCore
import OfficeCore
import OfficeStore
import OfficeTransfer

/// Has who waits for an exchange hear of it when the space's lead is over and the store still doesn't answer: calls of a
/// distributed file system can hang for a minute and a half, and nobody can end them.
enum LeadDeadline {
    private static let look = Duration.milliseconds(500)
    /// After the lead's end: what is under way hears of it by itself, where the store answers.
    private static let grace = Duration.seconds(3)

    /// Runs `body` until it ends or the lead is over. What hangs then goes on by itself, and what it writes goes nowhere.
    static func run(
        _ lease: SpaceLease?, _ write: @escaping BodyWriter,
        _ body: @escaping @Sendable (_ write: @escaping BodyWriter) async throws -> Void
    ) async throws {
        guard let lease else { return try await body(write) }
        let isOver = NIOLockedValueBox(false)
        let (ends, end) = AsyncStream.makeStream(of: (any Error)?.self, bufferingPolicy: .bufferingOldest(1))
        let work = Task {
            do {
                try await body { piece in
                    if isOver.withLockedValue({ $0 }) { throw CancellationError() }
                    try await write(piece)
                }
                end.yield(nil)
            } catch {
                end.yield(error)
            }
            end.finish()
        }
        let watch = Task {
            while lease.isHeld { try await Task.sleep(for: Self.look) }
            try await Task.sleep(for: Self.grace)
            end.yield(ServingFence.moving)
            end.finish()
        }
        defer {
            watch.cancel()
            isOver.withLockedValue { $0 = true }
        }
        try await withTaskCancellationHandler {
            for await failure in ends {
                work.cancel()
                if let failure { throw failure }
                return
            }
            throw CancellationError()
        } onCancel: {
            work.cancel()
        }
    }
}
