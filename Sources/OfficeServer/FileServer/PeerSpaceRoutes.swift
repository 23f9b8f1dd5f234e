import HTTPTypes
import Hummingbird
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeStore
import OfficeTransfer
import OfficeTrust

/// What members may ask of this node as the office's file server.
struct PeerSpaceRoutes: Sendable {
    let office: OfficeKeeper
    let server: FileServer
    let desk: SpaceDesk
    let links: PeerLinks
    let pool: PeerPool
    let responder: ShareResponder
    let gate: ExchangeGate
    /// Tells those who keep copies of spaces.
    let watcher: ShareWatcher
    let passing: PeerPassingRoutes
    let live: LiveSettings
    let calls: MemberCalls
    let spaces: SpaceSwitch
    let probes: ProbeDesk

    func add(
        to router: Router<MemberContext>,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/spaces/:space/:verb") { request, context -> Response in
            try await admit(request, context)
            return try await exchange(request, context)
        }
        router.get("/v1/spaces/:space") { request, context -> Response in
            try await admit(request, context)
            return try await record(request, context)
        }
        router.post("/v1/readings/spaces/:space") { request, context -> Response in
            try await admit(request, context)
            let writer = try await opened(request, context)
            return try await passing.note(request, context, in: writer.folder)
        }
        router.post("/v1/spaces") { request, context -> Response in
            try await admit(request, context)
            let call = try await request.decoded(as: SpaceCall.self, limit: live.limits.bodyBytes)
            try await agree(on: call.epoch, with: context.caller.node)
            let node = try await speaker(context.caller.node, for: call.onBehalf)
            let caller = SpaceCaller(principal: Principal(node: node, user: call.user), manages: call.manages)
            return try .json(
                try await spaces.answer(call.request, for: caller, epoch: call.epoch, mayPass: call.onBehalf == nil))
        }
        router.post("/v1/server/handover") { request, context -> Response in
            try await admit(request, context)
            guard await office.state?.isAdmin(context.caller.node) == true else {
                throw OfficeError(.notAllowed, "this node", "only an admin may have it hand over")
            }
            let call = try await request.decoded(as: HandOverCall.self, limit: live.limits.bodyBytes)
            return try .json(try await server.handOver(call, by: context.caller.node))
        }
        addMerge(to: router, admit: admit)
        addShared(to: router, admit: admit)
        StandbyDesk(office: office, server: server, calls: calls).add(to: router, live: live, admit: admit)
        router.post("/v1/store/:verb") { request, context -> Response in
            try await admit(request, context)
            let store = try await server.storeToRead(by: context.caller.node)
            guard let verb = ShareVerb(rawValue: context.parameters.get("verb") ?? ""), !verb.writes else {
                throw OfficeError(.notAllowed, "the store", "it can only be read")
            }
            return shareResponse { write in
                try await gate.run {
                    try await responder.respond(
                        to: verb, in: store, mayWrite: false, request: BodyStream(request.body), write: write)
                }
            }
        }
        router.post("/v1/server/store") { request, context -> Response in
            try await admit(request, context)
            let node = context.caller.node
            guard await office.state?.isAdmin(node) == true else {
                throw OfficeError(.notAllowed, "this node", "only an admin may make it the file server")
            }
            let wish = try await request.decoded(as: StoreCall.self, limit: live.limits.bodyBytes)
            var prepared: Promotion.Prepared?
            if let centre = wish.copyFrom {
                let name = try Label(await office.name(of: centre))
                let transport = StoreTransport(pool: pool, node: centre)
                // Who doesn't say so may write nothing meanwhile.
                let isLast = wish.isLast ?? true
                try await server.copy(from: name, by: transport, to: try await path(wish.store), isLast: isLast)
            } else if let epoch = wish.epoch {
                try await agree(on: epoch, with: node)
                await server.adopt()
                _ = try await server.current(epoch)
            } else {
                let path = try await path(wish.store)
                prepared = try await server.prepare(path)
                if wish.asStandby == true { try await server.keepStandby(at: path) }
            }
            return try .json(
                StoreCall(
                    store: percentEncoded(try await path(wish.store)), epoch: wish.epoch,
                    takenIn: prepared?.takenIn, servedEpoch: prepared?.servedEpoch))
        }
    }

    private func path(_ text: String?) async throws(OfficeError) -> [UInt8] {
        guard let text else { return try await server.standbyPath() }
        return try percentDecoded(text)
    }

    private func exchange(_ request: Request, _ context: MemberContext) async throws -> Response {
        guard let verb = ShareVerb(rawValue: context.parameters.get("verb") ?? "") else {
            throw OfficeError(.notFound, "request", "there is no such verb")
        }
        let asked = try await asked(request, context)
        let body = request.body
        return shareResponse { write in
            try await gate.run {
                try await spaces.exchange(
                    asked.space, verb, for: asked.principal, epoch: asked.epoch, mayPass: asked.mayPass, request: body,
                    write: write)
            }
        }
    }

    /// The space that a request names, for who asks.
    private func opened(_ request: Request, _ context: MemberContext) async throws -> SpaceWriter {
        let asked = try await asked(request, context)
        return try await server.open(asked.space, for: asked.principal, epoch: asked.epoch)
    }

    private struct Asked: Sendable {
        let space: Label
        let principal: Principal
        let epoch: Int64
        /// Whether it comes from who wants it, and not from another node that serves the store.
        let mayPass: Bool
    }

    private func asked(_ request: Request, _ context: MemberContext) async throws -> Asked {
        let name = try context.parameters.label("space")
        guard let epoch = request.headers[.officeshareEpoch].flatMap({ Int64($0) }) else {
            throw OfficeError(.malformed, "request", "it names no epoch")
        }
        let user = String(validating: try percentDecoded(request.headers[.officeshareUser] ?? ""), as: UTF8.self) ?? ""
        try await agree(on: epoch, with: context.caller.node)
        let onBehalf = try request.headers[.officeshareOnBehalf].map { (text) throws(OfficeError) in
            try NodeID(hex: text)
        }
        let node = try await speaker(context.caller.node, for: onBehalf)
        return Asked(
            space: name, principal: Principal(node: node, user: try UserName(user)), epoch: epoch,
            mayPass: onBehalf == nil)
    }

    /// Whose word a request is: the caller's, or of another member's for which a node that serves the store passes it on.
    private func speaker(_ caller: NodeID, for other: NodeID?) async throws -> NodeID {
        guard let other else { return caller }
        guard await office.isFileServer(caller), await office.state?.members[other] != nil else {
            throw OfficeError(.notAllowed, "request", "only a node that serves the store may pass it on for another")
        }
        return other
    }

    /// The file server's signed word on a space, for who keeps a copy: from now on they hear of changes.
    private func record(_ request: Request, _ context: MemberContext) async throws -> Response {
        let asked = try await asked(request, context)
        let current = try await server.current(nil)
        switch try await server.doer(of: asked.space, for: asked.principal, epoch: asked.epoch, mayPass: asked.mayPass)
        {
        case .own: await watcher.watch(asked.space, at: try await opened(request, context).space.folder)
        case .other(let node): try await tell(node, ofReader: asked)
        }
        guard let office = await office.state?.office, let record = current.store.record(of: asked.space) else {
            throw Store.unknown(asked.space)
        }
        let identity = self.office.identity
        return try .json(
            try SealedShareRecord(
                ShareStatement(
                    owner: office.asOwner, share: asked.space, access: record.access, comment: nil, time: .now,
                    server: identity.id),
                by: identity))
    }

    /// Has the node that leads a space tell of changes in it: somebody keeps a copy.
    private func tell(_ node: NodeID, ofReader asked: Asked) async throws {
        var head = HTTPRequest(
            method: .get, scheme: "https", authority: "officeshare",
            path: "/v1/spaces/\(percentEncoded(asked.space.bytes))")
        head.headerFields[.officeshareUser] = percentEncoded(asked.principal.user.description.utf8)
        head.headerFields[.officeshareEpoch] = String(asked.epoch)
        head.headerFields[.officeshareOnBehalf] = asked.principal.node.description
        try await pool.exchange(with: node, head) { _, body in for try await _ in body {} }
    }

    /// A caller that knows of a newer epoch has log entries that are missing here: they are taken before anything is
    /// served. One that knows only an older one hears so, and has the log by its event stream.
    func agree(on epoch: Int64, with node: NodeID) async throws(OfficeError) {
        if await epoch > known { await links.catchUp(with: node) }
        if await epoch > known { throw ServingFence.moving }
        await server.adopt()
    }

    private var known: Int64 { get async { await office.state?.fileServer?.setting.epoch ?? 0 } }
}

/// `POST /v1/server/store`: asks a node to make a store ready; with an epoch, to begin to serve it.
struct StoreCall: Codable, Sendable {
    /// Percent-encoded; nil: the service's own place.
    var store: String?
    var epoch: Int64?
    /// The file server whose store is to be copied first.
    var copyFrom: NodeID?
    /// With `copyFrom`: nothing is written there meanwhile.
    var isLast: Bool?
    /// In answers: the spaces that were made of what the folder held.
    var takenIn: [Label]?
    /// In answers: the epoch at which the store that is there was served last.
    var servedEpoch: Int64?
    /// The node is to be the standby, with its copy there.
    var asStandby: Bool?
}

extension HTTPRequest {
    /// One exchange with the store of the file server that hands it over to this node.
    static func storeExchange(_ verb: ShareVerb) -> HTTPRequest {
        var head = HTTPRequest(
            method: .post, scheme: "https", authority: "officeshare", path: "/v1/store/\(verb.rawValue)")
        head.headerFields[.contentType] = FrameMediaType.name
        head.headerFields[.transferEncoding] = "chunked"
        return head
    }
}
