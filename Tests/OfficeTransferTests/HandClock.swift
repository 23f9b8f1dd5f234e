import OfficeTransfer
import Synchronization

/// A clock without time of its own: a pause in the work is over at once and moves it; who watches beside the work
/// waits until it has been moved so far.
final class HandClock: Sendable {
    private struct State {
        var time = Duration.zero
        var next = 0
        var watchers: [Int: (deadline: Duration, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state = Mutex(State())

    var transferClock: TransferClock {
        TransferClock(
            now: { self.state.withLock { $0.time } },
            sleep: { duration in
                try Task.checkCancellation()
                self.advance(by: duration)
                await Task.yield()
            },
            watch: { try await self.watch(for: $0) })
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.time += duration
            let due = state.watchers.filter { $0.value.deadline <= state.time }
            for id in due.keys { state.watchers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    private func watch(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !Task.isCancelled else { return true }
                    state.watchers[id] = (state.time + duration, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.watchers.removeValue(forKey: id) }?.continuation.resume()
        }
        try Task.checkCancellation()
    }
}
