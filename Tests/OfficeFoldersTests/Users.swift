import CLinux
import Glibc
import Synchronization

/// Users that exist on no machine: an owner of a folder, the service's user, and somebody else.
enum User {
    static let owner: UInt32 = 61001
    static let service: UInt32 = 61002
    static let other: UInt32 = 61003
}

private final class Job<Result: Sendable>: Sendable {
    private let body: @Sendable () -> Result
    private let result = Mutex<Result?>(nil)

    init(_ body: @escaping @Sendable () -> Result) { self.body = body }

    func run() {
        let result = body()
        self.result.withLock { $0 = result }
    }

    func take() -> Result? { result.withLock { $0 } }
}

/// A thread of its own, which can be waited for.
struct Errand<Result: Sendable>: Sendable {
    private let job: Job<Result>
    private let thread: pthread_t

    init(_ body: @escaping @Sendable () -> Result) {
        job = Job(body)
        var thread = pthread_t()
        // The thread takes over this reference and releases it when it is done.
        let context = Unmanaged.passRetained(JobBox(run: job.run))
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<JobBox>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        self.thread = thread
    }

    /// Waits for its end, once.
    func join() -> Result? {
        pthread_join(thread, nil)
        return job.take()
    }
}

private final class JobBox: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Does something as another user, on a thread that is that user for good.
func asUser<Value: Sendable>(_ user: UInt32, _ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let answer = Errand<Swift.Result<Value, any Error>> {
        guard os_thread_become(user, user) == 0 else { return .failure(NotThatUser()) }
        return Swift.Result { try body() }
    }.join()
    guard let answer else { throw NotThatUser() }
    return try answer.get()
}

struct NotThatUser: Error {}
