import OfficeControl
import OfficeCore
import OfficeStore
import OfficeTrust

/// Where a share's path leads to, since it was moved to the centre: to the space, and after `demote` to the share that
/// the last file server made of that.
struct SpaceAliases: Sendable {
    /// What the path of one share stands for.
    enum Target: Sendable {
        case space(Label)
        case share(NodeID, Label)
    }

    let office: OfficeKeeper
    let server: FileServer
    let shares: ShareKeeper
    let directory: PeerDirectory

    /// nil where the share is its owner's own: what it shares itself, if only anew, goes before.
    func target(of owner: NodeID, _ share: Label) async -> Target? {
        var moved: Label?
        if owner == office.identity.id {
            moved = await shares.movedTo(share)
            if moved == nil, await shares.has(share) { return nil }
        } else if let known = await directory[owner], known.presence == .online,
            known.offers.contains(where: { $0.name == share && $0.isSpace != true })
        {
            return nil
        }
        let former = SpaceRecord.Source(owner: owner, share: share)
        if let space = await offers().first(where: { $0.formerly == former }) { return .space(space.name) }
        if let last = await Self.successor(of: former, office, shares, directory) { return last }
        return moved.map { .space($0) }
    }

    /// The office's spaces, as this node hears of them.
    private func offers() async -> [PeerOffer] {
        var offers: [PeerOffer] = []
        for node in await office.state?.fileServer?.setting.nodes ?? [] {
            let isOwn = node == office.identity.id
            offers += isOwn ? await server.offers(for: node) : await directory[node]?.offers ?? []
        }
        return offers.filter { $0.isSpace == true }
    }

    /// What the last file server made of the space that a share was, as far as this node has heard.
    fileprivate static func successor(
        of former: SpaceRecord.Source, _ office: OfficeKeeper, _ shares: ShareKeeper, _ directory: PeerDirectory
    ) async -> Target? {
        if let share = await shares.successor(of: former) { return .share(office.identity.id, share) }
        for (node, known) in await directory.known {
            guard let offer = known.offers.first(where: { $0.formerly == former && $0.isSpace != true }) else {
                continue
            }
            return .share(node, offer.name)
        }
        return nil
    }
}

/// Gives its own folder back to a share whose space is no more, as soon as the file server has said so.
struct MovedShares: Sendable {
    private static let longestAnswer = 4 << 20

    let office: OfficeKeeper
    let shares: ShareKeeper
    let directory: PeerDirectory
    let pool: PeerPool

    /// The file server is there, or its spaces have changed.
    func heard(from node: NodeID) async {
        guard await office.isFileServer(node), await !shares.moved.isEmpty, let user = try? UserName("root") else {
            return
        }
        let call = SpaceCall(epoch: await office.epoch, user: user, manages: false, request: .moved)
        // What can't be asked now is asked the next time.
        guard
            let answer = try? await pool.ask(node, "/v1/spaces", call, limit: Self.longestAnswer, as: SpaceAnswer.self)
        else { return }
        for name in await shares.moved where !answer.moved.contains(name.description) {
            let former = SpaceRecord.Source(owner: office.identity.id, share: name)
            // What was written to it since is in the share of an earlier file server.
            guard await SpaceAliases.successor(of: former, office, shares, directory) == nil else { continue }
            try? await shares.setMoved(name, to: nil)
        }
    }
}
