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

/// Carries offers and reports to other members. What is for this node itself goes the same way, without a wire.
struct DeliveryCarrier: Sendable {
    private static let longestAnswer = 64 << 10

    let office: OfficeKeeper
    let directory: PeerDirectory
    let pool: PeerPool

    func offer(_ offer: DeliveryOffer, to node: NodeID) async throws -> DeliveryReport {
        try await exchange("/v1/deliveries", offer, with: node) { stream in
            try await stream.decoded(as: DeliveryReport.self, limit: Self.longestAnswer)
        }
    }

    func report(_ report: DeliveryReport, to node: NodeID) async throws {
        try await exchange("/v1/deliveries/\(report.id)/report", report, with: node) { stream in
            for try await _ in stream {}
        }
    }

    private func exchange<Answer: Sendable>(
        _ path: String, _ body: some Encodable & Sendable, with node: NodeID,
        receive: @escaping @Sendable (BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let name = await office.name(of: node)
        guard await office.isOtherMember(node) else {
            throw OfficeError(.notFound, name, "it is no member of the office any more")
        }
        if let known = await directory[node], known.presence == .offline || known.presence == .gone {
            let since = known.lastSeen.map { " since \($0)" } ?? ""
            throw OfficeError(.unavailable, name, "the node is offline\(since)")
        }
        let bytes = ByteBuffer(bytes: try JSONEncoder().encode(body))
        var head = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: path)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(bytes.readableBytes)
        do {
            return try await pool.exchange(with: node, head, send: { try await $0(bytes) }) { _, stream in
                try await receive(stream)
            }
        } catch let error as OfficeError where error == HTTPConnection.lost || error == PeerConnector.unreachable {
            throw error.about(name)
        }
    }
}

/// Fetches the content of a delivery from its sender: the share of the exchange is the delivery's id.
struct DeliveryTransport: ShareTransport {
    let office: OfficeKeeper
    let pool: PeerPool
    let node: NodeID
    let governor: TransferGovernor
    /// What is sent to several comes from all who receive it.
    let passing: PassingDesk

    func exchange<Answer: Sendable>(
        node name: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        do {
            return try await pool.exchange(with: node, Self.head(share, verb), send: send) { _, body in
                try await receive(governor.paced(body, .in, with: node))
            }
        } catch let error as OfficeError where error == HTTPConnection.lost || error == PeerConnector.unreachable {
            throw error.about(name.description)
        }
    }
    func reading(_ reading: ContentReading, node name: Label, share: Label) async -> ContentDemand? {
        await passing.reading(reading, of: .delivery(share.description), at: node, user: "")
    }

    func fetchShared<Answer: Sendable>(
        _ content: ContentRoot, node name: Label, share: Label, from source: SharedSource,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let exchange = SharedExchange(office: office, pool: pool, governor: governor, load: .people, passing: passing)
        return try await exchange.run(
            .init(origin: node, root: content), Self.head(share, .fetch), user: "", from: source, send: send,
            receive: receive)
    }

    private static func head(_ share: Label, _ verb: ShareVerb) -> HTTPRequest {
        var head = HTTPRequest(
            method: .post, scheme: "https", authority: "officeshare", path: "/v1/deliveries/\(share)/\(verb.rawValue)")
        head.headerFields[.contentType] = FrameMediaType.name
        head.headerFields[.transferEncoding] = "chunked"
        return head
    }
}
