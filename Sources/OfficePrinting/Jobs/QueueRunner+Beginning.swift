import Logging
import OfficeCore
import PrintPermit

// How a job that CUPS has is begun: by the gate before its queue, which is open for that moment alone.
extension QueueRunner {
    /// Has CUPS begin a job that it holds, or that waits at the gate.
    ///
    /// - Parameter found: As CUPS has it; nil where it was just given to it.
    func begin(
        _ job: ReceivedJob, _ number: Int32, _ user: String, _ found: CUPSJob? = nil
    ) async throws(OfficeError) {
        let queue = job.ticket.queue
        let isHeld = found.map { $0.state == .held } ?? true
        // Brought to another queue by hand: whoever did that wants it there.
        if let found, found.queue != queue, found.gate != queue {
            return try await beginWithoutGate(job, number, user, isHeld)
        }
        guard let status = try await scheduler.states()[queue] else {
            throw OfficeError(.notFound, "\(queue)", "the queue does not exist")
        }
        guard try await hasGate(queue, status) else {
            return try await beginWithoutGate(job, number, user, isHeld)
        }
        if found?.gate != queue { try await scheduler.moveToGate(number, of: queue, as: user) }
        if isHeld {
            // Nothing else may go through with it: what a job left there that has been given up.
            for other in try await scheduler.jobs(atGate: queue) where other.number != number && other.state == .pending
            {
                try await scheduler.hold(other.number, as: other.user)
            }
            try await scheduler.release(number, as: user)
        }
        guard status.state != .stopped, status.accepting, !rests.isResting(job.id) else { return }
        let isFree = status.state == .idle
        // Busy with another's job: both wait in CUPS for their turn. But what nothing else keeps from being begun again
        // never stands at an open gate, and waits for the queue to be free.
        if !isFree, try await !isGuarded(number) { return }
        await watch()
        _ = permits.grant(number)
        // On the gate before it is written down: so this cupsd is known again, too, if officeshared dies before the pulse.
        let mark = CUPSGate.freshMark()
        try await scheduler.setGate(queue, open: false, mark: mark)
        _ = try await jobs.update(job.id) { record in
            record.stage = .submitted
            record.isAtOpenGate = !isFree
            record.mark = mark
        }
        guard isFree else { return try await scheduler.setGate(queue, open: true) }
        if try await !scheduler.pulseGate(queue, mark: mark) {
            logger.notice(
                "this cupsd may have written down that the queue's gate was open", metadata: [LogKey.queue: "\(queue)"])
        }
    }

    private func isGuarded(_ number: Int32) async throws(OfficeError) -> Bool {
        try await scheduler.job(number)?.isGuarded == true
    }

    private func beginWithoutGate(
        _ job: ReceivedJob, _ number: Int32, _ user: String, _ isHeld: Bool
    ) async throws(OfficeError) {
        guard isHeld, !rests.isResting(job.id) else { return }
        if try await !isGuarded(number), rests.isNews("guard", of: job.ticket.queue) {
            logger.warning(
                "a job may come out twice if cupsd is killed while it prints it: there is no gate before the queue, and nothing else either",
                metadata: [LogKey.queue: "\(job.ticket.queue)"])
        }
        await watch()
        _ = permits.grant(number)
        _ = try await jobs.update(job.id) { $0.stage = .submitted }
        try await scheduler.release(number, as: user)
    }

    /// Only a cupsd without a history needs it: where it can't be had, jobs are printed all the same.
    private func watch() async {
        do throws(OfficeError) {
            try await scheduler.watchEndings()
        } catch {
            logger.debug("CUPS doesn't note how jobs end", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Whether there is a gate, made where there was none. A cupsd that doesn't allow that prints all the same, and
    /// begins a job again when it was killed, which `officeshare-begin` then refuses where the queue has a driver.
    private func hasGate(_ queue: Label, _ status: QueueStatus) async throws(OfficeError) -> Bool {
        if status.gate?.isWhole == true { return true }
        do throws(OfficeError) {
            try await scheduler.makeGate(queue)
            return true
        } catch {
            guard error.code == .notAllowed || error.code == .malformed else { throw error }
            if rests.isNews("gate", of: queue) {
                logger.warning(
                    "CUPS lets officeshare make no class: officeshare-begin alone keeps jobs from coming out twice",
                    metadata: [LogKey.error: "\(error)", LogKey.queue: "\(queue)"])
            }
            return false
        }
    }

    // MARK: Tries that failed

    /// A class has no error policy: CUPS gives back what its queue couldn't print. Done is what the queue's own policy
    /// (cupsd.conf(5), `ErrorPolicy`) says; but a job is never given up for the number of its tries.
    func failed(_ job: ReceivedJob, _ found: CUPSJob, _ status: QueueStatus) async throws(OfficeError) {
        switch status.errorPolicy {
        case "retry-current-job": break
        case "abort-job":
            _ = try await jobs.update(job.id) { record in
                record.stage = .ended
                record.report.state = .aborted
                record.report.reasons = ["the printer failed, and its queue's error policy is to abort the job"]
                record.report.completed = .now
            }
            try await scheduler.cancel(found.number, as: await submitter(job))
        case "stop-printer":
            try await scheduler.pauseQueue(job.ticket.queue)
        default:
            rests.rest(job.id, for: .seconds(30))
        }
    }
}
