import NIOCore
import Synchronization

/// Hands the pieces of a body to blocking code: in order, one call at a time, on the pool.
///
/// While one call works the next pieces gather, so that network and disk overlap and a call takes as much as has
/// come: one hop for many small pieces, and none waits for more. `push` waits once `capacity` bytes are gathered.
/// The first error of the handler ends it: every later `push` or `finish` throws it.
final class ByteInlet: Sendable {
    typealias Handler = @Sendable (_ pieces: [ByteBuffer]) throws -> Void

    private struct State {
        var pending: [ByteBuffer] = []
        var pendingBytes = 0
        var isRunning = false
        var failure: (any Error)?
        /// The one caller that waits, for room or for the end.
        var waiter: CheckedContinuation<Void, any Error>?
        var waitsForEnd = false
    }

    private let pool: WorkPool
    private let capacity: Int
    private let handler: Handler
    private let state = Mutex(State())

    init(pool: WorkPool, capacity: Int = 1 << 20, handler: @escaping Handler) {
        self.pool = pool
        self.capacity = capacity
        self.handler = handler
    }

    /// Takes a piece; returns when there is room for another. One caller at a time.
    func push(_ piece: ByteBuffer) async throws {
        let (failure, mustWait) = state.withLock { state -> ((any Error)?, Bool) in
            guard state.failure == nil else { return (state.failure, false) }
            state.pending.append(piece)
            state.pendingBytes += piece.readableBytes
            startIfIdle(&state)
            return (nil, state.pendingBytes >= capacity)
        }
        if let failure { throw failure }
        if mustWait { try await wait(forEnd: false) }
    }

    /// Returns when everything that was pushed has been handled.
    func finish() async throws {
        try await wait(forEnd: true)
    }

    private func wait(forEnd: Bool) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            state.withLock { state in
                if let failure = state.failure {
                    continuation.resume(throwing: failure)
                } else if forEnd ? !state.isRunning && state.pending.isEmpty : state.pendingBytes < capacity {
                    continuation.resume()
                } else {
                    state.waiter = continuation
                    state.waitsForEnd = forEnd
                }
            }
        }
    }

    private func startIfIdle(_ state: inout State) {
        guard !state.isRunning, !state.pending.isEmpty else { return }
        state.isRunning = true
        pool.submit { self.work() }
    }

    /// One call of the handler; the next goes to the end of the pool's queue, for fairness.
    private func work() {
        let pieces = state.withLock { state in
            let pieces = state.pending
            state.pending = []
            state.pendingBytes = 0
            if !state.waitsForEnd { Self.wake(&state, with: .success(())) }
            return pieces
        }
        let result = Result { try handler(pieces) }
        state.withLock { state in
            state.isRunning = false
            if case .failure(let error) = result {
                state.failure = error
                state.pending = []
                Self.wake(&state, with: result)
            } else if state.pending.isEmpty {
                Self.wake(&state, with: result)
            }
            startIfIdle(&state)
        }
    }

    private static func wake(_ state: inout State, with result: Result<Void, any Error>) {
        state.waiter?.resume(with: result)
        state.waiter = nil
        state.waitsForEnd = false
    }
}
