import NIOConcurrencyHelpers

/// Cancels one child of a task group, which a group itself can't.
final class CancelToken: Sendable {
    private struct State {
        var isCancelled = false
        var task: Task<Void, Never>?
    }

    private let state = NIOLockedValueBox(State())

    /// Runs `body` until it ends, the token is cancelled, or the caller is.
    func run(_ body: @escaping @Sendable () async -> Void) async {
        let task = Task { await body() }
        let cancelled = state.withLockedValue { state in
            state.task = task
            return state.isCancelled
        }
        if cancelled { task.cancel() }
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    func cancel() {
        let task = state.withLockedValue { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }
}
