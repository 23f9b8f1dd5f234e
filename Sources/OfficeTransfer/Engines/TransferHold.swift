import Synchronization

/// Holds a transfer where it is, and lets it go on: nothing moves while it is held, and no time passes for it.
///
/// Time stands still in `clock` alone, by which patience, rates and limits of the transfer go: what is held for
/// a night is not given up as lost in the morning.
package final class TransferHold: Sendable {
    private struct State {
        /// When it was held; nil while it goes on.
        var since: Duration?
        /// How long it was held before.
        var held: Duration = .zero
        var nextTicket = 0
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
    }

    private let base: TransferClock
    private let state = Mutex(State())

    package init(clock: TransferClock = .continuous) { base = clock }

    package var isHeld: Bool { state.withLock { $0.since != nil } }

    /// Holds the transfer, again or still.
    package func hold() {
        let now = base.now()
        state.withLock { $0.since = $0.since ?? now }
    }

    /// Lets it go on.
    package func release() {
        let now = base.now()
        let waiting = state.withLock { state in
            if let since = state.since { state.held += now - since }
            state.since = nil
            defer { state.waiting = [:] }
            return state.waiting.values.map(\.self)
        }
        for continuation in waiting { continuation.resume(returning: true) }
    }

    /// Returns at once, or when the transfer goes on; throws where the task is cancelled.
    package func pass() async throws {
        guard isHeld else { return }
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let goesOn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    guard state.since != nil else { return true }
                    state.waiting[ticket] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: false)
        }
        guard goesOn else { throw CancellationError() }
    }

    /// The time of the transfer: that of its base, without what it was held for.
    var clock: TransferClock {
        TransferClock(
            now: {
                let now = self.base.now()
                return self.state.withLock { state in now - state.held - (state.since.map { now - $0 } ?? .zero) }
            }, sleep: base.sleep, watch: base.watch)
    }
}
