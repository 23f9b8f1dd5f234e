import NIOCore
import Synchronization

/// Makes the pieces of a body by blocking code on the pool, a few ahead of who takes them, so that reading and
/// hashing overlap with sending. Never more than `depth` pieces wait; when all but one are taken, the maker makes
/// several at once again, so that threads are seldom woken.
final class ByteOutlet: Sendable {
    /// The next piece; nil at the end. Called by one thread at a time.
    typealias Maker = @Sendable () throws -> ByteBuffer?

    /// Pieces made in one go, before others on the pool have their turn.
    private static let burst = 8

    private struct State {
        var ready: [ByteBuffer] = []
        var isRunning = false
        var isFinished = false
        var isClosed = false
        var failure: (any Error)?
        var waiter: CheckedContinuation<Void, Never>?

        /// Whether the maker has to be started; it counts as running then.
        mutating func start() -> Bool {
            guard !isRunning, !isFinished, !isClosed, ready.count <= 1 else { return false }
            isRunning = true
            return true
        }
    }

    private enum Step {
        case piece(ByteBuffer)
        case end
        case failed(any Error)
        case wait
    }

    private let pool: WorkPool
    private let depth: Int
    private let make: Maker
    private let state = Mutex(State())

    init(pool: WorkPool, depth: Int = 3, make: @escaping Maker) {
        self.pool = pool
        self.depth = depth
        self.make = make
    }

    /// The next piece, or nil after the last. One caller at a time.
    func next() async throws -> ByteBuffer? {
        while true {
            let (step, starts) = state.withLock { state -> (Step, Bool) in
                let step: Step =
                    if !state.ready.isEmpty {
                        .piece(state.ready.removeFirst())
                    } else if let failure = state.failure {
                        .failed(failure)
                    } else {
                        state.isFinished ? .end : .wait
                    }
                return (step, state.start())
            }
            if starts { pool.submit { self.work() } }
            switch step {
            case .piece(let piece): return piece
            case .end: return nil
            case .failed(let error): throw error
            case .wait: await wait()
            }
        }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard state.ready.isEmpty, !state.isFinished else { return true }
                state.waiter = continuation
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Hands `sign` to who waits for a piece that takes long to make; nothing happens where nobody waits.
    func nudge(with sign: ByteBuffer) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.ready.isEmpty, !state.isClosed, let waiter = state.waiter else { return nil }
            state.ready.append(sign)
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Nobody takes any more: returns when the maker is at rest, so that what it works on can be closed.
    func close() async {
        await withCheckedContinuation { continuation in
            let isAtRest = state.withLock { state in
                state.isClosed = true
                guard state.isRunning else { return true }
                state.waiter = continuation
                return false
            }
            if isAtRest { continuation.resume() }
        }
    }

    private func work() {
        for _ in 0..<Self.burst {
            let result = Result { try make() }
            let (waiter, goesOn) = state.withLock { state in
                switch result {
                case .success(let piece?): state.ready.append(piece)
                case .success(nil): state.isFinished = true
                case .failure(let error): (state.failure, state.isFinished) = (error, true)
                }
                state.isRunning = !state.isFinished && !state.isClosed && state.ready.count < depth
                defer { state.waiter = nil }
                return (state.waiter, state.isRunning)
            }
            waiter?.resume()
            guard goesOn else { return }
        }
        pool.submit { self.work() }
    }
}
