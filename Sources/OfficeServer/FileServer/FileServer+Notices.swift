import OfficeCore
import OfficeStore
import OfficeTrust

// What the file server's people and the office's have to know, and nobody would look for.

extension FileServer {
    /// Conflicts that are told to one node.
    private static let mostTold = 32

    /// A conflict by the names that people know.
    struct ToldConflict: Sendable {
        let path: String
        let copy: String
        let author: String
        let other: String?
        /// First halves of the ids of the nodes that it concerns.
        let nodes: Set<String>
    }

    /// What one member's people are told; this node's own: everything.
    func notices(for node: NodeID) async -> [PeerNotice] {
        guard store != nil else { return [] }
        let isOwn = node == office.identity.id
        let others = (await standbyNotice().map { [$0] } ?? []) + (await mergeNotices())
        let concerned = await conflicts().filter { isOwn || $0.nodes.contains(node.short) }
        return others + concerned.suffix(Self.mostTold).map(PeerNotice.init)
    }

    private func conflicts() async -> [ToldConflict] {
        guard let store, let state = await office.state else { return [] }
        let spaces = store.store.spaces
        let found = (try? await onDisk { () throws(OfficeError) in spaces.map { ($0.name, $0.openConflicts) } }) ?? []
        let names = Dictionary(
            state.members.map { ($0.key.short, $0.value.name.description) }, uniquingKeysWith: { first, _ in first })
        func shown(_ author: Author) -> String { "\(author.user)@\(names[author.node] ?? author.node)" }
        return found.flatMap { space, conflicts in
            conflicts.map { conflict in
                ToldConflict(
                    path: "\(Label.office)/\(space)/\(conflict.path)",
                    copy: "\(Label.office)/\(space)/\(conflict.copy)",
                    author: shown(conflict.author), other: conflict.other.map(shown),
                    nodes: Set([conflict.author.node] + (conflict.other.map { [$0.node] } ?? [])))
            }
        }
    }

    /// Takes down what holds here now, and tells members where it is something else than before.
    func lookAtNotices() async {
        let (own, before) = (await notices(for: office.identity.id), board.notices(of: office.identity.id))
        guard own != before else { return }
        board.take(own, from: office.identity.id)
        noticesChanged.send(())
    }

    /// Something that members are told of is otherwise now.
    func tellNotices() async {
        board.take(await notices(for: office.identity.id), from: office.identity.id)
        noticesChanged.send(())
    }
}
