import OfficeCore
import OfficeTrust
import Synchronization

/// The jobs that were begun and whose document isn't whole yet, and those that ended that way: the desk knows a job only
/// once it is finished. Holds how many there may be.
actor OpenJobs {
    enum Stage: Sendable, Equatable {
        /// Create-Job was answered; its document is still to come.
        case waiting
        case receiving
        /// The document is there, and the caller hasn't said that it was the last.
        case received
        /// A submission that the desk had already: whatever is sent of it is thrown away.
        case known
        case ended
    }

    struct Job: Sendable {
        let number: Int32
        var report: JobReport
        let account: UserName
        let speaksForOthers: Bool
        var stage: Stage
        var deadline: ContinuousClock.Instant
        /// Stops a document that is being received.
        let stop: StopFlag

        var isOpen: Bool { stage != .ended }
    }

    private struct Key: Hashable {
        let queue: String
        let number: Int32
    }

    /// Ended ones that are still told about.
    private static let mostEnded = 256

    private let limits: EndpointLimits
    private var jobs: [Key: Job] = [:]
    private var ended: [Key] = []
    /// Places taken by submissions that the desk hasn't answered yet, by account.
    private var reserved: [UserName: Int] = [:]

    init(limits: EndpointLimits) { self.limits = limits }

    // MARK: Beginning

    /// Takes a place for one more job, until `open` or `giveBack`. Throws `.busy` where there is none. Answers the job
    /// that was begun with the same UUID and left, for it to be given up.
    func reserve(for caller: EndpointCaller, id: JobID?) throws(IPPRefusal) -> Job? {
        let left = id.flatMap { id in jobs.values.first { $0.report.id == id && $0.isOpen && $0.stage != .known } }
        guard left?.stage != .receiving else {
            throw IPPRefusal(.busy, "this job's document is being received already")
        }
        if let left, left.report.user != caller.user(claiming: left.report.user.description) {
            throw IPPRefusal(.notPossible, "a job with this UUID is somebody else's")
        }
        let open = jobs.values.filter(\.isOpen)
        guard open.count + reserved.values.reduce(0, +) < limits.openJobs else {
            throw IPPRefusal(.busy, "\(limits.openJobs) jobs wait for their documents, the most there may be")
        }
        if !caller.speaksForOthers {
            let own = open.count { $0.account == caller.account && !$0.speaksForOthers }
            guard own + reserved[caller.account, default: 0] < limits.openJobsPerUser else {
                throw IPPRefusal(
                    .busy, "\(limits.openJobsPerUser) of your jobs wait for their documents, the most there may be")
            }
        }
        reserved[caller.account, default: 0] += 1
        return left
    }

    func giveBack(for caller: EndpointCaller) {
        reserved[caller.account, default: 1] -= 1
        if reserved[caller.account] == 0 { reserved[caller.account] = nil }
    }

    /// The place becomes a job. One with the same UUID, begun before and left, makes room.
    func open(_ job: Job, of queue: String, caller: EndpointCaller) {
        giveBack(for: caller)
        jobs[Key(queue: queue, number: job.number)] = job
    }

    // MARK: Going on

    func job(_ number: Int32, of queue: String) -> Job? { jobs[Key(queue: queue, number: number)] }

    /// All that the desk doesn't know, in no order.
    func all(of queue: String) -> [Job] {
        jobs.filter { $0.key.queue == queue && $0.value.stage != .known }.map(\.value)
    }

    func setStage(_ stage: Stage, _ number: Int32, of queue: String, deadline: ContinuousClock.Instant) {
        jobs[Key(queue: queue, number: number)]?.stage = stage
        jobs[Key(queue: queue, number: number)]?.deadline = deadline
    }

    /// The desk has it from here.
    func close(_ number: Int32, of queue: String) { jobs[Key(queue: queue, number: number)] = nil }

    /// It came to nothing. It is told about for a while.
    func end(_ number: Int32, of queue: String, as state: JobState, _ reason: String, at time: Timestamp) {
        let key = Key(queue: queue, number: number)
        guard var job = jobs[key], job.isOpen else { return }
        job.stop.set()
        job.stage = .ended
        job.report.state = state
        job.report.reasons = [reason]
        job.report.completed = time
        jobs[key] = job
        ended.append(key)
        while ended.count > Self.mostEnded {
            let oldest = ended.removeFirst()
            if jobs[oldest]?.stage == .ended { jobs[oldest] = nil }
        }
    }

    /// Ends what has waited too long, and answers what the desk is to forget.
    func expire(now: ContinuousClock.Instant, at time: Timestamp) -> [JobID] {
        var forgotten: [JobID] = []
        for (key, job) in jobs where job.isOpen && job.stage != .receiving && job.deadline <= now {
            if job.stage == .known {
                jobs[key] = nil
                continue
            }
            end(key.number, of: key.queue, as: .aborted, "job-data-insufficient", at: time)
            forgotten.append(job.report.id)
        }
        return forgotten
    }
}

/// Set once, by whoever cancels.
final class StopFlag: Sendable {
    private let state = Mutex(false)
    func set() { state.withLock { $0 = true } }
    var isSet: Bool { state.withLock { $0 } }
}
