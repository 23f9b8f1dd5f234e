import OfficeControl
import OfficeCore

/// `ls` and `ls NODE`: what there is in the office.
enum OfferList {
    static func show(node: Label?, in session: Session) async throws {
        let query = node.map { "?node=" + percentEncoded($0.bytes) } ?? ""
        let offers: [OfferModel] = try await session.client.get("/v1/offers\(query)")
        try await session.show(array: offers) { table(offers) }
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
        if offer.online { return "online" }
        guard let server = offer.servedBy else { return "offline" }
        return "from \(server.escapedForTerminal)" + (offer.asOf.map { ", as of \(HumanText.localTime($0))" } ?? "")
    }
}
