import NIOCore
import OfficeCore
import OfficePrinting
import OfficeTrust

/// The office behind the printers that this machine's programs see: other nodes' queues, and this node's spool.
struct OfficeDesk: PrintDesk {
    let house: PrintHouse

    // MARK: Queues

    func queues() async -> [DeskQueue] { await house.deskQueues() }

    func queue(named name: String) async -> DeskQueue? {
        await house.deskQueues().first { $0.localName == name }
    }

    // MARK: Submitting

    func begin(_ wish: DeskWish) async throws(OfficeError) -> DeskReceipt {
        guard await house.isOpen(wish.queue, to: wish.user) else { throw QueueKeeper.unknown(wish.queue.localName) }
        if let id = wish.id, let known = await house.submitted[id] {
            guard known.ticket.user == wish.user else {
                throw OfficeError(.notAllowed, id.description, "another user has a job of that id")
            }
            return DeskReceipt(id: id, isKnown: true)
        }
        let ticket = PrintTicket(
            id: wish.id ?? JobID(), queue: wish.queue.description.name,
            title: Sanitizer.text(wish.title, most: PrintTicket.longestTitle) ?? "Untitled", user: wish.user,
            format: DocumentFormat.unknown, size: 0, attributes: JobAttributes.kept(of: wish.attributes),
            submitted: .precise, isHeld: wish.isHeld)
        try await house.submitted.open(ticket, to: wish.queue.owner)
        return DeskReceipt(id: ticket.id, isKnown: false)
    }

    func receive(
        _ document: any AsyncSequence<ByteBuffer, any Error> & Sendable, format: String, for job: JobID
    ) async throws(OfficeError) {
        do {
            // What a program says that a document is may be wrong, what its first bytes say is not.
            try await house.submitted.receive(
                document, format: format == DocumentFormat.unknown ? nil : Sanitizer.mimeType(format), for: job)
        } catch let error as OfficeError {
            throw error
        } catch {
            throw OfficeError(.temporary, job.description, "its document broke off (\(error))")
        }
    }

    func finish(_ job: JobID) async throws(OfficeError) { _ = try await house.submitted.accept(job) }

    func abandon(_ job: JobID) async { await house.submitted.abandon(job) }

    // MARK: Jobs

    func jobs(of queue: DeskQueue) async -> [JobReport] {
        await house.submitted.reports().filter { $0.owner == queue.owner && $0.queue == queue.description.name }
    }

    func number(of job: JobID) async throws(OfficeError) -> Int32 { try await house.numbers.number(of: job) }

    func job(number: Int32, of queue: DeskQueue) async throws(OfficeError) -> JobID? {
        guard let id = try await house.numbers.job(number), let record = await house.submitted[id],
            record.owner == queue.owner, record.ticket.queue == queue.description.name
        else { return nil }
        return id
    }

    func job(_ id: JobID) async -> JobReport? { await house.submitted[id]?.report }

    func change(_ job: JobID, _ change: JobChange, by user: UserName) async throws(OfficeError) {
        guard let record = await house.submitted[job] else { throw ReceivedJobs.unknown(job) }
        guard record.ticket.user == user else {
            throw OfficeError(.notAllowed, job.description, "it is \(record.ticket.user)'s job")
        }
        try await house.changeSubmitted(record.report, change)
    }
}

extension PrintHouse {
    /// The queues of other members, as this machine's programs see them.
    func deskQueues() async -> [DeskQueue] {
        let own = office.identity.id
        var queues: [DeskQueue] = []
        for (node, member) in await office.state?.members ?? [:] where node != own {
            guard let known = await directory[node] else { continue }
            for queue in known.queues {
                queues.append(
                    DeskQueue(
                        localName: LocalQueueName.of(owner: member.name, queue: queue.description.name).description,
                        owner: node, ownerName: member.name, description: queue.description,
                        isOnline: known.presence == .online))
            }
        }
        return queues.sorted { $0.localName < $1.localName }
    }

    /// Whether the queue's owner offers it to that user of this machine.
    func isOpen(_ queue: DeskQueue, to user: UserName) async -> Bool {
        await directory[queue.owner]?.queues.first { $0.description.name == queue.description.name }?
            .isOpen(to: user.description) == true
    }
}
