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

        mutating func takeWaiter() -> CheckedContinuation<Void, any Error>? {
            defer { (waiter, waitsForEnd) = (nil, false) }
            return waiter
        }
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
        let (failure, starts, mustWait) = state.withLock { state -> ((any Error)?, Bool, Bool) in
            guard state.failure == nil else { return (state.failure, false, false) }
            state.pending.append(piece)
            state.pendingBytes += piece.readableBytes
            let starts = !state.isRunning
            state.isRunning = true
            return (nil, starts, state.pendingBytes >= capacity)
        }
        if let failure { throw failure }
        if starts { pool.submit { self.work() } }
        if mustWait { try await wait(forEnd: false) }
    }

    /// Returns when everything that was pushed has been handled.
    func finish() async throws {
        try await wait(forEnd: true)
    }

    private func wait(forEnd: Bool) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let outcome = state.withLock { state -> Result<Void, any Error>? in
                if let failure = state.failure { return .failure(failure) }
                if forEnd ? !state.isRunning : state.pendingBytes < capacity { return .success(()) }
                state.waiter = continuation
                state.waitsForEnd = forEnd
                return nil
            }
            if let outcome { continuation.resume(with: outcome) }
        }
    }

    /// One call of the handler; the next goes to the end of the pool's queue, for fairness.
    private func work() {
        let (pieces, roomWaiter) = state.withLock { state in
            let pieces = state.pending
            state.pending = []
            state.pendingBytes = 0
            return (pieces, state.waitsForEnd ? nil : state.takeWaiter())
        }
        roomWaiter?.resume()
        let result = Result { try handler(pieces) }
        let (waiter, goesOn) = state.withLock { state in
            if case .failure(let error) = result {
                state.failure = error
                state.pending = []
            }
            state.isRunning = !state.pending.isEmpty
            return (state.isRunning ? nil : state.takeWaiter(), state.isRunning)
        }
        waiter?.resume(with: result)
        if goesOn { pool.submit { self.work() } }
    }
}
