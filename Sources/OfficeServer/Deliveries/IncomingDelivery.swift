import OfficeCore
import OfficeTrust

/// A delivery in this node's inbox, as it is written down.
struct IncomingDelivery: Codable, Sendable, Hashable {
    /// Where the content comes from.
    enum Origin: Codable, Sendable, Hashable {
        /// A node offered it; the user is that node's word.
        case sent(by: UserName)
        /// A user here wants it from a node's share: `get --queue`.
        case wanted(Wish)
    }

    struct Wish: Codable, Sendable, Hashable {
        var share: Label
        var path: RelativePath
        var recursive: Bool
    }

    let id: DeliveryID
    let from: NodeID
    let origin: Origin
    /// nil: everyone who uses this node.
    let to: UserName?
    let name: RelativePath
    var size: Int64
    var root: ContentRoot?
    let received: Timestamp
    var attempt = 1
    var state: DeliveryState
    var reason: String?
    var receipt: Receipt?
    /// When it was taken out of the inbox, and by whom: its content is theirs then, and no more here.
    var taken: Timestamp?
    var takenBy: UserName?

    init(_ offer: DeliveryOffer, from node: NodeID, state: DeliveryState) {
        (id, from, to, name, size, root) = (offer.id, node, offer.to, offer.name, offer.size, offer.root)
        (attempt, origin, received, self.state) = (offer.attempt, .sent(by: offer.user), .now, state)
    }

    /// What a user wants fetched from a node that may be away.
    init(_ wish: Wish, from node: NodeID, by user: UserName) throws(OfficeError) {
        let name = if let last = wish.path.last { last } else { try FileName(wish.share.bytes) }
        (id, from, to, self.name) = (DeliveryID(), node, user, try RelativePath([name]))
        (size, origin, received, state) = (0, .wanted(wish), .now, .moving)
    }

    var report: DeliveryReport {
        DeliveryReport(id: id, attempt: attempt, state: state, reason: reason, receipt: receipt)
    }

    /// Whether somebody here has still to do with it: it counts against the limits.
    var isOpen: Bool { taken == nil && state != .rejected }
    /// Whether its content is in the spool, or may be on its way there.
    var holdsContent: Bool { taken == nil && (state == .moving || state == .delivered) }

    func isFor(_ user: UserName) -> Bool { to == nil || to == user }

    /// Whether an offer of the same id is of the same thing.
    func isSame(as offer: DeliveryOffer, from node: NodeID) -> Bool {
        guard case .sent(let user) = origin else { return false }
        return from == node && user == offer.user && to == offer.to && name == offer.name && size == offer.size
            && root == offer.root
    }
}
