package import Logging
package import OfficeCore
import OfficeTrust
package import PrintPermit
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// Takes received jobs into CUPS and follows them there: each queue in order, one job at a time, each exactly once.
///
/// One at a time, because a cupsd that is killed forgets what it took in the last half minute: what waits in our
/// spool can't be forgotten, and of what was in CUPS nobody could tell whether it was printed. CUPS gets each job held,
/// and begins it at our word alone (`CUPSGate`), which is written down before: so of a job that CUPS was never told to
/// begin it is certain that it wasn't printed, and one that cupsd had begun when it ended isn't begun again, be it that
/// the gate was open in that moment (`PrintPermits`).
package struct QueueRunner: Service {
    /// How often a job in CUPS is looked at: soon after it was submitted, and when nothing moves.
    private static let shortPause = Duration.milliseconds(100)
    private static let longPause = Duration.seconds(1)
    /// Looks without a change before the longer pause.
    private static let patience = 50

    let jobs: ReceivedJobs
    let scheduler: CUPSScheduler
    let permits: PrintPermits
    private let work: AsyncStream<Label>
    let nodeName: @Sendable (JobReport) async -> String
    let logger: Logger
    let rests = Rests()

    /// - Parameters:
    ///   - work: Queues that have something to do, as `ReceivedJobs` tells them.
    ///   - nodeName: The submitting node's name, for CUPS's `job-originating-user-name`.
    package init(
        jobs: ReceivedJobs, scheduler: CUPSScheduler, permits: PrintPermits = PrintPermits(),
        work: AsyncStream<Label>,
        nodeName: @escaping @Sendable (JobReport) async -> String, logger: Logger
    ) {
        self.jobs = jobs
        self.scheduler = scheduler
        self.permits = permits
        self.work = work
        self.nodeName = nodeName
        self.logger = logger
    }

    package func run() async throws {
        permits.forgetAll(but: await jobs.numbers)
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
            let after = await jobs.active(in: lane.key)
            // At an open gate the moment counts in which CUPS begins.
            idle = after == before && !after.contains(where: \.isAtOpenGate) ? idle + 1 : 0
            _ = await lane.pause(isStuck || idle >= Self.patience ? Self.longPause : Self.shortPause)
        }
    }

    /// Why the jobs that wait do so.
    private func explain(_ error: OfficeError, to queue: Label) async {
        for job in await jobs.active(in: queue) where !job.isHeld && job.stage != .submitted {
            do throws(OfficeError) {
                _ = try await jobs.update(job.id) { record in
                    record.report.state = .waiting
                    record.report.reasons = [error.why]
                }
            } catch {
                // Tried again with the next look: as long as it isn't written down, the job isn't said to wait for it.
                logger.warning(
                    "why a job waits can't be written down",
                    metadata: [LogKey.error: "\(error)", LogKey.jobID: "\(job.id)"])
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
        let user = await submitter(job)
        let number: Int32
        do throws(OfficeError) {
            number = try await scheduler.createJob(
                CUPSWish(
                    queue: job.ticket.queue, id: job.id, attempt: job.ticket.attempt, user: user,
                    title: job.ticket.title, attributes: job.ticket.attributes, isHeld: true))
        } catch {
            guard error.code != .unavailable, error.code != .temporary else { throw error }
            try await refused(job, error)
            return
        }
        let record = try await jobs.update(job.id) { record in
            record.number = number
            record.report.state = .pending
            record.report.reasons = []
            return record
        }
        guard try await send(job, document, number, user), let record, !record.isHeld, !record.isCanceled else {
            return
        }
        try await begin(record, number, user)
    }

    /// The submitter, as CUPS is to know it.
    func submitter(_ job: ReceivedJob) async -> String { "\(job.ticket.user)@\(await nodeName(job.report))" }

    /// Whether CUPS has taken it.
    func send(_ job: ReceivedJob, _ document: CInt, _ number: Int32, _ user: String) async throws(OfficeError) -> Bool {
        do throws(OfficeError) {
            let format = try await format(of: job, number)
            try await scheduler.sendDocument(document, format: format, to: number, on: job.ticket.queue, user: user)
        } catch {
            guard error.code != .unavailable, error.code != .temporary, error.code != .noSpace else { throw error }
            // Written down first: what is found to be canceled in CUPS is taken to be so at somebody's wish.
            _ = try await jobs.update(job.id) { record in
                record.stage = .spooled
                record.number = nil
            }
            try? await scheduler.cancel(number, as: user)
            try await refused(job, error)
            return false
        }
        _ = try await jobs.update(job.id) { $0.stage = .queued }
        return true
    }

    /// The type by which a document passes `officeshare-begin` first, and its permit with that; else its own, where
    /// this CUPS hasn't that filter or the queue has none.
    private func format(of job: ReceivedJob, _ number: Int32) async throws(OfficeError) -> String {
        let own = job.ticket.format
        let guarded = try await scheduler.guardedFormat(own, on: job.ticket.queue)
        if let guarded, permits.grant(number) { return guarded }
        if guarded != nil, rests.isNews("filter", of: job.ticket.queue) {
            logger.warning(
                "\(PrintPermits.defaultFolder) can't be written to: jobs wait until their queue is free",
                metadata: [LogKey.queue: "\(job.ticket.queue)"])
        }
        return own
    }

    /// CUPS won't have it: said, not tried for ever. A queue that isn't there may come back.
    func refused(_ job: ReceivedJob, _ error: OfficeError) async throws(OfficeError) {
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

    func openDocument(_ job: ReceivedJob) async throws(OfficeError) -> CInt {
        do throws(OfficeError) {
            return try jobs.spool.open(job.id)
        } catch {
            try await refused(job, OfficeError(.malformed, job.id.description, "its document is gone from the spool"))
            throw error
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
