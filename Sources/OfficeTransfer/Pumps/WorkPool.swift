import Dispatch
import NIOPosix
import OfficeCore
import Synchronization

/// The threads on which files are read, hashed and written: never an event loop, never Swift's cooperative pool.
///
/// Two pools: `work` for what keeps a processor or the disk busy, and more threads for fsync, which only wait
/// (file systems group the commits of those that wait together). Its threads end when it is let go.
package final class WorkPool: Sendable {
    private let work: NIOThreadPool
    private let syncing: NIOThreadPool
    private let syncThreads: Int

    package init(threads: Int = 8, syncThreads: Int = 16) {
        work = NIOThreadPool(numberOfThreads: threads)
        syncing = NIOThreadPool(numberOfThreads: syncThreads)
        self.syncThreads = syncThreads
        work.start()
        syncing.start()
    }

    deinit {
        work.shutdownGracefully { _ in }
        syncing.shutdownGracefully { _ in }
    }

    /// Runs blocking code on a thread of the pool. It runs to its end even if the caller is cancelled.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            submit { continuation.resume(with: Result(catching: body)) }
        }
    }

    /// As `run`, for a file system that may not answer: `.unavailable` where it took longer. What was begun goes on to its
    /// end on its thread, and its result is nobody's then.
    package func run<T: Sendable>(
        within seconds: Int, _ what: String, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
            let waiting = Mutex<CheckedContinuation<T, any Error>?>(continuation)
            let end: @Sendable (Result<T, any Error>) -> Void = { result in
                let continuation = waiting.withLock { waiting in
                    defer { waiting = nil }
                    return waiting
                }
                continuation?.resume(with: result)
            }
            submit { end(Result(catching: body)) }
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) {
                end(
                    .failure(
                        OfficeError(
                            .unavailable, what, "its file system doesn't answer",
                            mend: "Run the same again when it does.")))
            }
        }
    }

    /// Runs `body` soon. The pool is alive as long as anyone can call this, so nothing is ever refused.
    func submit(_ body: @escaping @Sendable () -> Void) {
        work.submit { _ in body() }
    }

    /// Calls `body` for each index below `count`, several at a time, and waits. For threads of `work` only: it
    /// blocks the caller.
    func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        guard count > 1 else {
            if count == 1 { body(0) }
            return
        }
        let next = Mutex(0)
        let group = DispatchGroup()
        for _ in 0..<min(count, syncThreads) {
            group.enter()
            syncing.submit { _ in
                defer { group.leave() }
                while let index = next.withLock({ $0.nextIndex(below: count) }) { body(index) }
            }
        }
        group.wait()
    }
}

extension Int {
    fileprivate mutating func nextIndex(below count: Int) -> Int? {
        guard self < count else { return nil }
        defer { self += 1 }
        return self
    }
}
