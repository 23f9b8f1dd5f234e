import OfficeCore
import PrintPermit

#if canImport(Glibc)
    import Glibc
#endif

// What CUPS makes of a job that it has.
extension QueueRunner {
    /// Looks how a job stands in CUPS, and does what somebody wants of it. Returns its record as it is then.
    func follow(_ job: ReceivedJob) async throws(OfficeError) -> ReceivedJob {
        // cupsd gives up a job whose document doesn't come in a quarter of an hour (MultipleOperationTimeout).
        guard let found = try await find(job), !(found.state == .aborted && Self.isHollow(found, job)) else {
            try await vanished(job)
            return await jobs[job.id] ?? job
        }
        let status = try await scheduler.states()[job.ticket.queue]
        if !found.state.isFinal, permits.isRefused(found.number) {
            try await interrupted(job, found)
            if status?.gate?.isOpen == true { try await scheduler.setGate(job.ticket.queue, open: false) }
            return await jobs[job.id] ?? job
        }
        if job.stage == .submitted, found.gate == job.ticket.queue, status?.gate?.isOpen != true {
            try await cameBack(job, found, status)
        }
        let record = try await jobs.update(job.id) { record in
            guard record.isInCUPS else { return record }
            Self.take(found, status, into: &record)
            return record
        }
        guard let record, record.isInCUPS else {
            permits.forget(found.number)
            return record ?? job
        }
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

    /// A job whose document was taken has it, whatever a cupsd that was killed has forgotten of its format.
    private static func isHollow(_ found: CUPSJob, _ record: ReceivedJob) -> Bool {
        found.isHollow && record.stage != .submitted
    }

    /// What to make of a job that was begun and isn't in work any more.
    private func cameBack(_ job: ReceivedJob, _ found: CUPSJob, _ status: QueueStatus?) async throws(OfficeError) {
        guard found.state == .pending || found.state == .held else { return }
        let isSameCUPS = try await scheduler.mark(ofGate: job.ticket.queue) == job.mark
        // Killed and started since, cupsd may tell of the job as it was before it was begun: written down up to
        // DirtyCleanInterval ago, with the failure of a try before or as not begun at all.
        let wasntBegun = found.isGuarded && permits.isReady(found.number)
        guard isSameCUPS || wasntBegun else { return try await interrupted(job, found) }
        if found.isInterrupted {
            // While its queue is stopped CUPS may not have done yet with the try that it stopped.
            if let status, status.state != .stopped { try await interrupted(job, found) }
            return
        }
        if found.isFailed, let status, status.state != .stopped { try await failed(job, found, status) }
        // CUPS itself ended the try: nothing of it is left that could still be printed.
        _ = try await jobs.update(job.id) { record in
            if record.stage == .submitted { record.stage = .queued }
        }
    }

    /// As CUPS has it, so it is told.
    private static func take(_ found: CUPSJob, _ status: QueueStatus?, into record: inout ReceivedJob) {
        record.number = found.number
        record.isAtOpenGate = found.gate == record.ticket.queue && status?.gate?.isOpen == true
        // Until it has its document CUPS knows less of it than we do.
        guard !isHollow(found, record) || found.state.isFinal else { return }
        if record.stage == .creating { record.stage = .queued }
        let before = record.report
        record.report.pages = found.pages > 0 ? found.pages : record.report.pages
        record.report.state = JobState(found.state)
        record.report.reasons = found.state == .completed ? [] : found.reasons
        let isHeldThere = found.state == .held && found.gate == record.ticket.queue && !found.isFailed
        if isHeldThere {
            // By its backend, or with CUPS's own means: that is somebody's wish as well. Not so where it was held before
            // and CUPS is only now to be told of its release.
            if before.state != .held { record.isHeld = true }
        } else if record.stage == .queued, !record.isHeld, !found.state.isFinal {
            // We keep it back ourselves, and know better why.
            record.report.state = status == nil ? before.state : .pending
            record.report.reasons =
                switch status {
                case nil: before.reasons
                case let status? where status.state == .stopped: ["printer-stopped"]
                case let status? where !status.accepting: ["the queue is not accepting jobs"]
                default: found.reasons.filter { $0 == "resources-are-not-ready" }
                }
        }
        if found.state.isFinal {
            record.stage = .ended
            record.report.completed = .now
        }
    }

    /// What was asked for since it went to CUPS; its document, where a crash came between; and that it is begun.
    private func carryOut(_ record: ReceivedJob, _ found: CUPSJob) async throws(OfficeError) {
        // CUPS doesn't tell everybody whose a job is.
        let submitter = await submitter(record)
        let user = found.user ?? submitter
        if record.isCanceled {
            try await scheduler.cancel(found.number, as: user)
        } else if Self.isHollow(found, record) {
            if found.documents > 0 { return try await replace(record, found, user) }
            let document = try await openDocument(record)
            defer { close(document) }
            _ = try await send(record, document, found.number, user)
        } else if record.isHeld {
            if found.state == .pending { try await scheduler.hold(found.number, as: user) }
        } else if found.state == .held || found.state == .pending && !record.isAtOpenGate {
            try await begin(record, found.number, user, found)
        } else if found.state == .processing, record.isAtOpenGate {
            try await scheduler.setGate(record.ticket.queue, open: false, mark: record.mark)
        }
    }

    /// Its one document is a banner, or it is the job's own and its format was forgotten: nobody can tell. It was never
    /// begun, so another job in its place prints nothing twice.
    private func replace(_ record: ReceivedJob, _ found: CUPSJob, _ user: String) async throws(OfficeError) {
        _ = try await jobs.update(record.id) { record in
            record.stage = .spooled
            record.number = nil
        }
        try await scheduler.cancel(found.number, as: user)
    }

    // MARK: What nobody knows

    /// cupsd ended while it printed the job, and its backend may have gone on without it.
    private func interrupted(_ job: ReceivedJob, _ found: CUPSJob) async throws(OfficeError) {
        try await isUnknown(job, "CUPS ended while it printed the job")
        // Else it would wait there for ever. Where this fails the gate is shut before it, and is cleared with the next job.
        try await scheduler.cancel(found.number, as: await submitter(job))
        permits.forget(found.number)
    }

    /// CUPS knows it no more. Where it can't have been printed it goes again; else it may have said how it ended, or
    /// nobody can tell, and we say so.
    private func vanished(_ job: ReceivedJob) async throws(OfficeError) {
        if let number = job.number { permits.forget(number) }
        guard job.stage == .submitted, !job.isCanceled else {
            _ = try await jobs.update(job.id) { record in
                record.number = nil
                if record.isCanceled {
                    record.stage = .ended
                    record.report.state = .canceled
                    record.report.completed = .now
                } else {
                    record.stage = .spooled
                    record.report.state = .pending
                    record.report.reasons = []
                }
            }
            return
        }
        guard let number = job.number, let ending = try await scheduler.ending(of: number) else {
            return try await isUnknown(job, "CUPS forgot the job")
        }
        _ = try await jobs.update(job.id) { record in
            record.stage = .ended
            record.report.state = JobState(ending.state)
            record.report.reasons = []
            record.report.pages = ending.pages > 0 ? ending.pages : record.report.pages
            record.report.completed = .now
        }
    }

    private func isUnknown(_ job: ReceivedJob, _ why: String) async throws(OfficeError) {
        _ = try await jobs.update(job.id) { record in
            record.number = nil
            record.stage = .unknown
            record.report.state = .stopped
            record.report.reasons = [
                JobReport.unknown
                    + "\(why), so nobody can tell whether it was printed; look at the printer, "
                    + "then 'officeshare job reprint' or 'officeshare job cancel'"
            ]
        }
    }
}
