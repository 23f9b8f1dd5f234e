package import Logging
package import NIOCore
package import OfficeCore
import OfficeTrust

/// The jobs submitted on this node: on its disk before the submitter hears "accepted", and kept until the owner of the
/// queue says how each ended.
package actor SubmittedJobs {
    /// A job whose document is still arriving.
    private struct Opening {
        var ticket: PrintTicket
        var owner: NodeID
        var written: DocumentWriter.Written?
        let since = ContinuousClock.now
    }

    /// Of an owner's job: its report, or that it knows no such job any more.
    private struct Late {
        var owner: NodeID
        var report: JobReport?
    }

    private static let mostOpening = 256
    /// How long a job may be open of whose document nothing has come, when others want its place.
    private static let patience = Duration.seconds(60)

    package nonisolated let node: NodeID
    let spool: Spool
    private let limits: JobLimits
    private let logger: Logger
    private let changed: @Sendable () -> Void
    /// Told a queue that jobs wait for.
    private let hasWork: @Sendable (Destination) -> Void
    private let records: JobLedger<SubmittedJob>
    private var opening: [JobID: Opening] = [:]
    /// What owners said that couldn't be written down yet: of each job the latest.
    private var late: [JobID: Late] = [:]
    /// Canceled at one queue to be sent to another: their documents stay.
    private var moving: Set<JobID> = []

    package struct Destination: Hashable, Sendable {
        package var owner: NodeID
        package var queue: Label

        package init(owner: NodeID, queue: Label) {
            self.owner = owner
            self.queue = queue
        }
    }

    package init(
        node: NodeID, store: JobStore, spool: Spool, limits: JobLimits, logger: Logger,
        changed: @escaping @Sendable () -> Void, hasWork: @escaping @Sendable (Destination) -> Void
    ) async throws {
        self.node = node
        self.spool = spool
        self.limits = limits
        self.logger = logger
        self.changed = changed
        self.hasWork = hasWork
        records = try await JobLedger(store, .submitted)
        let waiting = Set(records.all.filter { $0.stage != .ended }.map(\.id))
        spool.removeAll { waiting.contains($0) }
    }

    // MARK: Submitting

    /// Opens a job. It is nothing yet: a crash before `accept` leaves no trace of it.
    package func open(_ ticket: PrintTicket, to owner: NodeID) throws(OfficeError) {
        if opening.count >= Self.mostOpening { forgetAbandoned() }
        guard opening.count < Self.mostOpening else {
            throw OfficeError(.limit, ticket.title, "too many jobs are being submitted at once")
        }
        guard records.count(where: { $0.stage != .ended }) < limits.jobs else {
            throw OfficeError(
                .limit, ticket.title, "\(limits.jobs) jobs wait on this node already",
                mend: "Run the same again when some have been printed.")
        }
        opening[ticket.id] = Opening(ticket: ticket, owner: owner)
    }

    /// Programs that were killed between opening a job and sending it leave nothing but their place.
    private func forgetAbandoned() {
        let oldest = ContinuousClock.now - Self.patience
        opening = opening.filter {
            $0.value.since > oldest || $0.value.written != nil || spool.partSize(of: $0.key) > 0
        }
    }

    /// What was opened and not accepted yet.
    package func opened(_ id: JobID) -> PrintTicket? { opening[id]?.ticket }

    /// Takes the document. On return it is on the disk, and the job still not accepted.
    package func receive<Body: AsyncSequence & Sendable>(_ body: Body, format: String?, for id: JobID) async throws
    where Body.Element == ByteBuffer {
        guard opening[id] != nil else { throw ReceivedJobs.unknown(id) }
        let writer = try await DocumentWriter(id, in: spool)
        do throws(any Error) {
            var head: [UInt8] = []
            for try await piece in body {
                if head.count < DocumentFormat.enough {
                    head += piece.readableBytesView.prefix(DocumentFormat.enough - head.count)
                }
                guard await writer.size + Int64(piece.readableBytes) <= limits.documentBytes else {
                    throw OfficeError(
                        .limit, opening[id]?.ticket.title ?? id.description,
                        "the document is larger than \(limits.documentBytes) bytes",
                        mend: "Print it in parts, or raise 'printing.documentBytes'.")
                }
                try await writer.write(piece)
            }
            guard await writer.size > 0 else {
                throw OfficeError(.malformed, opening[id]?.ticket.title ?? id.description, "the document is empty")
            }
            let written = try await writer.finish()
            opening[id]?.written = written
            opening[id]?.ticket.size = written.size
            opening[id]?.ticket.format = format ?? DocumentFormat.of(head)
        } catch {
            await writer.abandon(keepingHalf: false)
            throw error
        }
    }

    /// Accepts: from here on the job can't be lost.
    package func accept(_ id: JobID) async throws(OfficeError) -> JobReport {
        guard let opened = opening[id], let written = opened.written else { throw ReceivedJobs.unknown(id) }
        let record = SubmittedJob(
            ticket: opened.ticket, owner: opened.owner, node: node, digest: DocumentDigest(written.digest))
        try await write(record)
        opening[id] = nil
        hasWork(Destination(owner: record.owner, queue: record.ticket.queue))
        return record.report
    }

    /// Forgets a job that was not accepted.
    package func abandon(_ id: JobID) {
        guard opening[id] != nil, records[id] == nil else { return }
        opening[id] = nil
        spool.remove(id)
    }

    // MARK: Asking

    package func reports() -> [JobReport] { records.all.map(\.report) }
    package subscript(id: JobID) -> SubmittedJob? { records[id] }

    /// Queues that jobs wait for here.
    package var destinations: Set<Destination> {
        Set(records.all.filter(Self.isWaiting).map { Destination(owner: $0.owner, queue: $0.ticket.queue) })
    }

    /// What waits for a queue, in order.
    func waiting(for destination: Destination) -> [SubmittedJob] {
        records.all.filter {
            $0.owner == destination.owner && $0.ticket.queue == destination.queue && Self.isWaiting($0)
        }
    }

    private static func isWaiting(_ record: SubmittedJob) -> Bool {
        switch record.stage {
        case .spooled: !record.ticket.isHeld
        case .delivered: record.isCanceled
        case .ended: false
        }
    }

    // MARK: Changing

    /// As `ReceivedJobs.write`.
    private func write(_ record: SubmittedJob) async throws(OfficeError) {
        let before = records[record.id]
        guard before != record else { return }
        try await records.write(record)
        if before?.report != record.report { changed() }
        if record.stage == .ended {
            if !moving.contains(record.id) { spool.remove(record.id) }
            await prune()
        }
    }

    func update(_ id: JobID, _ body: @Sendable (inout SubmittedJob) -> Void) async throws(OfficeError) {
        guard var record = records[id] else { return }
        body(&record)
        try await write(record)
    }

    /// The owner's word on a job of ours. What is known here and not there yet (a newer attempt) stays, and so does what
    /// it said later than this.
    package func told(_ report: JobReport, by owner: NodeID) async {
        guard var record = records[report.id], record.owner == owner, report.node == node,
            (report.attempt, report.revision) >= (record.ticket.attempt, record.report.revision)
        else { return }
        // Canceled here while it was on its way there.
        let wasCanceled = record.stage == .ended && record.report.revision == 0
        if wasCanceled, report.attempt == record.ticket.attempt, !report.state.isFinal { record.isCanceled = true }
        record.ticket.attempt = report.attempt
        record.report = report
        // What the owner may say of the job is how it stands, not whose it is.
        record.report.user = record.ticket.user
        record.report.title = record.ticket.title
        record.report.owner = owner
        record.stage = report.state.isFinal ? .ended : .delivered
        if report.state.isFinal { record.isCanceled = false }
        late[report.id] = nil
        do throws(OfficeError) {
            try await write(record)
        } catch {
            late[report.id] = Late(owner: owner, report: report)
            logger.warning("a job's state can't be written", metadata: [LogKey.error: "\(error)"])
        }
        if record.isCanceled { hasWork(Destination(owner: record.owner, queue: record.ticket.queue)) }
    }

    /// All jobs of ours that an owner has: one that was delivered and isn't among them was forgotten there.
    ///
    /// - Parameter version: The owner's, from before it looked: what it took later isn't among them either.
    package func toldAll(_ reports: [JobReport], asOf version: Int, by owner: NodeID) async {
        for report in reports { await told(report, by: owner) }
        let known = Set(reports.map(\.id))
        for record in records.all where record.owner == owner && record.stage == .delivered {
            guard !known.contains(record.id), record.report.revision <= version, record.report.state != .stopped
            else { continue }
            await forgotten(record.id, by: owner)
        }
    }

    private func forgotten(_ id: JobID, by owner: NodeID) async {
        guard let record = records[id], record.owner == owner, record.stage == .delivered else { return }
        late[id] = nil
        do throws(OfficeError) {
            try await update(id) { record in
                record.report.state = .stopped
                record.report.reasons = [
                    JobReport.unknown + "the queue's node forgot the job, so nobody can tell whether it was printed"
                ]
            }
        } catch {
            late[id] = Late(owner: owner)
            logger.warning("a job's state can't be written", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Tries again to write down what owners said.
    func writeLate() async {
        for (id, said) in late {
            late[id] = nil
            if let report = said.report {
                await told(report, by: said.owner)
            } else {
                await forgotten(id, by: said.owner)
            }
        }
    }

    /// Changes a job that is still here alone; nil for one that its owner has to be asked about.
    package func changeHere(_ id: JobID, _ change: JobChange) async throws(OfficeError) -> JobReport? {
        guard var record = records[id] else { throw ReceivedJobs.unknown(id) }
        guard record.stage == .spooled else { return nil }
        switch change {
        case .cancel:
            record.stage = .ended
            record.report.state = .canceled
            record.report.reasons = ["job-canceled-by-user"]
            record.report.completed = .now
        case .hold:
            record.ticket.isHeld = true
            record.report.state = .held
            record.report.reasons = ["job-hold-until-specified"]
        case .release:
            record.ticket.isHeld = false
            record.report.state = .spooled
            record.report.reasons = []
        case .reprint:
            throw OfficeError(.notAllowed, id.description, "it wasn't printed yet, and will be")
        }
        try await write(record)
        hasWork(Destination(owner: record.owner, queue: record.ticket.queue))
        return record.report
    }

    /// Remembers that a job is to be canceled at its owner's, who can't be reached now.
    package func cancelLater(_ id: JobID) async throws(OfficeError) {
        try await update(id) { record in
            record.isCanceled = true
            record.report.reasons = ["it will be canceled when its queue's node can be reached"]
        }
        if let record = records[id] { hasWork(Destination(owner: record.owner, queue: record.ticket.queue)) }
    }

    /// Keeps a job's document although the job is about to be canceled at its queue; `endMove` lets go of it.
    package func beginMove(_ id: JobID) throws(OfficeError) {
        guard records[id] != nil else { throw ReceivedJobs.unknown(id) }
        moving.insert(id)
    }

    package func endMove(_ id: JobID) {
        moving.remove(id)
        if records[id]?.stage == .ended { spool.remove(id) }
    }

    /// Sends a job to another queue: one that is still here alone, or that its owner has canceled.
    package func move(_ id: JobID, to destination: Destination) async throws(OfficeError) -> JobReport {
        guard var record = records[id] else { throw ReceivedJobs.unknown(id) }
        guard spool.size(of: id) != nil else {
            throw OfficeError(
                .notFound, id.description, "its document isn't kept here any more", mend: "Print the file again.")
        }
        record.owner = destination.owner
        record.ticket.queue = destination.queue
        record.ticket.attempt += 1
        record.stage = .spooled
        record.isCanceled = false
        record.report.attempt = record.ticket.attempt
        record.report.revision = 0
        record.report.owner = destination.owner
        record.report.queue = destination.queue
        record.report.state = record.ticket.isHeld ? .held : .spooled
        record.report.reasons = []
        record.report.completed = nil
        try await write(record)
        hasWork(destination)
        return record.report
    }

    /// Forgets the oldest ended jobs beyond what is remembered.
    private func prune() async {
        let ended = records.all.filter { $0.stage == .ended }.map(\.id)
        let surplus = Set(ended.prefix(max(0, ended.count - limits.history)))
        guard !surplus.isEmpty else { return }
        do throws(any Error) {
            try await records.forget(surplus)
        } catch {
            logger.warning("old jobs can't be forgotten", metadata: [LogKey.error: "\(error)"])
        }
    }
}
