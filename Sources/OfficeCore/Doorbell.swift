import Synchronization

/// Wakes one who waits: rung while nobody does, the next wait returns at once.
///
/// A wait that ends by its time leaves the bell as it is. (An `AsyncStream` doesn't do: when an iteration of it is
/// cancelled the stream is over, and whoever waits in a loop spins from then on.)
package final class Doorbell: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Bool, Never>?

        mutating func takeWaiter() -> CheckedContinuation<Bool, Never>? {
            defer { waiter = nil }
            return waiter
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func ring() {
        let waiter = state.withLock { state in
            state.isRung = state.waiter == nil
            return state.takeWaiter()
        }
        waiter?.resume(returning: true)
    }

    /// Waits until it is rung, or for so long, or until the caller is cancelled; true where it was rung. One caller
    /// at a time.
    package func wait(for time: Duration? = nil) async -> Bool {
        guard let time else { return await rung() }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.rung() }
            group.addTask {
                try? await Task.sleep(for: time)
                return false
            }
            var isRung = await group.next() ?? false
            group.cancelAll()
            // It may have been rung while the time was up.
            while let other = await group.next() { isRung = isRung || other }
            return isRung
        }
    }

    private func rung() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.isRung {
                        state.isRung = false
                        return true
                    }
                    if Task.isCancelled { return false }
                    state.waiter = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.takeWaiter() }?.resume(returning: false)
        }
    }
}
