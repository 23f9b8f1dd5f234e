package import Logging
package import OfficeCore
import OfficeTrust
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// Takes received jobs into CUPS and follows them there: each queue in order, one job at a time, each exactly once.
///
/// One at a time, because a cupsd that is killed forgets what it took in the last half minute: what waits in our
/// spool can't be forgotten, and of what was in CUPS nobody could tell whether it was printed.
package struct QueueRunner: Service {
    /// How often a job in CUPS is looked at: soon after it was submitted, and when nothing moves.
    private static let shortPause = Duration.milliseconds(100)
    private static let longPause = Duration.seconds(1)
    /// Looks without a change before the longer pause.
    private static let patience = 50

    private let jobs: ReceivedJobs
    private let scheduler: CUPSScheduler
    private let work: AsyncStream<Label>
    private let nodeName: @Sendable (JobReport) async -> String
    private let logger: Logger

    /// - Parameters:
    ///   - work: Queues that have something to do, as `ReceivedJobs` tells them.
    ///   - nodeName: The submitting node's name, for CUPS's `job-originating-user-name`.
    package init(
        jobs: ReceivedJobs, scheduler: CUPSScheduler, work: AsyncStream<Label>,
        nodeName: @escaping @Sendable (JobReport) async -> String, logger: Logger
    ) {
        self.jobs = jobs
        self.scheduler = scheduler
        self.work = work
        self.nodeName = nodeName
        self.logger = logger
    }

    package func run() async throws {
        let lanes = Lanes<Label>()
        await withDiscardingTaskGroup { group in
            for queue in await jobs.busyQueues {
                lanes.wake(queue) { lane in group.addTask { await keep(lane, lanes) } }
            }
            for await queue in work.cancelOnGracefulShutdown() {
                lanes.wake(queue) { lane in group.addTask { await keep(lane, lanes) } }
            }
            group.cancelAll()
        }
    }

    /// Works on one queue until nothing is left to do.
    private func keep(_ lane: Lanes<Label>.Lane, _ lanes: Lanes<Label>) async {
        var idle = 0
        while !Task.isCancelled {
            let before = await jobs.active(in: lane.key)
            if before.isEmpty {
                if lanes.end(lane) { return }
                continue
            }
            var isStuck = false
            do throws(OfficeError) {
                try await step(before, lane.key)
            } catch {
                isStuck = true
                logger.debug(
                    "a queue can't go on now", metadata: [LogKey.error: "\(error)", LogKey.queue: "\(lane.key)"])
                await explain(error, to: lane.key)
            }
            idle = await jobs.active(in: lane.key) == before ? idle + 1 : 0
            _ = await lane.pause(isStuck || idle >= Self.patience ? Self.longPause : Self.shortPause)
        }
    }

    /// Why the jobs that wait do so.
    private func explain(_ error: OfficeError, to queue: Label) async {
        for job in await jobs.active(in: queue) where !job.isHeld && (job.stage == .spooled || job.stage == .creating) {
            _ = try? await jobs.update(job.id) { record in
                record.report.state = .waiting
                record.report.reasons = [error.why]
            }
        }
    }

    // MARK: One step

    private func step(_ active: [ReceivedJob], _ queue: Label) async throws(OfficeError) {
        var isOccupied = false
        for job in active where job.isInCUPS {
            let now = try await follow(job)
            // Only what waits for somebody's release lets others pass.
            if now.isInCUPS, now.report.state != .held { isOccupied = true }
        }
        guard !isOccupied else { return }
        // Read anew: what turned out never to have been in CUPS goes there before what came after it.
        for job in await jobs.active(in: queue) where job.stage == .spooled {
            if job.isCanceled {
                _ = try await jobs.change(job.id, .cancel, by: nil)
            } else if !job.isHeld {
                return try await submit(job)
            }
        }
    }

    private func submit(_ job: ReceivedJob) async throws(OfficeError) {
        let document = try await openDocument(job)
        defer { close(document) }
        _ = try await jobs.update(job.id) { $0.stage = .creating }
        let user = "\(job.ticket.user)@\(await nodeName(job.report))"
        let number: Int32
        do throws(OfficeError) {
            number = try await scheduler.createJob(
                CUPSWish(
                    queue: job.ticket.queue, id: job.id, attempt: job.ticket.attempt, user: user,
                    title: job.ticket.title, attributes: job.ticket.attributes))
        } catch {
            guard error.code != .unavailable, error.code != .temporary else { throw error }
            try await refused(job, error)
            return
        }
        _ = try await jobs.update(job.id) { record in
            record.number = number
            record.report.state = .pending
            record.report.reasons = []
        }
        try await send(job, document, number, user)
    }

    private func send(_ job: ReceivedJob, _ document: CInt, _ number: Int32, _ user: String) async throws(OfficeError) {
        do throws(OfficeError) {
            try await scheduler.sendDocument(
                document, format: job.ticket.format, to: number, on: job.ticket.queue, user: user
            ) { () async throws(OfficeError) in
                _ = try await jobs.update(job.id) { $0.stage = .sending }
            }
        } catch {
            // Without an answer to the whole document nobody knows whether CUPS took it; to any other it said no.
            guard error.code != .unavailable else { throw error }
            if error.code == .temporary || error.code == .noSpace {
                _ = try await jobs.update(job.id) { $0.stage = .creating }
                throw error
            }
            // Written down first: what is found to be canceled in CUPS is taken to be so at somebody's wish.
            _ = try await jobs.update(job.id) { record in
                record.stage = .spooled
                record.number = nil
            }
            try? await scheduler.cancel(number, as: user)
            try await refused(job, error)
            return
        }
        _ = try await jobs.update(job.id) { $0.stage = .submitted }
    }

    /// CUPS won't have it: said, not tried for ever. A queue that isn't there may come back.
    private func refused(_ job: ReceivedJob, _ error: OfficeError) async throws(OfficeError) {
        guard error.code != .notFound, error.code != .notAllowed, error.code != .noSpace, error.code != .io else {
            _ = try await jobs.update(job.id) { $0.stage = .spooled }
            throw error
        }
        _ = try await jobs.update(job.id) { record in
            record.stage = .ended
            record.report.state = .aborted
            record.report.reasons = [error.why]
            record.report.completed = .now
        }
    }

    private func openDocument(_ job: ReceivedJob) async throws(OfficeError) -> CInt {
        do throws(OfficeError) {
            return try jobs.spool.open(job.id)
        } catch {
            try await refused(job, OfficeError(.malformed, job.id.description, "its document is gone from the spool"))
            throw error
        }
    }

    // MARK: Following

    /// Looks how a job stands in CUPS, and does what somebody wants of it. Returns its record as it is then.
    private func follow(_ job: ReceivedJob) async throws(OfficeError) -> ReceivedJob {
        guard let found = try await find(job) else {
            try await vanished(job)
            return await jobs[job.id] ?? job
        }
        // cupsd gives up a job whose document doesn't come in a quarter of an hour (MultipleOperationTimeout).
        guard !found.isHollow || found.state != .aborted else {
            try await vanished(job)
            return await jobs[job.id] ?? job
        }
        let isStopped = try await scheduler.states()[job.ticket.queue]?.state == .stopped
        _ = try await jobs.update(job.id) { record in
            record.number = found.number
            // Until it has its document CUPS knows less of it than we do.
            guard !found.isHollow || found.state.isFinal else { return }
            record.stage = .submitted
            record.waitsAtStoppedQueue = found.state == .pending && isStopped
            record.report.state = JobState(found.state)
            record.report.reasons = found.state == .completed ? [] : found.reasons
            record.report.pages = found.pages > 0 ? found.pages : record.report.pages
            if found.state.isFinal {
                record.stage = .ended
                record.report.completed = .now
            }
        }
        guard let record = await jobs[job.id], record.isInCUPS else { return await jobs[job.id] ?? job }
        try await carryOut(record, found)
        return await jobs[job.id] ?? job
    }

    private func find(_ job: ReceivedJob) async throws(OfficeError) -> CUPSJob? {
        if let number = job.number, let found = try await scheduler.job(number), found.id == job.id,
            found.attempt == job.ticket.attempt
        {
            return found
        }
        return try await scheduler.find(job.id, attempt: job.ticket.attempt)
    }

    /// What was asked for since it went to CUPS; and its document, where a crash came between.
    private func carryOut(_ record: ReceivedJob, _ found: CUPSJob) async throws(OfficeError) {
        // CUPS doesn't tell everybody whose a job is.
        let submitter = "\(record.ticket.user)@\(await nodeName(record.report))"
        let user = found.user ?? submitter
        if record.isCanceled {
            try await scheduler.cancel(found.number, as: user)
        } else if found.isHollow {
            if record.isHeld { try await scheduler.hold(found.number, as: user) }
            let document = try await openDocument(record)
            defer { close(document) }
            try await send(record, document, found.number, user)
        } else if record.isHeld, found.state == .pending {
            try await scheduler.hold(found.number, as: user)
        } else if !record.isHeld, found.state == .held {
            try await scheduler.release(found.number, as: user)
        }
    }

    /// CUPS knows it no more. Where it can't have been printed it goes again; else nobody can tell, and we say so.
    private func vanished(_ job: ReceivedJob) async throws(OfficeError) {
        let stillStopped =
            if job.waitsAtStoppedQueue {
                try await scheduler.states()[job.ticket.queue]?.state == .stopped
            } else { false }
        _ = try await jobs.update(job.id) { record in
            record.number = nil
            if record.isCanceled {
                record.stage = .ended
                record.report.state = .canceled
                record.report.completed = .now
            } else if record.stage == .creating || stillStopped {
                record.stage = .spooled
                record.report.state = .pending
                record.report.reasons = []
            } else {
                record.stage = .unknown
                record.report.state = .stopped
                record.report.reasons = [
                    JobReport.unknown
                        + "CUPS forgot the job, so nobody can tell whether it was printed; look at the printer, "
                        + "then 'officeshare job reprint' or 'officeshare job cancel'"
                ]
            }
        }
    }
}

extension JobState {
    /// As CUPS has it.
    init(_ state: CUPSJob.State) {
        self =
            switch state {
            case .pending: .pending
            case .held: .held
            case .processing: .processing
            case .stopped: .stopped
            case .canceled: .canceled
            case .aborted: .aborted
            case .completed: .completed
            }
    }
}
