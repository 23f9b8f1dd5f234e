package import OfficeCore
package import OfficeTrust

/// Where a job is, in the words of `officeshare jobs`.
package enum JobState: String, Codable, Sendable, CaseIterable {
    /// On the disk of the node it was submitted on; the owner doesn't have it yet.
    case spooled
    /// The same, and something stands in the way: the owner is away, its spool is full. The reasons say what.
    case waiting
    /// At the owner; its turn will come.
    case pending
    /// Not before somebody releases it.
    case held
    /// Being printed.
    case processing
    /// Stopped, or nobody knows whether it was printed: somebody has to decide. The reasons say what.
    case stopped
    case completed
    case canceled
    case aborted

    /// Whether nothing more happens to it by itself.
    package var isFinal: Bool { self == .completed || self == .canceled || self == .aborted }
}

/// A job as the node that knows best tells it: the owner of the queue once it has it, the submitter's until then.
package struct JobReport: Codable, Sendable, Hashable, Identifiable {
    package var id: JobID
    /// Raised when the job is printed once more or moved: of two reports the one with the higher attempt counts.
    package var attempt: Int
    /// Raised by the owner with every change: of two reports of one attempt the one with the higher counts. What an
    /// owner answers and what it tells by itself come by different connections, in any order.
    package var revision = 0
    /// The node that owns the queue.
    package var owner: NodeID
    package var queue: Label
    package var title: String
    /// The submitter: a user, of a node.
    package var user: UserName
    package var node: NodeID
    package var pages: Int?
    /// Bytes of the document.
    package var size: Int64
    package var state: JobState
    /// Keywords or sentences, most important first; free of control characters.
    package var reasons: [String]
    package var submitted: Timestamp
    /// When it came to its end, whatever that was.
    package var completed: Timestamp?

    package init(
        id: JobID, attempt: Int = 1, owner: NodeID, queue: Label, title: String, user: UserName, node: NodeID,
        pages: Int? = nil, size: Int64, state: JobState, reasons: [String] = [], submitted: Timestamp,
        completed: Timestamp? = nil
    ) {
        self.id = id
        self.attempt = attempt
        self.owner = owner
        self.queue = queue
        self.title = title
        self.user = user
        self.node = node
        self.pages = pages
        self.size = size
        self.state = state
        self.reasons = reasons
        self.submitted = submitted
        self.completed = completed
    }

    /// What begins the reason of a job of which nobody can tell whether it was printed.
    package static let unknown = "unknown: "

    /// Whether nothing more happens to it before somebody decides, or ever.
    package var isSettled: Bool {
        state.isFinal || state == .stopped && reasons.first?.hasPrefix(Self.unknown) == true
    }

    package var principal: Principal { Principal(node: node, user: user) }
}

/// What is to be printed and how, as the submitting node writes it down. The document lies beside it.
package struct PrintTicket: Codable, Sendable, Hashable {
    package static let longestTitle = 255

    package var id: JobID
    package var attempt: Int
    package var queue: Label
    package var title: String
    package var user: UserName
    /// MIME type; `application/octet-stream` lets the owner's CUPS find out.
    package var format: String
    package var size: Int64
    /// Job template attributes that `JobAttributes` knows, and no others.
    package var attributes: [IPPAttribute]
    package var submitted: Timestamp
    /// Not to be printed before somebody releases it.
    package var isHeld: Bool

    package init(
        id: JobID, attempt: Int = 1, queue: Label, title: String, user: UserName, format: String, size: Int64,
        attributes: [IPPAttribute], submitted: Timestamp, isHeld: Bool = false
    ) {
        self.id = id
        self.attempt = attempt
        self.queue = queue
        self.title = title
        self.user = user
        self.format = format
        self.size = size
        self.attributes = attributes
        self.submitted = submitted
        self.isHeld = isHeld
    }
}
