import Hummingbird
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer

/// What members may do with deliveries: offer theirs, fetch what is for them, and say how it stands.
struct PeerDeliveryRoutes: Sendable {
    /// Bytes of an offer or a report.
    private static let longestMessage = 64 << 10

    let post: PostRoom.Parts

    func add(
        to router: Router<MemberContext>,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/deliveries") { request, context -> Response in
            try await admit(request, context)
            let offer = try await request.decoded(as: DeliveryOffer.self, limit: Self.longestMessage)
            return try .json(
                try await post.inbox.take(offer, from: context.caller.node, in: await post.office.state))
        }
        router.post("/v1/deliveries/:id/report") { request, context -> Response in
            try await admit(request, context)
            let node = context.caller.node
            let report = try await request.decoded(as: DeliveryReport.self, limit: Self.longestMessage)
            guard report.id == (try context.parameters.delivery()) else {
                throw OfficeError(.malformed, report.id.description, "it is another delivery")
            }
            try await post.outbox.told(report, by: node, key: try await post.key(of: node))
            return .nothing
        }
        router.post("/v1/deliveries/:id/fetch") { request, context -> Response in
            try await admit(request, context)
            let id = try context.parameters.delivery()
            let node = context.caller.node
            let folder = try await post.outbox.folder(of: id, for: node)
            let outbox = post.outbox
            return shareResponse { write in
                try await post.gate.run {
                    try await post.responder.respond(
                        to: .fetch, in: folder, mayWrite: false, request: BodyStream(request.body)
                    ) { piece in
                        try await post.governor.write(piece, by: write, .out, with: node)
                        // Paused or taken back meanwhile: no more of it.
                        _ = try await outbox.served(id, to: node)
                    }
                }
            }
        }
    }
}

extension Parameters {
    func delivery(_ key: String = "id") throws -> DeliveryID { try DeliveryID(self.get(key) ?? "") }
}
