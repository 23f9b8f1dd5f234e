import AsyncAlgorithms
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

#if canImport(Glibc)
    import Glibc
#endif

/// What programs on this machine may ask, by who calls.
struct ControlRoutes: Sendable {
    let office: OfficeKeeper
    let shares: ShareKeeper
    let reporter: StatusReporter
    let joiner: Joiner
    let gateway: Gateway
    let printing: PrintHouse
    let pins: PinKeeper
    let transfers: TransferBoard
    let spaces: ControlSpaceRoutes
    let post: PostRoom
    let live: LiveSettings

    func makeResponder() -> RouterResponder<LocalContext> {
        let router = Router(context: LocalContext.self)
        addReports(to: router)
        addOffice(to: router)
        addShares(to: router)
        addPins(to: router)
        ControlTransferRoutes(board: transfers, refresh: { [sending = post.sending] in await sending.refresh() }).add(
            to: router)
        ControlPrintRoutes(house: printing, live: live).add(to: router)
        ControlDeliveryRoutes(desk: DeliveryDesk(post: post.parts), live: live).add(to: router)
        router.get("/v1/nodes/:node/shares/:share/copies") { _, context -> Response in
            try .json(
                await gateway.copies(
                    of: try context.parameters.label("share"), node: try context.parameters.label("node"),
                    for: context.caller))
        }
        router.post("/v1/readings/:node/:share") { request, context -> Response in
            let wish = try await request.decoded(as: ReadingModel.self, limit: live.limits.bodyBytes)
            return try .json(
                DemandModel(
                    await gateway.reading(
                        try wish.reading, of: try context.parameters.label("share"),
                        node: try context.parameters.label("node"), for: context.caller)))
        }
        spaces.add(to: router)
        router.post("/v1/nodes/:node/shares/:share/:verb") { request, context -> Response in
            try exchange(request, context)
        }
        return router.buildResponder()
    }

    private func addReports(to router: Router<LocalContext>) {
        router.get("/v1/service") { _, _ -> Response in
            try .json(
                ServiceModel(
                    userID: geteuid(), nodeID: office.identity.id.description,
                    nodeName: await office.ownName.description, version: reporter.version))
        }
        router.get("/v1/status") { _, context -> Response in try .json(await reporter.status(for: context.caller)) }
        router.get("/v1/peers") { _, _ -> Response in try .json(await reporter.peers()) }
        router.get("/v1/offers") { request, context -> Response in
            let node = try request.uri.queryParameters.get("node").map { try Label($0) }
            return try .json(await reporter.offers(for: context.caller, node: node))
        }
        router.get("/v1/events") { _, context -> Response in reporter.events(for: context.caller) }
    }

    private func addOffice(to router: Router<LocalContext>) {
        router.post("/v1/office") { request, context -> Response in
            try Self.manages(context, "found an office")
            let wish = try await request.decoded(as: OfficeCreateRequest.self, limit: live.limits.bodyBytes)
            return try .json(try await office.create(name: Label(wish.name)))
        }
        router.post("/v1/office/invitations") { request, context -> Response in
            try Self.manages(context, "invite")
            let wish = try await request.decoded(as: InviteRequest.self, limit: live.limits.bodyBytes)
            return try .json(try await office.invite(ttl: .seconds(wish.ttlSeconds)))
        }
        router.post("/v1/office/join") { request, context -> Response in
            try Self.manages(context, "join an office")
            let wish = try await request.decoded(as: OfficeJoinRequest.self, limit: live.limits.bodyBytes)
            return try .json(try await joiner.join(wish))
        }
        router.get("/v1/office/members") { _, _ -> Response in try .json(try await reporter.members()) }
        router.post("/v1/office/changes") { request, context -> Response in
            try Self.manages(context, "change the office")
            try await office.change(try await request.decoded(as: OfficeChange.self, limit: live.limits.bodyBytes))
            return .nothing
        }
        router.get("/v1/office/log") { request, _ -> Response in
            try .json(try await office.logModel(verifying: request.uri.queryParameters["verify"] != nil))
        }
    }

    private func addShares(to router: Router<LocalContext>) {
        router.get("/v1/shares") { request, context -> Response in
            let names = await office.state
            let caller = context.caller
            let visible = await shares.usable(by: caller, as: await office.principal(of: caller))
            // What was granted for a share is needed by whoever changes or ends it, and told to nobody else.
            let wantsGrants = request.uri.queryParameters["grants"] != nil
            return try .json(visible.map { $0.model(names: names, withGrant: wantsGrants && $0.isManaged(by: caller)) })
        }
        router.post("/v1/shares") { request, context -> Response in
            let wish = try await request.decoded(as: ShareAddRequest.self, limit: live.limits.bodyBytes)
            let names = await office.state
            let added = try await shares.add(wish, by: context.caller, names: names)
            return try .json(added.record.model(names: names, changed: added.changed, withGrant: true))
        }
        router.patch("/v1/shares/:name") { request, context -> Response in
            let wish = try await request.decoded(as: ShareSetRequest.self, limit: live.limits.bodyBytes)
            let names = await office.state
            let set = try await shares.set(try context.parameters.label("name"), wish, by: context.caller, names: names)
            return try .json(set.record.model(names: names, changed: set.changed, withGrant: true))
        }
        router.delete("/v1/shares/:name") { _, context -> Response in
            let removed = try await shares.remove(try context.parameters.label("name"), by: context.caller)
            return try .json(removed.model(names: await office.state, changed: true, withGrant: true))
        }
    }

    private func addPins(to router: Router<LocalContext>) {
        router.get("/v1/pins") { _, context -> Response in try .json(await pins.models(for: context.caller)) }
        router.post("/v1/pins/:node/:share") { _, context -> Response in
            try .json(
                await pins.pin(
                    try context.parameters.label("node"), try context.parameters.label("share"), by: context.caller))
        }
        router.delete("/v1/pins/:node/:share") { _, context -> Response in
            try .json(
                await pins.unpin(
                    try context.parameters.label("node"), try context.parameters.label("share"), by: context.caller))
        }
    }

    private func exchange(_ request: Request, _ context: LocalContext) throws -> Response {
        let node = try context.parameters.label("node")
        let share = try context.parameters.label("share")
        guard let verb = ShareVerb(rawValue: context.parameters.get("verb") ?? "") else {
            throw OfficeError(.notFound, "request", "there is no such verb")
        }
        let query = request.uri.queryParameters
        var answerer = Gateway.Answerer()
        answerer.server = try query["server"].map { try Label(String($0)) }
        answerer.holder = try query["holder"].map { try Label(String($0)) }
        answerer.content = try query["content"].map { try ContentRoot(hex: String($0)) }
        let chosen = answerer
        return shareResponse { write in
            try await gateway.exchange(
                node: node, share: share, verb: verb, answerer: chosen, by: context.caller, request: request.body,
                write: write)
        }
    }

    private static func manages(_ context: LocalContext, _ what: String) throws {
        guard context.caller.manages else {
            throw OfficeError(
                .notAllowed, "this node", "only its managers may \(what)",
                mend: "Run it as root, or as a member of group \(LocalCaller.managingGroup).")
        }
    }
}
