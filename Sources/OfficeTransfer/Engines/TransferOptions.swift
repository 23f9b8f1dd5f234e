package import OfficeCore

/// A file or folder in a share of some node.
package struct RemotePlace: Sendable, Hashable, CustomStringConvertible {
    package var node: Label
    package var share: Label
    package var path: RelativePath

    package init(node: Label, share: Label, path: RelativePath = .root) {
        self.node = node
        self.share = share
        self.path = path
    }

    /// Of a path as people type it: it has to name a share.
    package init(_ path: OfficePath) throws(OfficeError) {
        guard let share = path.share else {
            throw OfficeError(
                .malformed, path.description, "this names a node, not what is in one of its shares",
                mend: "Write NODE/SHARE/PATH; 'officeshare ls \(path.node)' shows what there is.")
        }
        self.init(node: path.node, share: share, path: path.path)
    }

    package var description: String { OfficePath(node: node, share: share, path: path).description }

    /// What a copy of it is called: its last name, or the share's.
    package var name: FileName {
        get throws(OfficeError) {
            if let last = path.last { return last }
            return try FileName(share.bytes)
        }
    }

    /// `path` beneath this place, as people read it.
    func description(of path: RelativePath) -> String {
        ((try? self.path.appending(path)).map { RemotePlace(node: node, share: share, path: $0) } ?? self).description
    }
}

/// How a transfer is to be done.
package struct TransferOptions: Sendable {
    /// Folders with all that is in them.
    package var recursive = false
    /// Replaces what is there and different.
    package var force = false
    /// Bytes of content a second, at most; nil: as many as go.
    package var bytesPerSecond: Int64?
    /// How long it goes on asking again while nothing comes.
    package var patience: Duration = .seconds(10)
    /// How often a file that keeps changing is begun anew.
    package var changes = 5
    package var limits = TransferLimits()
    package var clock = TransferClock.continuous
    /// By what it can be held; the hold's time then takes the place of `clock`.
    package var hold: TransferHold?
    /// Told now and then, and at the end, on any thread; has to return at once.
    package var progress: @Sendable (TransferProgress) -> Void = { _ in }

    package init() {}
}
