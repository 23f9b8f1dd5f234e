package import OfficeCore

/// A job this node has taken for one of its queues, as it is written down before anybody is told.
package struct ReceivedJob: Codable, Sendable, Hashable, JobRecord {
    /// How far the job got on its way into CUPS. Each step is on the disk before it is taken.
    package enum Stage: String, Codable, Sendable {
        /// In the spool; CUPS knows nothing of it.
        case spooled
        /// CUPS may know the job, held, and not its whole document: it can't have been printed.
        case creating
        /// CUPS has it whole and doesn't begin it before it is told to: it can't have been printed either.
        case queued
        /// CUPS has been told to begin.
        case submitted
        /// cupsd ended while it had it in work, or forgot it. Nobody can tell whether it was printed.
        case unknown
        /// Completed, canceled or aborted.
        case ended
    }

    package var ticket: PrintTicket
    /// Whose node it came from.
    package var node: NodeID
    package var stage = Stage.spooled
    /// CUPS's number for it.
    package var number: Int32?
    package var isHeld: Bool
    /// Somebody wants it canceled; it isn't yet.
    package var isCanceled = false
    /// CUPS begins it by itself when its queue is free: to be looked at closely, for then the gate is to be shut.
    package var isAtOpenGate = false
    /// What its gate was shut with when it was begun. A cupsd that shows another one was started since, and what it knows of
    /// the job may be from before it was begun.
    package var mark: String?
    package var report: JobReport

    package init(ticket: PrintTicket, node: NodeID, owner: NodeID) {
        self.ticket = ticket
        self.node = node
        isHeld = ticket.isHeld
        report = JobReport(
            id: ticket.id, attempt: ticket.attempt, owner: owner, queue: ticket.queue, title: ticket.title,
            user: ticket.user, node: node, size: ticket.size, state: ticket.isHeld ? .held : .pending,
            submitted: ticket.submitted)
    }

    package var id: JobID { ticket.id }
    package var isInCUPS: Bool { stage == .creating || stage == .queued || stage == .submitted }
    /// Whether something is still to be done for it without anybody asking.
    package var isActive: Bool { isInCUPS || stage == .spooled && (!isHeld || isCanceled) }
}

/// What an owner answers to a ticket.
package enum JobAcceptance: Codable, Sendable, Hashable {
    /// The document, from this byte on.
    case wantsDocument(offset: Int64)
    /// It has it and answers for it from now on.
    case accepted(JobReport)
}
