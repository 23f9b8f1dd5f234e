package import OfficeCore
package import OfficeTransfer

/// Something that moves now: `transfers`.
package struct TransferModel: Codable, Sendable, Equatable {
    /// What a transfer does: the command's name, or for the daemon's own `pin`, `send` and `receive` (of deliveries).
    package enum Kind: String, Codable, Sendable { case get, put, cat, sync, pin, send, receive }
    package enum State: String, Codable, Sendable { case moving, paused }

    package var id: String
    package var kind: Kind
    /// `NODE/SHARE/PATH`; of a delivery `NODE[:USER]/NAME` to whom it goes, or `USER@NODE/NAME` from whom it comes.
    package var path: String
    /// What is there and verified.
    package var bytes: Int64
    /// Of how many, as far as it is known.
    @OrNull package var total: Int64?
    /// Bytes a second, over the last few seconds.
    package var rate: Int64
    package var state: State

    package init(
        id: String, kind: Kind, path: String, bytes: Int64, total: Int64?, rate: Int64, state: State
    ) {
        self.id = id
        self.kind = kind
        self.path = path
        self.bytes = bytes
        self.total = total
        self.rate = rate
        self.state = state
    }
}

/// What a command tells its daemon of its transfer at its start, as the first line of `POST /v1/transfers`.
package struct TransferOpening: Codable, Sendable {
    package var kind: TransferModel.Kind
    package var path: String
    /// It was paused before, at a daemon that is gone.
    package var paused: Bool

    package init(kind: TransferModel.Kind, path: String, paused: Bool) {
        self.kind = kind
        self.path = path
        self.paused = paused
    }
}

/// `POST /v1/transfers/rejections`: who sent a command what was wrong, told at its end.
package struct TransferRejections: Codable, Sendable {
    package var path: String
    package var sources: [TransferSummary.Source]

    package init(path: String, sources: [TransferSummary.Source]) {
        self.path = path
        self.sources = sources
    }
}

/// How far it is, in each line that follows.
package struct TransferStanding: Codable, Sendable, Equatable {
    package var bytes: Int64
    package var total: Int64?
    package var rate: Int64

    package init(bytes: Int64 = 0, total: Int64? = nil, rate: Int64 = 0) {
        self.bytes = bytes
        self.total = total
        self.rate = rate
    }
}

/// What people have a transfer do; the lines of the daemon's answer to it.
package enum TransferOrder: String, Codable, Sendable { case pause, resume, cancel }

extension TransferStanding {
    package init(_ progress: TransferProgress) {
        self.init(
            bytes: progress.bytes, total: progress.totalBytes > 0 ? progress.totalBytes : nil,
            rate: Int64(max(0, min(progress.rate, 1e15))))
    }
}
