import HTTPTypes
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Which members have contents of this node's in shares of their own, as they say: asked while somebody reads such a
/// content, and remembered for a while.
///
/// Nobody waits for that: what a member says is there for who asks next.
actor KnownHolders {
    private struct Content {
        var asked: ContinuousClock.Instant
        var rounds = 1
        var holders: Set<NodeID> = []
    }

    private static let mostContents = 256
    private static let mostAsked = 64
    private static let atOnce = 4
    private static let longestAnswer = 4 << 10
    /// A member hashes its file in the background: it is asked a few times soon, and then seldom.
    private static let soon = Duration.seconds(2)
    private static let soonRounds = 5
    private static let seldom = Duration.seconds(60)

    private let office: OfficeKeeper
    private let directory: PeerDirectory
    private let pool: PeerPool
    /// Whose tickets those who have it are shown: they have to know its running time.
    private let tracker: ReadingTracker
    private var contents: [ContentRoot: Content] = [:]
    /// Contents of versions of files: reckoned once.
    private var roots: [String: ContentRoot] = [:]

    init(office: OfficeKeeper, directory: PeerDirectory, pool: PeerPool, tracker: ReadingTracker) {
        self.tracker = tracker
        self.office = office
        self.directory = directory
        self.pool = pool
    }

    /// The content of a version of a file, where it is known already.
    func root(of version: String, _ find: () async throws -> ContentRoot?) async rethrows -> ContentRoot? {
        if let known = roots[version] { return known }
        guard let root = try await find() else { return nil }
        if roots.count >= Self.mostContents { roots = [:] }
        roots[version] = root
        return root
    }

    /// Who has said so by now; asks them, where that is long ago.
    func holders(of root: ContentRoot, size: Int64) -> Set<NodeID> {
        guard size >= OwnContents.smallestFile else { return [] }
        let now = ContinuousClock.now
        var content = contents[root] ?? Content(asked: now, rounds: 0)
        let interval = content.rounds <= Self.soonRounds ? Self.soon : Self.seldom
        guard content.rounds == 0 || now - content.asked >= interval else { return content.holders }
        if contents[root] == nil, contents.count >= Self.mostContents,
            let oldest = contents.min(by: { $0.value.asked < $1.value.asked })
        {
            contents[oldest.key] = nil
        }
        content.asked = now
        content.rounds += 1
        contents[root] = content
        Task { await self.ask(root, size) }
        return content.holders
    }

    private func ask(_ root: ContentRoot, _ size: Int64) async {
        var online: [NodeID] = []
        for node in await office.otherMembers() where await directory[node]?.presence == .online { online.append(node) }
        var rest = online.prefix(Self.mostAsked)[...]
        await withTaskGroup(of: (NodeID, Bool)?.self) { group in
            func next() {
                guard let node = rest.popFirst() else { return }
                group.addTask { await self.holds(node, root, size).map { (node, $0) } }
            }
            for _ in 0..<Self.atOnce { next() }
            while let answer = await group.next() {
                if let (node, holds) = answer { told(root, node, holds) }
                next()
            }
        }
    }

    private func told(_ root: ContentRoot, _ node: NodeID, _ holds: Bool) {
        if holds { contents[root]?.holders.insert(node) } else { contents[root]?.holders.remove(node) }
    }

    /// nil where it can't be asked.
    private func holds(_ node: NodeID, _ root: ContentRoot, _ size: Int64) async -> Bool? {
        let asked = HeldRequest(
            root: root, size: size, incarnation: tracker.incarnation, now: tracker.running.now)
        guard let bytes = try? JSONEncoder().encode(asked) else { return nil }
        var head = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: HeldRequest.path)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(bytes.count)
        return try? await pool.exchange(
            with: node, head, send: { try await $0(ByteBuffer(bytes: bytes)) },
            receive: { _, body in try await body.decoded(as: HeldAnswer.self, limit: Self.longestAnswer).held })
    }
}

/// `POST /v1/contents/held`: whether a member has a content of the caller's in a share of its own.
struct HeldRequest: Codable, Sendable {
    static let path = "/v1/contents/held"

    var root: ContentRoot
    var size: Int64
    /// Which run of the owner's node this is, and for how long it has run, in milliseconds.
    var incarnation: String
    var now: Int64
}

struct HeldAnswer: Codable, Sendable {
    var held: Bool
}
