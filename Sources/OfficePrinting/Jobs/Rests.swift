import OfficeCore
import Synchronization

/// Jobs whose printer failed and that aren't tried again for a while; and what was said once. Not worth a disk: after
/// a restart they are tried at once.
final class Rests: Sendable {
    private let until = Mutex<[JobID: ContinuousClock.Instant]>([:])
    private let told = Mutex<Set<String>>([])

    func rest(_ id: JobID, for time: Duration) {
        until.withLock { rests in
            let now = ContinuousClock.now
            rests = rests.filter { $0.value > now }
            rests[id] = now + time
        }
    }

    func isResting(_ id: JobID) -> Bool {
        until.withLock { rests in rests[id].map { $0 > ContinuousClock.now } ?? false }
    }

    /// Whether this is the first time that this is said of that queue.
    func isNews(_ what: StaticString, of queue: Label) -> Bool {
        told.withLock { $0.insert("\(queue) \(what)").inserted }
    }
}
