import NIOConcurrencyHelpers
import OfficeControl
import OfficeCore

/// Something that the file server wants people to know, as it is told to one member.
struct PeerNotice: Codable, Sendable, Hashable {
    /// That the standby is behind.
    static let standby = "standby"

    /// `conflict`, `standby` or `merge`.
    var kind: String
    var what: String
    var why: String
    var mend: String?

    init(kind: String, what: String, why: String, mend: String?) {
        self.kind = kind
        self.what = what
        self.why = why
        self.mend = mend
    }

    /// Of a conflict, as its authors and the file server's own people read it.
    init(_ conflict: FileServer.ToldConflict) {
        self.init(
            kind: "conflict", what: conflict.copy,
            why: "\(conflict.author) changed \(conflict.path)"
                + (conflict.other.map { " while \($0) did" } ?? " while somebody else did") + ": both are kept",
            mend: "Bring the two together, and remove this one.")
    }
}

/// What the office's file server told this node last; or, where this node is it, what it tells.
final class NoticeBoard: Sendable {
    /// Of one node, and bytes of each text.
    private static let most = 64
    private static let longest = 1024

    private let heard = NIOLockedValueBox<[NodeID: [PeerNotice]]>([:])
    /// What wasn't known before.
    let news = EventHub<PeerNotice>()

    /// All that holds at that node, in place of what it told before.
    func take(_ notices: [PeerNotice], from node: NodeID) {
        let bounded = notices.prefix(Self.most).map { notice in
            PeerNotice(
                kind: String(notice.kind.prefix(32)), what: String(notice.what.prefix(Self.longest)),
                why: String(notice.why.prefix(Self.longest)), mend: notice.mend.map { String($0.prefix(Self.longest)) })
        }
        let new = heard.withLockedValue { heard in
            let known = Set(heard[node] ?? [])
            heard[node] = bounded.isEmpty ? nil : bounded
            return bounded.filter { !known.contains($0) }
        }
        for notice in new { news.send(notice) }
    }

    func notices(of node: NodeID) -> [PeerNotice] { heard.withLockedValue { $0[node] ?? [] } }

    func problems(of node: NodeID) -> [StatusModel.Problem] {
        notices(of: node).map { .init(what: $0.what, why: $0.why, mend: $0.mend) }
    }
}
