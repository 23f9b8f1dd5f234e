import AsyncAlgorithms
import Hummingbird
import NIOCore
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Deliveries, as programs of this machine ask for them.
struct ControlDeliveryRoutes: Sendable {
    /// How often somebody who waits is told how far it is.
    private static let tick = Duration.milliseconds(500)

    let desk: DeliveryDesk
    let live: LiveSettings

    private var post: PostRoom.Parts { desk.post }

    func add(to router: Router<LocalContext>) {
        addOutbox(to: router)
        addSent(to: router)
        addInbox(to: router)
    }

    // MARK: Sending

    private func addOutbox(to router: Router<LocalContext>) {
        router.post("/v1/outbox") { request, context -> Response in
            let wish = try await request.decoded(as: DeliveryRequest.self, limit: live.limits.bodyBytes)
            return try .json(
                DeliveryOpened(content: try await desk.open(wish, by: context.caller).description))
        }
        // The command line hands a content over as it would put it into a share.
        router.post("/v1/outbox/:content/:verb") { request, context -> Response in
            let content = try context.parameters.delivery("content")
            let verb = try context.parameters.verb()
            let user = try UserName(context.caller.userName)
            return shareResponse { write in
                try await post.gate.run { try await fill(content, verb, by: user, request.body, write) }
            }
        }
        router.post("/v1/outbox/:content") { _, context -> Response in
            let content = try context.parameters.delivery("content")
            let sealed = try await post.outbox.seal(content, by: try UserName(context.caller.userName))
            var models: [DeliveryModel] = []
            for record in sealed { models.append(await desk.model(record)) }
            return try .json(models)
        }
        router.delete("/v1/outbox/:content") { _, context -> Response in
            let content = try context.parameters.delivery("content")
            await post.outbox.abandon(content, by: try UserName(context.caller.userName))
            return .nothing
        }
    }

    private func fill(
        _ content: DeliveryID, _ verb: ShareVerb, by user: UserName, _ body: RequestBody, _ write: @escaping BodyWriter
    ) async throws {
        let outbox = post.outbox
        let folder = try await outbox.enter(content, by: user)
        let counted = body.map { piece in
            try await outbox.count(piece.readableBytes, for: content)
            return piece
        }
        do {
            try await post.responder.respond(
                to: verb, in: folder, mayWrite: true, request: BodyStream(counted), write: write)
        } catch {
            await outbox.leave(content)
            throw error
        }
        await outbox.leave(content)
    }

    private func addSent(to router: Router<LocalContext>) {
        router.get("/v1/sent") { _, context -> Response in
            var models: [DeliveryModel] = []
            for record in await desk.sent(by: context.caller) { models.append(await desk.model(record)) }
            return try .json(models)
        }
        router.get("/v1/sent/:id") { _, context -> Response in
            try .json(await desk.model(try await desk.sent(context.parameters.get("id") ?? "", by: context.caller)))
        }
        router.delete("/v1/sent/:id") { _, context -> Response in
            let record = try await desk.sent(context.parameters.get("id") ?? "", by: context.caller)
            return try .json(await desk.model(try await post.outbox.remove(record.id)))
        }
        router.post("/v1/sent/:id/resend") { request, context -> Response in
            let wish = try await request.decoded(as: ResendRequest.self, limit: live.limits.bodyBytes)
            let record = try await desk.sent(context.parameters.get("id") ?? "", by: context.caller)
            return try .json(await desk.model(try await post.outbox.resend(record.id, force: wish.force)))
        }
        router.get("/v1/sent/:id/events") { _, context -> Response in
            let record = try await desk.sent(context.parameters.get("id") ?? "", by: context.caller)
            return follow {
                guard let now = await post.outbox[record.id] else { throw Outbox.unknown(record.id.description) }
                return await desk.model(now)
            }
        }
    }

    // MARK: Receiving

    private func addInbox(to router: Router<LocalContext>) {
        router.get("/v1/inbox") { _, context -> Response in
            var models: [DeliveryModel] = []
            for record in await desk.received(by: context.caller) { models.append(await desk.model(record)) }
            return try .json(models)
        }
        router.post("/v1/inbox") { request, context -> Response in
            let wish = try await request.decoded(as: WishRequest.self, limit: live.limits.bodyBytes)
            return try .json(await desk.model(try await desk.want(wish, by: context.caller)))
        }
        router.get("/v1/inbox/:id") { _, context -> Response in
            try .json(await desk.model(try await received(context)))
        }
        router.get("/v1/inbox/:id/events") { _, context -> Response in
            let record = try await received(context)
            return follow {
                guard let now = await post.inbox[record.id] else { throw Inbox.unknown(record.id.description) }
                return await desk.model(now)
            }
        }
        router.post("/v1/inbox/:id/accept") { _, context -> Response in
            let record = try await received(context)
            return try .json(await desk.model(try await post.inbox.accept(record.id)))
        }
        router.post("/v1/inbox/:id/reject") { _, context -> Response in
            let record = try await received(context)
            return try .json(await desk.model(try await desk.reject(record, by: context.caller)))
        }
        router.post("/v1/inbox/:id/taken") { _, context -> Response in
            let record = try await received(context)
            let taken = try await post.inbox.took(record.id, by: try UserName(context.caller.userName))
            return try .json(await desk.model(taken))
        }
        router.post("/v1/inbox/:id/content/:verb") { request, context -> Response in
            let record = try await received(context)
            let verb = try context.parameters.verb()
            let folder = try await post.inbox.folder(of: record.id)
            return shareResponse { write in
                try await post.gate.run {
                    try await post.responder.respond(
                        to: verb, in: folder, mayWrite: false, request: BodyStream(request.body), write: write)
                }
            }
        }
    }

    private func received(_ context: LocalContext) async throws -> IncomingDelivery {
        try await desk.received(context.parameters.get("id") ?? "", by: context.caller)
    }

    /// A delivery as it changes, one JSON object a line, to its end.
    private func follow(_ look: @escaping @Sendable () async throws -> DeliveryModel) -> Response {
        let changes = post.changes.listen()
        return .streaming("application/x-ndjson") { write in
            var last: DeliveryModel?
            func tell() async throws -> Bool {
                let now = try await look()
                guard now != last else { return now.isFinal }
                last = now
                var line = ByteBuffer(bytes: try JSONEncoder().encode(now))
                line.writeString("\n")
                try await write(line)
                return now.isFinal
            }
            if try await tell() { return }
            let ticks = AsyncTimerSequence(interval: Self.tick, clock: .continuous)
            for await _ in merge(changes.map { _ in }, ticks.map { _ in }) {
                if try await tell() { return }
            }
        }
    }
}

extension Parameters {
    func verb() throws -> ShareVerb {
        guard let verb = ShareVerb(rawValue: self.get("verb") ?? "") else {
            throw OfficeError(.notFound, "request", "there is no such verb")
        }
        return verb
    }
}
