package import Logging
package import NIOCore
package import OfficeCore
package import OfficeTrust

/// The jobs this node has taken for its own queues: each once, whatever is repeated, until its end is known.
///
/// What is accepted is on the disk. `QueueRunner` takes it from there into CUPS.
package actor ReceivedJobs {
    /// What was announced and not sent whole yet.
    private struct Expected {
        var offer: JobOffer
        var node: NodeID
        var isArriving = false
        var since = ContinuousClock.now
    }

    private static let mostExpected = 256

    package nonisolated let owner: NodeID
    let spool: Spool
    private let limits: JobLimits
    private let logger: Logger
    /// Told that reports changed.
    private let changed: @Sendable () -> Void
    /// Told a queue that has something to do.
    private let hasWork: @Sendable (Label) -> Void
    private let records: JobLedger<ReceivedJob>
    private var expected: [JobID: Expected] = [:]
    /// The reports as they are told: of what is on the disk, each with the `version` it was told first as.
    private var told: [JobID: JobReport] = [:]
    /// Counts changes of reports, so that each member can be told what it hasn't heard yet. Each start begins with the
    /// time of day, in milliseconds, or well above what was written down: higher than before, even if a clock was set
    /// back or all records are lost.
    package private(set) var version: Int

    package init(
        owner: NodeID, store: JobStore, spool: Spool, limits: JobLimits, logger: Logger,
        changed: @escaping @Sendable () -> Void, hasWork: @escaping @Sendable (Label) -> Void
    ) async throws {
        self.owner = owner
        self.spool = spool
        self.limits = limits
        self.logger = logger
        self.changed = changed
        self.hasWork = hasWork
        records = try await JobLedger(store, .received)
        let kept = records.all
        version = max(Int(Timestamp.now.time.seconds) * 1_000, (kept.map(\.report.revision).max() ?? 0) + 1 << 20)
        for record in kept {
            told[record.id] = record.report
            told[record.id]?.revision = version
        }
        let known = Set(kept.map(\.id))
        spool.removeAll { known.contains($0) }
    }

    // MARK: Arriving

    /// Takes a job whose document is here, or says from where on it is wanted. The same job again is answered with
    /// how it stands.
    package func accept(_ offer: JobOffer, from node: NodeID) async throws(OfficeError) -> JobAcceptance {
        let ticket = offer.ticket
        if let record = records[ticket.id] {
            guard record.node == node else { throw Self.foreign(ticket.id) }
            guard ticket.attempt > record.ticket.attempt else {
                // Its record may still be on its way to the disk.
                guard let report = told[ticket.id] else {
                    throw OfficeError(.temporary, ticket.id.description, "it is being written down")
                }
                return .accepted(report)
            }
            guard record.stage == .ended || record.stage == .unknown else {
                throw OfficeError(.temporary, ticket.id.description, "its attempt before is still under way")
            }
        }
        if spool.size(of: ticket.id) == ticket.size, expected[ticket.id] == nil {
            return .accepted(try await take(offer, from: node))
        }
        guard ticket.size <= limits.documentBytes else {
            throw OfficeError(
                .limit, ticket.title,
                "the document has \(ticket.size) bytes, at most \(limits.documentBytes) are taken",
                mend: "Print it in parts, or have 'printing.documentBytes' raised on the queue's node.")
        }
        guard records.count(where: { $0.stage != .ended }) < limits.jobs else {
            throw OfficeError(.limit, ticket.queue.description, "\(limits.jobs) jobs wait on its node already")
        }
        if let known = expected[ticket.id], known.node != node { throw Self.foreign(ticket.id) }
        if expected[ticket.id] == nil { try makeRoomForOne(ticket.queue) }
        let half = min(spool.partSize(of: ticket.id), ticket.size)
        try spool.checkRoom(for: ticket.size - half)
        expected[ticket.id] = Expected(offer: offer, node: node, isArriving: expected[ticket.id]?.isArriving ?? false)
        return .wantsDocument(offset: half)
    }

    /// Of those that were announced and don't arrive the one that was announced first makes room: its sender may have
    /// gone for good. If not, it announces the job again.
    private func makeRoomForOne(_ queue: Label) throws(OfficeError) {
        guard expected.count >= Self.mostExpected else { return }
        let oldest = expected.filter { !$0.value.isArriving }.min { $0.value.since < $1.value.since }
        guard let oldest else {
            throw OfficeError(.limit, queue.description, "too many jobs arrive at once")
        }
        expected[oldest.key] = nil
        if records[oldest.key] == nil { spool.remove(oldest.key) }
    }

    private static func foreign(_ id: JobID) -> OfficeError {
        OfficeError(.notAllowed, id.description, "another node has a job of that id here")
    }

    private func take(_ offer: JobOffer, from node: NodeID) async throws(OfficeError) -> JobReport {
        let record = ReceivedJob(ticket: offer.ticket, node: node, owner: owner)
        try await write(record)
        hasWork(record.ticket.queue)
        return told[record.id] ?? record.report
    }

    /// Takes a document, or what is missing of it. On return it is on the disk and is what was announced; whatever
    /// came before a failure is kept, to be gone on with.
    package func receive<Body: AsyncSequence & Sendable>(
        _ body: Body, from offset: Int64, of id: JobID, from node: NodeID
    ) async throws where Body.Element == ByteBuffer {
        guard let announced = expected[id], announced.node == node else {
            throw OfficeError(.notFound, id.description, "no such job was announced", mend: "Announce it first.")
        }
        guard !announced.isArriving else {
            throw OfficeError(.temporary, id.description, "its document is arriving already")
        }
        expected[id]?.isArriving = true
        defer { expected[id]?.isArriving = false }
        let writer = try await DocumentWriter(id, in: spool, resuming: offset > 0)
        do throws(any Error) {
            guard await writer.size == offset else {
                throw OfficeError(.temporary, id.description, "another part of it is missing than was sent")
            }
            for try await piece in body {
                guard await writer.size + Int64(piece.readableBytes) <= announced.offer.ticket.size else {
                    throw OfficeError(.malformed, id.description, "more bytes came than were announced")
                }
                try await writer.write(piece)
            }
        } catch {
            // A half that waits for room would keep what is smaller from having it.
            let code = (error as? OfficeError)?.code
            await writer.abandon(keepingHalf: code != .malformed && code != .noSpace)
            throw error
        }
        guard await writer.size == announced.offer.ticket.size else {
            await writer.abandon(keepingHalf: true)
            throw OfficeError(.temporary, id.description, "the document broke off")
        }
        guard try await writer.digest == announced.offer.digest.digest else {
            await writer.abandon(keepingHalf: false)
            throw OfficeError(.temporary, id.description, "the document was damaged on the way")
        }
        _ = try await writer.finish()
        expected[id] = nil
    }

    /// Takes the document of a job that was submitted on this node itself.
    package func adopt(_ id: JobID, from submitted: Spool) throws(OfficeError) {
        guard let announced = expected[id], announced.node == owner else {
            throw OfficeError(.notFound, id.description, "no such job was announced")
        }
        try spool.adopt(id, from: submitted)
        expected[id] = nil
    }

    // MARK: Asking

    /// Jobs of a queue, or of all, in the order of their coming.
    package func reports(of queue: Label? = nil) -> [JobReport] {
        records.all.compactMap { told[$0.id] }.filter { queue == nil || $0.queue == queue }
    }

    /// What changed after that `version`.
    package func reports(after version: Int) -> [JobReport] {
        records.all.compactMap { told[$0.id] }.filter { $0.revision > version }
    }

    package subscript(id: JobID) -> ReceivedJob? { records[id] }

    /// Queues with something to do.
    /// CUPS's numbers of all that it has.
    package var numbers: Set<Int32> { Set(records.all.compactMap { $0.isInCUPS ? $0.number : nil }) }

    package var busyQueues: Set<Label> { Set(records.all.filter(\.isActive).map(\.ticket.queue)) }

    /// What a queue has to do, in order.
    func active(in queue: Label) -> [ReceivedJob] {
        records.all.filter { $0.ticket.queue == queue && $0.isActive }
    }

    // MARK: Changing

    /// Writes a record down, then tells of it.
    func write(_ record: ReceivedJob) async throws(OfficeError) {
        let before = records[record.id]
        guard before != record else { return }
        var kept = record
        kept.report.revision = version
        try await records.write(record, as: kept)
        tell(record.id)
        if record.stage == .ended { await prune() }
    }

    private func tell(_ id: JobID) {
        guard var report = records[id]?.report else { return }
        report.revision = told[id]?.revision ?? 0
        guard told[id] != report else { return }
        version += 1
        report.revision = version
        told[id] = report
        changed()
    }

    /// Changes a record as it is now; what the body returns is the caller's.
    func update<Answer: Sendable>(_ id: JobID, _ body: @Sendable (inout ReceivedJob) -> Answer)
        async throws(OfficeError)
        -> Answer?
    {
        guard var record = records[id] else { return nil }
        let answer = body(&record)
        try await write(record)
        return answer
    }

    /// Cancels, holds, releases or prints once more: for the submitter, or (`principal` nil) for the queue's owner.
    package func change(_ id: JobID, _ change: JobChange, by principal: Principal?) async throws(OfficeError)
        -> JobReport
    {
        guard var record = records[id] else { throw Self.unknown(id) }
        guard principal == nil || principal == record.report.principal else {
            throw OfficeError(
                .notAllowed, id.description, "it is \(record.ticket.user)'s job",
                mend: "Its submitter and the owner of the queue can change it.")
        }
        switch change {
        case .cancel: try Self.cancel(&record)
        case .hold: try Self.hold(&record, true)
        case .release: try Self.hold(&record, false)
        case .reprint: try reprint(&record)
        }
        try await write(record)
        hasWork(record.ticket.queue)
        return told[id] ?? record.report
    }

    package static func unknown(_ id: JobID) -> OfficeError {
        OfficeError(.notFound, id.description, "there is no such job", mend: "'officeshare jobs --all' shows them.")
    }

    private static func cancel(_ record: inout ReceivedJob) throws(OfficeError) {
        guard record.stage != .ended else {
            guard record.report.state != .canceled else { return }
            throw OfficeError(.notAllowed, record.id.description, "it is \(record.report.state.rawValue) already")
        }
        record.isCanceled = true
        guard !record.isInCUPS else { return }
        record.stage = .ended
        record.report.state = .canceled
        record.report.reasons = ["job-canceled-by-user"]
        record.report.completed = .now
    }

    private static func hold(_ record: inout ReceivedJob, _ holds: Bool) throws(OfficeError) {
        guard record.stage == .spooled || record.isInCUPS else {
            throw OfficeError(
                .notAllowed, record.id.description,
                "it is \(record.report.state.rawValue), nothing is left to \(holds ? "hold" : "release")")
        }
        record.isHeld = holds
        guard record.stage == .spooled else { return }
        record.report.state = holds ? .held : .pending
        record.report.reasons = holds ? ["job-hold-until-specified"] : []
    }

    private func reprint(_ record: inout ReceivedJob) throws(OfficeError) {
        guard record.stage == .ended || record.stage == .unknown else {
            throw OfficeError(
                .notAllowed, record.id.description, "it is \(record.report.state.rawValue) and will be printed anyway")
        }
        guard spool.size(of: record.id) != nil else {
            throw OfficeError(
                .notFound, record.id.description, "its document isn't kept any more", mend: "Print the file again.")
        }
        record.ticket.attempt += 1
        record.ticket.isHeld = false
        record.stage = .spooled
        record.number = nil
        record.isHeld = false
        record.isCanceled = false
        record.report.attempt = record.ticket.attempt
        record.report.state = .pending
        record.report.reasons = []
        record.report.pages = nil
        record.report.completed = nil
    }

    // MARK: Keeping

    /// Forgets documents and jobs that were kept long enough; the oldest first.
    package func prune() async {
        let ended = records.all.filter { $0.stage == .ended }
        var bytes = ended.reduce(Int64(0)) { $0 + (spool.size(of: $1.id) ?? 0) }
        let oldest = Timestamp.now.adding(seconds: -limits.retention.components.seconds)
        for record in ended {
            guard let size = spool.size(of: record.id) else { continue }
            guard bytes > limits.retainedBytes || (record.report.completed ?? oldest) < oldest else { continue }
            spool.remove(record.id)
            bytes -= size
        }
        let surplus = Set(ended.prefix(max(0, ended.count - limits.history)).map(\.id))
        guard !surplus.isEmpty else { return }
        do throws(any Error) {
            try await records.forget(surplus)
        } catch {
            logger.warning("old jobs can't be forgotten", metadata: [LogKey.error: "\(error)"])
            return
        }
        for id in surplus {
            spool.remove(id)
            told[id] = nil
        }
    }
}
