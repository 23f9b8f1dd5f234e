import Synchronization

/// One bound for the bytes of bodies that all connections of a node hold: what has come and nobody has taken, and what
/// was handed over and hasn't left.
///
/// Whoever holds something has the same part of it, so that twenty transfers take no more memory than one. Who holds
/// nothing may always go on, by one piece: nobody ever waits for another's reader, and what is held is at most the
/// capacity and a piece for each connection.
package final class ByteBudget: Sendable {
    package static let defaultCapacity = 16 << 20
    /// More than this makes no connection faster.
    package static let mostEach = 2 << 20

    private struct State {
        var capacity: Int
        /// Bytes, and those who hold some of them.
        var held = 0
        var holders = 0
    }

    private let state: Mutex<State>

    package init(capacity: Int = ByteBudget.defaultCapacity) {
        state = Mutex(State(capacity: capacity))
    }

    /// From now on this bound holds; what is held already goes as it would have gone.
    package func configure(capacity: Int) { state.withLock { $0.capacity = capacity } }

    /// Bytes that are held now.
    package var held: Int { state.withLock { $0.held } }

    /// What one side of one connection holds.
    package func account() -> Account { Account(of: self) }

    private func change(by bytes: Int, from held: Int) {
        guard bytes != 0 else { return }
        state.withLock { state in
            state.held += bytes
            if held == 0 { state.holders += 1 }
            if held + bytes == 0 { state.holders -= 1 }
        }
    }

    /// Whether somebody who holds that much may hold more.
    private func allows(_ held: Int) -> Bool {
        guard held > 0 else { return true }
        return state.withLock { state in
            state.held < state.capacity && held < min(Self.mostEach, state.capacity / max(state.holders, 1))
        }
    }
}

extension ByteBudget {
    /// One side of one connection. Gives back what it holds when it is let go.
    package final class Account: Sendable {
        private struct State {
            var held = 0
            var isClosed = false
            /// The one that waits until it may go on.
            var waiter: (@Sendable () -> Void)?
        }

        private let budget: ByteBudget
        private let state = Mutex(State())

        fileprivate init(of budget: ByteBudget) {
            self.budget = budget
        }

        deinit { close() }

        package var held: Int { state.withLock { $0.held } }

        package func hold(_ bytes: Int) {
            state.withLock { state in
                guard !state.isClosed else { return }
                budget.change(by: bytes, from: state.held)
                state.held += bytes
            }
        }

        /// Gives back that much, or what there is.
        package func release(_ bytes: Int) {
            let waiter = state.withLock { state -> (@Sendable () -> Void)? in
                let given = min(bytes, state.held)
                budget.change(by: -given, from: state.held)
                state.held -= given
                return budget.allows(state.held) ? state.waiter.take() : nil
            }
            waiter?()
        }

        /// Gives back everything, for good: the connection is gone. Nobody waits any more.
        package func close() {
            let waiter = state.withLock { state -> (@Sendable () -> Void)? in
                budget.change(by: -state.held, from: state.held)
                (state.held, state.isClosed) = (0, true)
                return state.waiter.take()
            }
            waiter?()
        }

        /// Whether more may be held now. If not, `again` is called once it may. One caller at a time.
        package func mayGoOn(orCall again: @escaping @Sendable () -> Void) -> Bool {
            state.withLock { state in
                guard !state.isClosed, !budget.allows(state.held) else { return true }
                state.waiter = again
                return false
            }
        }

        /// Returns once more may be held. One caller at a time.
        package func settle() async throws {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if mayGoOn(orCall: { continuation.resume() }) {
                        continuation.resume()
                    } else if Task.isCancelled {
                        giveUp()
                    }
                }
            } onCancel: {
                giveUp()
            }
            try Task.checkCancellation()
        }

        private func giveUp() {
            let waiter = state.withLock { $0.waiter.take() }
            waiter?()
        }
    }
}
