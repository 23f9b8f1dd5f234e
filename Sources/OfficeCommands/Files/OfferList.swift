import OfficeControl
import OfficeCore

/// `ls` and `ls NODE`: what there is in the office.
enum OfferList {
    static func show(node: Label?, in session: Session) async throws {
        let offers: [OfferModel] = try await session.client.get(path(of: node))
        try await session.show(array: offers) { table(offers) }
    }

    /// What the daemon has them under.
    static func path(of node: Label?) -> String {
        "/v1/offers" + (node.map { "?node=" + percentEncoded($0.bytes) } ?? "")
    }

    static func table(_ offers: [OfferModel]) -> Table {
        var table = Table("PATH", "KIND", "MODE", "STATE", "COMMENT")
        for offer in offers {
            table.add(
                offer.path.escapedForTerminal, offer.kind.escapedForTerminal, offer.mode.escapedForTerminal,
                state(offer), (offer.comment ?? "").escapedForTerminal)
        }
        return table
    }

    private static func state(_ offer: OfferModel) -> String {
        if let space = offer.movedTo { return "is \(space.escapedForTerminal)" }
        if offer.online { return "online" }
        guard let server = offer.servedBy else { return "offline" }
        return "from \(server.escapedForTerminal)" + (offer.asOf.map { ", as of \(HumanText.localTime($0))" } ?? "")
    }
}
