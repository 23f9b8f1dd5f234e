import HTTPTypes
import HummingbirdCore
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

/// `office/…`, from any node: what is asked of the office's spaces goes to the node that serves them today.
struct OfficeGateway: Sendable {
    /// Bytes of an answer about spaces: a hundred thousand versions.
    private static let longestAnswer = 64 << 20

    let office: OfficeKeeper
    let server: FileServer
    let desk: SpaceDesk
    let directory: PeerDirectory
    let pool: PeerPool
    let spaces: SpaceSwitch

    struct Centre: Sendable {
        let node: NodeID
        let name: String
        let epoch: Int64
    }

    /// Where the file server is, as this node's log has it.
    func centre() async throws(OfficeError) -> Centre {
        guard let state = await office.state else { throw OfficeKeeper.inNone }
        guard let setting = state.fileServer?.setting, let node = await asked(of: setting.nodes) else {
            throw OfficeError(
                .notFound, Label.office, "the office has no file server",
                mend: "An admin can make a node one with 'officeshare promote NODE'.")
        }
        return Centre(node: node, name: await office.name(of: node), epoch: setting.epoch)
    }

    /// Of the nodes that serve the store the one to ask: this one, or the first that is there.
    private func asked(of nodes: [NodeID]) async -> NodeID? {
        guard nodes.count > 1 else { return nodes.first }
        if nodes.contains(office.identity.id), await server.failure == nil { return office.identity.id }
        for node in nodes {
            if let known = await directory[node], known.presence == .online, !known.isWithoutStore { return node }
        }
        return nodes.first
    }

    /// Whether the file server is there and its store isn't, as it says.
    func isWithoutStore() async -> Bool {
        guard let centre = try? await centre() else { return false }
        return await directory[centre.node]?.isWithoutStore == true
    }

    /// One exchange with a space. The user's name is this node's word.
    ///
    /// - Parameter tap: What comes is of a content that others read, too: it is kept for them.
    func exchange(
        _ space: Label, _ verb: ShareVerb, user: String, request: RequestBody, write: @escaping BodyWriter,
        tap: ContentTap? = nil
    ) async throws {
        let centre = try await centre()
        guard centre.node != office.identity.id else {
            let principal = Principal(node: centre.node, user: try UserName(user))
            return try await spaces.exchange(
                space, verb, for: principal, epoch: centre.epoch, mayPass: true, request: request, write: write)
        }
        try await reach(centre) {
            try await pool.exchange(
                with: centre.node, .exchange(space, verb, user: user, epoch: centre.epoch),
                send: { write in for try await piece in request { try await write(piece) } },
                receive: { _, answer in
                    for try await piece in answer {
                        await tap?.take(piece)
                        try await write(piece)
                    }
                })
        }
    }

    /// Asks about spaces.
    func ask(_ request: SpaceRequest, by caller: SpaceCaller) async throws -> SpaceAnswer {
        let centre = try await centre()
        guard centre.node != office.identity.id else {
            return try await spaces.answer(request, for: caller, epoch: centre.epoch, mayPass: true)
        }
        let call = SpaceCall(
            epoch: centre.epoch, user: caller.principal.user, manages: caller.manages, request: request)
        return try await reach(centre) {
            try await pool.ask(centre.node, "/v1/spaces", call, limit: Self.longestAnswer)
        }
    }

    private func reach<Answer>(_ centre: Centre, _ body: () async throws -> Answer) async throws -> Answer {
        if let known = await directory[centre.node], known.presence == .offline || known.presence == .gone {
            let since = known.lastSeen.map { " since \($0)" } ?? ""
            throw OfficeError(
                .unavailable, Label.office, "the file server \(centre.name) is offline\(since)",
                mend: "Run the same again when it is back.")
        }
        do {
            return try await body()
        } catch let error as OfficeError where error == HTTPConnection.lost || error == PeerConnector.unreachable {
            throw error.about("\(Label.office) (on \(centre.name))")
        }
    }
}

/// `POST /v1/spaces` between members.
struct SpaceCall: Codable, Sendable {
    /// The epoch that the caller knows: whoever knows another asks for the log first.
    var epoch: Int64
    var user: UserName
    var manages: Bool
    var request: SpaceRequest
    /// The node of the caller, where another one that serves the store passes it on.
    var onBehalf: NodeID?
}

extension HTTPRequest {
    /// One exchange with a space of the office, at the file server of an epoch.
    static func exchange(_ space: Label, _ verb: ShareVerb, user: String, epoch: Int64) -> HTTPRequest {
        var head = HTTPRequest.exchange(space, verb, user: user)
        head.path = "/v1/spaces/\(percentEncoded(space.bytes))/\(verb.rawValue)"
        head.headerFields[.officeshareEpoch] = String(epoch)
        return head
    }
}

extension HTTPField.Name {
    /// The epoch of the file server that the caller knows.
    static let officeshareEpoch = Self.known("Officeshare-Epoch")
}

extension PeerPool {
    /// Asks a member for JSON by JSON.
    nonisolated func ask<Answer: Decodable & Sendable>(
        _ node: NodeID, _ path: String, _ body: some Encodable & Sendable, limit: Int,
        as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(body))
        var head = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: path)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(bytes.readableBytes)
        return try await exchange(with: node, head, send: { try await $0(bytes) }) { _, stream in
            try await stream.decoded(as: Answer.self, limit: limit)
        }
    }
}
