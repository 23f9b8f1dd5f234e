import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeTransfer

/// Carries the daemon's own exchanges to other members' shares, and to the office's spaces, in the name of a user of this
/// machine.
///
/// What the command line does by the gateway, the daemon does by this: it keeps pins, and fetches what was sent here.
struct PeerTransport: ShareTransport {
    let office: OfficeKeeper
    let pool: PeerPool
    /// Who wants it: what the owner's access list is asked about.
    let user: String
    let governor: TransferGovernor
    /// Whether others' transfers go before these.
    let load: TransferGovernor.Load
    /// Where contents that others read at the same time come from all who read them.
    let passing: PassingDesk
    /// Whether it is for the copy that the file server keeps.
    var isKeeping = false

    func exchange<Answer: Sendable>(
        node name: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        guard let owner = await office.owner(named: name) else {
            throw OfficeError(.notFound, name.description, "there is no such node in the office")
        }
        guard let node = await office.answering(for: owner) else {
            throw OfficeError(.notFound, name.description, "the office has no file server")
        }
        let head = await head(share, verb, of: owner)
        do {
            return try await pool.exchange(
                with: node, head,
                send: { write in
                    try await send { try await governor.write($0, by: write, .out, with: node, for: load) }
                },
                receive: { _, body in try await receive(governor.paced(body, .in, with: node, for: load)) })
        } catch let error as OfficeError where error == HTTPConnection.lost || error == PeerConnector.unreachable {
            throw error.about(name.description)
        }
    }

    func reading(_ reading: ContentReading, node name: Label, share: Label) async -> ContentDemand? {
        guard let node = await office.node(named: name) else { return nil }
        return await passing.reading(reading, of: .share(share), at: node, user: user)
    }

    func fetchShared<Answer: Sendable>(
        _ content: ContentRoot, node name: Label, share: Label, from source: SharedSource,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        guard let node = await office.node(named: name) else {
            throw OfficeError(.notFound, name.description, "there is no such node in the office")
        }
        let exchange = SharedExchange(office: office, pool: pool, governor: governor, load: load, passing: passing)
        return try await exchange.run(
            .init(origin: node, root: content), .exchange(share, .fetch, user: user), user: user, from: source,
            send: send, receive: receive)
    }

    private func head(_ share: Label, _ verb: ShareVerb, of owner: NodeID) async -> HTTPRequest {
        guard await !office.isOffice(owner) else {
            return .exchange(share, verb, user: user, epoch: await office.epoch)
        }
        var head = HTTPRequest.exchange(share, verb, user: user)
        if isKeeping { head.headerFields[.officeshareKeeping] = "1" }
        return head
    }
}

extension HTTPRequest {
    /// One exchange with a member's share, on behalf of a user of this node.
    static func exchange(_ share: Label, _ verb: ShareVerb, user: String) -> HTTPRequest {
        var head = HTTPRequest(
            method: .post, scheme: "https", authority: "officeshare",
            path: "/v1/shares/\(percentEncoded(share.bytes))/\(verb.rawValue)")
        head.headerFields[.contentType] = FrameMediaType.name
        head.headerFields[.transferEncoding] = "chunked"
        head.headerFields[.officeshareUser] = percentEncoded(user.utf8)
        return head
    }
}
