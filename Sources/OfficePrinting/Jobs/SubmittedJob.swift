package import OfficeCore
package import OfficeTrust

/// A job submitted on this node, as it is written down before the submitter hears "accepted".
package struct SubmittedJob: Codable, Sendable, Hashable, JobRecord {
    package enum Stage: String, Codable, Sendable {
        /// Here alone.
        case spooled
        /// The owner has it and answers for it.
        case delivered
        case ended
    }

    package var ticket: PrintTicket
    package var owner: NodeID
    /// SHA-256 of the document.
    package var digest: DocumentDigest
    package var stage = Stage.spooled
    /// Somebody wants it canceled, and the owner, who has it, doesn't know yet.
    package var isCanceled = false
    package var report: JobReport

    package init(ticket: PrintTicket, owner: NodeID, node: NodeID, digest: DocumentDigest) {
        self.ticket = ticket
        self.owner = owner
        self.digest = digest
        report = JobReport(
            id: ticket.id, attempt: ticket.attempt, owner: owner, queue: ticket.queue, title: ticket.title,
            user: ticket.user, node: node, size: ticket.size, state: ticket.isHeld ? .held : .spooled,
            submitted: ticket.submitted)
    }

    package var id: JobID { ticket.id }
}

/// SHA-256 of a document.
package struct DocumentDigest: DigestIdentifier {
    package let digest: Digest256
    package init(_ digest: Digest256) { self.digest = digest }
}

/// What travels before a document.
package struct JobOffer: Codable, Sendable, Hashable {
    package var ticket: PrintTicket
    package var digest: DocumentDigest

    package init(ticket: PrintTicket, digest: DocumentDigest) {
        self.ticket = ticket
        self.digest = digest
    }
}

/// Carries jobs to the node that owns their queue: this one, or another over the members' connections.
package protocol JobCarrier: Sendable {
    /// Throws `.unavailable` or `.temporary` where the owner can't be reached now.
    func offer(_ offer: JobOffer, to owner: NodeID) async throws(OfficeError) -> JobAcceptance
    /// Sends the document from `offset` on. The descriptor stays the caller's.
    func send(_ document: CInt, from offset: Int64, of offer: JobOffer, to owner: NodeID) async throws(OfficeError)
    func change(_ job: JobID, _ change: JobChange, by user: UserName, at owner: NodeID) async throws(OfficeError)
        -> JobReport
}
