internal import Dispatch

/// A serial executor over a private queue: libcups blocks, and keeps it off the cooperative pool.
/// (`DispatchSerialQueue`, which is an executor itself, doesn't exist on Linux.)
final class CUPSExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "officeshare.cups")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
