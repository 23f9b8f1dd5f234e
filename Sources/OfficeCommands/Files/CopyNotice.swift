import OfficeControl
import OfficeCore
import OfficeTransfer

extension Session {
    /// Tells people that what they are about to read is a copy, whose, and how old. Where that can't be found out nothing
    /// is said: the reading itself tells what is wrong.
    func noticeCopies(of places: [RemotePlace]) async {
        guard !isQuiet, !wantsJSON else { return }
        var seen: Set<[UInt8]> = []
        for place in places where seen.insert(place.node.bytes + [0x2F] + place.share.bytes).inserted {
            guard
                let offers: [OfferModel] = try? await client.get(OfferList.path(of: place.node)),
                let offer = offers.first(where: { Array($0.share.utf8) == place.share.bytes }), !offer.online,
                let server = offer.servedBy
            else { continue }
            let age = offer.asOf.map { ", as of \(HumanText.localTime($0))" } ?? ""
            notice("\(offer.path) is read from the copy on \(server)\(age).")
        }
    }
}
