package import OfficeCore

/// One queue of `officeshare printers`.
package struct PrinterModel: Codable, Sendable {
    /// `NODE/QUEUE`.
    package var path: String
    package var node: String
    package var queue: String
    @OrNull package var info: String?
    @OrNull package var model: String?
    @OrNull package var location: String?
    /// `idle`, `processing`, `stopped`; `offline` while its node can't be reached.
    package var state: String
    package var accepting: Bool
    package var reasons: [String]
    /// Jobs that wait or are printed.
    package var jobs: Int
    package var color: Bool
    package var duplex: Bool
    package var media: [String]
    @OrNull package var mediaDefault: String?
    /// Whether it is offered to the office.
    package var shared: Bool
    /// Whether it is this machine's.
    package var local: Bool
    /// Whether it is the caller's default.
    package var isDefault: Bool
    /// The queue of this machine's CUPS that stands for it, if there is one.
    @OrNull package var localQueue: String?
    /// Who may use it, where it is this machine's and shared.
    @OrNull package var allow: [String]?

    package init(
        path: String, node: String, queue: String, info: String?, model: String?, location: String?, state: String,
        accepting: Bool, reasons: [String], jobs: Int, color: Bool, duplex: Bool, media: [String],
        mediaDefault: String?, shared: Bool, local: Bool, isDefault: Bool, localQueue: String?, allow: [String]?
    ) {
        self.path = path
        self.node = node
        self.queue = queue
        self.info = info
        self.model = model
        self.location = location
        self.state = state
        self.accepting = accepting
        self.reasons = reasons
        self.jobs = jobs
        self.color = color
        self.duplex = duplex
        self.media = media
        self.mediaDefault = mediaDefault
        self.shared = shared
        self.local = local
        self.isDefault = isDefault
        self.localQueue = localQueue
        self.allow = allow
    }
}

/// `officeshare printer share QUEUE [--allow P]...`.
package struct PrinterShareRequest: Codable, Sendable {
    /// Principals as typed; empty: the whole office.
    package var allow: [String]
    package init(allow: [String]) { self.allow = allow }
}

/// `officeshare printer default NODE/QUEUE`.
package struct PrinterDefaultModel: Codable, Sendable {
    package var path: String
    package init(path: String) { self.path = path }
}

/// What `officeshare print` wants, before the document is sent.
package struct PrintRequest: Codable, Sendable {
    /// `NODE/QUEUE`; nil: the caller's default.
    package var to: String?
    package var title: String
    /// Options as `-o` takes them: `copies=2`, `sides=two-sided-long-edge`, `fit-to-page`.
    package var options: [String]
    /// Not to be printed before it is released.
    package var hold: Bool
    /// The document's first bytes, at most 4,096 of them, in base64: they tell what it is.
    package var head: String

    package init(to: String?, title: String, options: [String], hold: Bool, head: String) {
        self.to = to
        self.title = title
        self.options = options
        self.hold = hold
        self.head = head
    }
}

/// A job as it was taken.
package struct PrintedModel: Codable, Sendable {
    package var id: String
    /// `NODE/QUEUE`.
    package var path: String
    package var title: String
    package init(id: String, path: String, title: String) {
        self.id = id
        self.path = path
        self.title = title
    }
}

/// One job of `officeshare jobs`.
package struct JobModel: Codable, Sendable {
    package var id: String
    /// `NODE/QUEUE`.
    package var path: String
    package var title: String
    /// `USER@NODE`.
    package var user: String
    @OrNull package var pages: Int?
    package var size: Int64
    package var state: String
    package var reasons: [String]
    package var submitted: Timestamp
    @OrNull package var completed: Timestamp?

    package init(
        id: String, path: String, title: String, user: String, pages: Int?, size: Int64, state: String,
        reasons: [String], submitted: Timestamp, completed: Timestamp?
    ) {
        self.id = id
        self.path = path
        self.title = title
        self.user = user
        self.pages = pages
        self.size = size
        self.state = state
        self.reasons = reasons
        self.submitted = submitted
        self.completed = completed
    }

    /// Whether nothing more happens to it by itself.
    package var isFinal: Bool { ["completed", "canceled", "aborted"].contains(state) }
}

/// `officeshare job cancel|hold|release|reprint|move`.
package struct JobChangeRequest: Codable, Sendable {
    /// `cancel`, `hold`, `release`, `reprint` or `move`.
    package var change: String
    /// Where to, for `move`.
    package var to: String?
    package init(change: String, to: String? = nil) {
        self.change = change
        self.to = to
    }
}
