import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeStore

/// `POST /v1/server/standby`: what file server, standby, witnesses and an admin's node ask of each other.
struct StandbyCall: Codable, Sendable {
    enum Step: String, Codable, Sendable {
        /// Server to standby: make your store equal to mine.
        case copy
        /// Server to standby: you are equal now, and follow from here on.
        case join
        /// Server to standby: the generation is over.
        case over
        /// Server to witness: the generation is over, and I will acknowledge alone.
        case told
        /// Admin to standby: how do you stand?
        case ask
        /// Admin to witness: were you told? And don't be, for a moment.
        case promise
    }

    var step: Step
    var epoch: Int64
    var generation: Int64 = 0
    /// With `join`: the number of the last change that the copy has.
    var number: Int64 = 0
    var witnesses: [NodeID] = []
    /// With `copy`: what is compared by content, whatever size and time say; nil: everything.
    var distrusted: [RelativePath]?
    /// With `copy`: nothing is written meanwhile.
    var isLast: Bool?
}

struct StandbyAnswer: Codable, Sendable {
    /// Of a standby.
    var follower: FollowerRecord?
    /// Of a witness: the last generation of this epoch that it was told is over.
    var behind: Int64?
}

/// `POST /v1/server/changes`: first this, then each change as its JSON, each with its length (4 bytes, big-endian)
/// before it, and behind a file's its content.
struct ChangesHead: Codable, Sendable {
    var epoch: Int64
    var generation: Int64
    var witnesses: [NodeID]
}

struct ChangeHead: Codable, Sendable {
    var number: Int64
    var change: StoreChange
}

struct ChangesAnswer: Codable, Sendable {
    /// The last change that is on the standby's disk.
    var number: Int64
}

extension HTTPRequest {
    static func changes() -> HTTPRequest {
        var head = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: "/v1/server/changes")
        head.headerFields[.contentType] = "application/octet-stream"
        head.headerFields[.transferEncoding] = "chunked"
        return head
    }
}

/// Calls of one member by another, within some time.
struct MemberCalls: Sendable {
    private static let longestAnswer = 64 << 10

    let office: OfficeKeeper
    let directory: PeerDirectory
    let pool: PeerPool
    let links: PeerLinks

    func isOnline(_ node: NodeID) async -> Bool { await directory[node]?.presence == .online }

    func ask(_ node: NodeID, _ call: StandbyCall, within time: Duration) async throws -> StandbyAnswer {
        try await within(time, node) {
            try await pool.ask(node, "/v1/server/standby", call, limit: Self.longestAnswer)
        }
    }

    /// Cancels what takes longer.
    func within<Answer: Sendable>(
        _ time: Duration, _ node: NodeID, _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let name = await office.name(of: node)
        return try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: time)
                throw OfficeError(.unavailable, name, "the node doesn't answer")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw HTTPConnection.lost }
            return answer
        }
    }
}
