import NIOCore
import Synchronization

/// Makes the pieces of a body by blocking code on the pool, a few ahead of who takes them, so that reading and
/// hashing overlap with sending. Never more than `depth` pieces wait.
final class ByteOutlet: Sendable {
    /// The next piece; nil at the end. Called by one thread at a time.
    typealias Maker = @Sendable () throws -> ByteBuffer?

    private struct State {
        var ready: [ByteBuffer] = []
        var isRunning = false
        var isFinished = false
        var isClosed = false
        var failure: (any Error)?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let pool: WorkPool
    private let depth: Int
    private let make: Maker
    private let state = Mutex(State())

    init(pool: WorkPool, depth: Int = 2, make: @escaping Maker) {
        self.pool = pool
        self.depth = depth
        self.make = make
    }

    /// The next piece, or nil after the last. One caller at a time.
    func next() async throws -> ByteBuffer? {
        while true {
            let step: ByteBuffer?? = try state.withLock { state in
                defer { startIfIdle(&state) }
                if !state.ready.isEmpty { return .some(.some(state.ready.removeFirst())) }
                if let failure = state.failure { throw failure }
                return state.isFinished ? .some(nil) : nil
            }
            if let step { return step }
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    if state.ready.isEmpty && !state.isFinished {
                        state.waiter = continuation
                    } else {
                        continuation.resume()
                    }
                }
            }
        }
    }

    /// Hands `sign` to who waits for a piece that takes long to make; nothing happens where nobody waits.
    func nudge(with sign: ByteBuffer) {
        state.withLock { state in
            guard state.ready.isEmpty, let waiter = state.waiter, !state.isClosed else { return }
            state.ready.append(sign)
            state.waiter = nil
            waiter.resume()
        }
    }

    /// Nobody takes any more: returns when the maker is at rest, so that what it works on can be closed.
    func close() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                state.isClosed = true
                if state.isRunning {
                    state.waiter = continuation
                } else {
                    continuation.resume()
                }
            }
        }
    }

    private func startIfIdle(_ state: inout State) {
        guard !state.isRunning, !state.isFinished, !state.isClosed, state.ready.count < depth else { return }
        state.isRunning = true
        pool.submit { self.work() }
    }

    private func work() {
        let result = Result { try make() }
        state.withLock { state in
            state.isRunning = false
            switch result {
            case .success(let piece?): state.ready.append(piece)
            case .success(nil): state.isFinished = true
            case .failure(let error):
                state.failure = error
                state.isFinished = true
            }
            startIfIdle(&state)
            state.waiter?.resume()
            state.waiter = nil
        }
    }
}
