import Hummingbird
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficePrinting
import OfficeTrust

/// What members may ask of this node's queues: hand in jobs, and change their own.
struct PeerPrintRoutes: Sendable {
    private static let longestTicket = 64 << 10

    let house: PrintHouse
    let gate: ExchangeGate

    func add(
        to router: Router<MemberContext>,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/queues/:queue/jobs") { request, context -> Response in
            try await admit(request, context)
            return try await take(request, context)
        }
        router.put("/v1/jobs/:job/document") { request, context -> Response in
            try await admit(request, context)
            let job = try context.parameters.job()
            let offset = request.uri.queryParameters["offset"].flatMap { Int64($0) } ?? 0
            guard offset >= 0 else { throw OfficeError(.malformed, "offset", "it is negative") }
            try await gate.run {
                try await house.received.receive(request.body, from: offset, of: job, from: context.caller.node)
            }
            return .nothing
        }
        router.post("/v1/jobs/:job/changes") { request, context -> Response in
            try await admit(request, context)
            let wish = try await request.decoded(as: PeerJobChange.self, limit: Self.longestTicket)
            let principal = Principal(node: context.caller.node, user: wish.user)
            return try .json(
                try await house.received.change(try context.parameters.job(), wish.change, by: principal))
        }
    }

    private func take(_ request: Request, _ context: MemberContext) async throws -> Response {
        var offer = try await request.decoded(as: JobOffer.self, limit: Self.longestTicket)
        let queue = try context.parameters.label("queue")
        try await house.keeper.check(queue, for: Principal(node: context.caller.node, user: offer.ticket.user))
        // Of what came from the network only what is known here is kept.
        offer.ticket.queue = queue
        offer.ticket.title = Sanitizer.text(offer.ticket.title, most: PrintTicket.longestTitle) ?? "Untitled"
        offer.ticket.attributes = JobAttributes.kept(of: offer.ticket.attributes)
        guard offer.ticket.size > 0, offer.ticket.attempt > 0, offer.ticket.attempt < 1 << 30,
            let format = Sanitizer.mimeType(offer.ticket.format)
        else { throw OfficeError(.malformed, "job", "its ticket can't be right") }
        offer.ticket.format = format
        return try .json(try await house.received.accept(offer, from: context.caller.node))
    }
}

extension Parameters {
    func job() throws -> JobID { try JobID(self.get("job") ?? "") }
}
