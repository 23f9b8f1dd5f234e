import OfficeCore
import OfficeTrust

/// Whose files this node takes in without asking anybody: `inbox.accept` and `inbox.maximumMegabytes`.
struct AcceptRule: Sendable, Hashable {
    enum Decision: Sendable, Hashable { case accept, ask }

    /// As configured: `ask`, `members`, `office`, `NODE`, `USER@NODE`. Names are looked up when they are needed: a node
    /// may join, or get its name, after this node was started.
    let principals: [String]
    let mostBytes: Int64

    func decision(on offer: DeliveryOffer, from node: NodeID, in state: OfficeState?) -> Decision {
        guard offer.size <= mostBytes else { return .ask }
        let principal = Principal(node: node, user: offer.user)
        let isMeant = principals.contains { text in
            switch text {
            case "ask": false
            case "members", Label.office: true
            default:
                state.flatMap { try? AccessList([Grant.parse(text, in: $0)]) }?.allows(principal) ?? false
            }
        }
        return isMeant ? .accept : .ask
    }
}
