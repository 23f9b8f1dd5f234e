package import Logging
import OfficeCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// Brings submitted jobs to the nodes that own their queues: for each queue in order, again and again until the owner
/// has said that it has them.
package struct DeliveryRunner: Service {
    private static let firstPause = Duration.milliseconds(250)
    private static let longestPause = Duration.seconds(5)

    private let jobs: SubmittedJobs
    private let carrier: any JobCarrier
    private let work: AsyncStream<SubmittedJobs.Destination>
    private let logger: Logger

    /// - Parameter work: Queues that jobs wait for, and whose owner may be reachable now.
    package init(
        jobs: SubmittedJobs, carrier: any JobCarrier, work: AsyncStream<SubmittedJobs.Destination>, logger: Logger
    ) {
        self.jobs = jobs
        self.carrier = carrier
        self.work = work
        self.logger = logger
    }

    package func run() async throws {
        let lanes = Lanes<SubmittedJobs.Destination>()
        await withDiscardingTaskGroup { group in
            for destination in await jobs.destinations {
                lanes.wake(destination) { lane in group.addTask { await keep(lane, lanes) } }
            }
            group.addTask { await writeLate() }
            for await destination in work.cancelOnGracefulShutdown() {
                lanes.wake(destination) { lane in group.addTask { await keep(lane, lanes) } }
            }
            group.cancelAll()
        }
    }

    /// What owners said and no disk had room for is written down as soon as one has: an owner says it once.
    private func writeLate() async {
        while (try? await Task.sleep(for: Self.longestPause)) != nil { await jobs.writeLate() }
    }

    /// Serves one queue until nothing waits for it.
    private func keep(_ lane: Lanes<SubmittedJobs.Destination>.Lane, _ lanes: Lanes<SubmittedJobs.Destination>) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            guard let next = await jobs.waiting(for: lane.key).first else {
                if lanes.end(lane) { return }
                continue
            }
            do throws(OfficeError) {
                try await serve(next)
                pause = Self.firstPause
            } catch {
                logger.debug(
                    "a job can't be delivered now", metadata: [LogKey.error: "\(error)", LogKey.jobID: "\(next.id)"])
                await explain(error, to: lane.key)
                if await lane.pause(pause) {
                    pause = Self.firstPause
                } else {
                    pause = min(pause * 2, Self.longestPause)
                }
            }
        }
    }

    private func explain(_ error: OfficeError, to destination: SubmittedJobs.Destination) async {
        for job in await jobs.waiting(for: destination) where job.stage == .spooled {
            do throws(OfficeError) {
                try await jobs.update(job.id) { record in
                    record.report.state = .waiting
                    record.report.reasons = [error.why]
                }
            } catch {
                // Tried again with the next try to deliver it.
                logger.warning(
                    "why a job waits can't be written down",
                    metadata: [LogKey.error: "\(error)", LogKey.jobID: "\(job.id)"])
            }
        }
    }

    private func serve(_ job: SubmittedJob) async throws(OfficeError) {
        guard job.stage == .spooled else {
            return try await cancel(job)
        }
        do throws(OfficeError) {
            try await deliver(job)
        } catch {
            guard !Self.passes(error.code) else { throw error }
            try await jobs.update(job.id) { record in
                record.stage = .ended
                record.report.state = .aborted
                record.report.reasons = [error.why]
                record.report.completed = .now
            }
        }
    }

    private func cancel(_ job: SubmittedJob) async throws(OfficeError) {
        do throws(OfficeError) {
            await jobs.told(
                try await carrier.change(job.id, .cancel, by: job.ticket.user, at: job.owner), by: job.owner)
        } catch {
            // Printed by now, or forgotten there: asking again would keep all from coming that is behind it.
            guard error.code == .notAllowed || error.code == .notFound else { throw error }
        }
        try await jobs.update(job.id) { $0.isCanceled = false }
    }

    private func deliver(_ job: SubmittedJob) async throws(OfficeError) {
        var offer = JobOffer(ticket: job.ticket, digest: job.digest)
        var answer = try await carrier.offer(offer, to: job.owner)
        if case .wantsDocument(let offset) = answer {
            let document = try jobs.spool.open(job.id)
            defer { close(document) }
            try await carrier.send(document, from: offset, of: offer, to: job.owner)
            // That took its time. One that was canceled meanwhile is handed in all the same, not to be printed, and is
            // canceled there: so its document goes.
            guard let now = await jobs[job.id], now.owner == job.owner, now.stage != .spooled || !now.ticket.isHeld
            else { return }
            offer.ticket.isHeld = now.ticket.isHeld || now.stage == .ended
            answer = try await carrier.offer(offer, to: job.owner)
        }
        guard case .accepted(let report) = answer else {
            throw OfficeError(.temporary, job.id.description, "the queue's node wants its document once more")
        }
        await jobs.told(report, by: job.owner)
    }

    /// Whether the same may do later what failed now.
    private static func passes(_ code: OfficeError.Code) -> Bool {
        switch code {
        case .unavailable, .temporary, .io, .noSpace, .overQuota, .limit, .changed, .fault, .exists: true
        // Not shared with us any more: it may be again.
        case .notFound, .notAllowed: true
        case .usage, .malformed, .cannotCreate, .configuration, .partial: false
        }
    }
}
