import OfficeCore
import OfficeTrust

/// A delivery in this node's outbox, as it is written down.
struct OutgoingDelivery: Codable, Sendable, Hashable {
    /// What is to be done with the content.
    enum Errand: Codable, Sendable, Hashable {
        /// Into the inbox of a user of the node; nil: of everyone who uses it.
        case send(to: UserName?)
        /// Into one of its shares, by the share's rules: `put --queue`.
        case put(Upload)
    }

    struct Upload: Codable, Sendable, Hashable {
        var share: Label
        var path: RelativePath
        var recursive: Bool
        var force: Bool
        /// What files of it were made from, as it was noted on them.
        var notes: [Note]?

        struct Note: Codable, Sendable, Hashable {
            var name: RelativePath
            var bytes: [UInt8]
        }
    }

    let id: DeliveryID
    /// Its content's place in the spool: deliveries of one content to several nodes share it.
    let content: DeliveryID
    let name: RelativePath
    var size: Int64
    /// nil of what is more than one file.
    var root: ContentRoot?
    let user: UserName
    let to: NodeID
    var errand: Errand
    let created: Timestamp
    var attempt = 1
    var state = DeliveryState.queued
    /// Why it waits, or was rejected.
    var reason: String?
    /// The receiver's, of its last delivery: kept for good.
    var receipt: Receipt?
    /// When it came to its end.
    var ended: Timestamp?
    /// Whether its content is still in the spool.
    var isKept = true
    /// Whether somebody here has paused it; nil: no.
    var isPaused: Bool?

    var offer: DeliveryOffer? {
        guard case .send(let recipient) = errand, let root else { return nil }
        return DeliveryOffer(
            id: id, attempt: attempt, name: name, size: size, root: root, user: user, to: recipient)
    }

    /// Whether the outbox has still something to do for it.
    var isOpen: Bool { !state.isFinal }

    /// What nobody else may have: a rejected `put --queue` was the only copy, for all that is known here.
    var isPrecious: Bool {
        if case .put = errand { return state == .rejected }
        return false
    }
}

/// A node that deliveries wait for: uploads have a lane of their own, so that a long one holds up nothing.
struct Destination: Hashable, Sendable {
    var node: NodeID
    var isUpload: Bool

    init(_ delivery: OutgoingDelivery) {
        node = delivery.to
        if case .put = delivery.errand { isUpload = true } else { isUpload = false }
    }

    init(node: NodeID, isUpload: Bool) {
        self.node = node
        self.isUpload = isUpload
    }
}
