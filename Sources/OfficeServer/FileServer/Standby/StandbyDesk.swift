import Hummingbird
import OfficeConfiguration
import OfficeCore
import OfficeTransfer
import OfficeTrust

/// Answers file server, standby and admins' nodes, each what it may ask.
struct StandbyDesk: Sendable {
    let office: OfficeKeeper
    let server: FileServer
    let calls: MemberCalls

    func answer(_ call: StandbyCall, from node: NodeID) async throws -> StandbyAnswer {
        if await call.epoch > known { await calls.links.catchUp(with: node) }
        guard let state = await office.state, let setting = state.fileServer?.setting, setting.epoch == call.epoch
        else {
            throw ServingFence.moving
        }
        server.records.belong(to: state.office)
        switch call.step {
        case .ask, .promise:
            guard state.isAdmin(node) else {
                throw OfficeError(.notAllowed, "this node", "only an admin may ask how the standby stands")
            }
        case .copy, .join, .over, .told:
            guard setting.nodes.contains(node) else { throw ServingFence.moving }
        }
        switch call.step {
        case .copy, .join, .over, .ask:
            guard setting.standby.contains(office.identity.id) else {
                throw OfficeError(.notFound, "this node", "it is not the standby")
            }
        case .told, .promise: break
        }
        var answer = StandbyAnswer()
        switch call.step {
        case .copy:
            try await server.copyAsStandby(
                from: node, by: StoreTransport(pool: calls.pool, node: node), distrusting: call.distrusted,
                isLast: call.isLast ?? true)
        case .join: try await server.follower.join(call, at: try await server.standbyPath())
        case .over: try await server.follower.over(call.generation)
        case .ask: answer.follower = try await server.follower.record()
        case .told: try await server.witness.told(call.generation, of: call.epoch)
        case .promise: answer.behind = try await server.witness.promise(call.epoch)
        }
        return answer
    }

    func take(_ body: sending BodyStream, from node: NodeID) async throws -> ChangesAnswer {
        guard let setting = await office.state?.fileServer?.setting, setting.nodes.contains(node),
            setting.standby.contains(office.identity.id)
        else { throw ServingFence.moving }
        return try await server.follower.take(body)
    }

    private var known: Int64 { get async { await office.state?.fileServer?.setting.epoch ?? 0 } }

    func add(
        to router: Router<MemberContext>, live: LiveSettings,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/server/standby") { request, context -> Response in
            try await admit(request, context)
            let call = try await request.decoded(as: StandbyCall.self, limit: live.limits.bodyBytes)
            return try .json(try await answer(call, from: context.caller.node))
        }
        router.post("/v1/server/changes") { request, context -> Response in
            try await admit(request, context)
            return try .json(try await take(BodyStream(request.body), from: context.caller.node))
        }
    }
}
