import Hummingbird
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeTrust

/// The office's file server and its spaces, as programs of this machine ask for them.
struct ControlSpaceRoutes: Sendable {
    let gateway: OfficeGateway
    let promotion: Promotion
    let live: LiveSettings

    func add(to router: Router<LocalContext>) {
        router.post("/v1/spaces") { request, context -> Response in
            let wish = try await request.decoded(as: SpaceRequest.self, limit: live.limits.bodyBytes)
            let caller = context.caller
            let principal = Principal(
                node: gateway.office.identity.id, user: try UserName(caller.userName))
            return try .json(
                try await gateway.ask(wish, by: SpaceCaller(principal: principal, manages: caller.manages)))
        }
        router.post("/v1/server") { request, context -> Response in
            try Self.manages(context)
            let wish = try await request.decoded(as: PromoteRequest.self, limit: live.limits.bodyBytes)
            return try .json(try await promotion.promote(wish))
        }
        router.delete("/v1/server") { _, context -> Response in
            try Self.manages(context)
            return try .json(try await promotion.demote(onlyStandby: false))
        }
        router.delete("/v1/server/standby") { _, context -> Response in
            try Self.manages(context)
            return try .json(try await promotion.demote(onlyStandby: true))
        }
    }

    private static func manages(_ context: LocalContext) throws(OfficeError) {
        guard context.caller.manages else {
            throw OfficeError(
                .notAllowed, "this node", "only its managers may change the office",
                mend: "Run it as root, or as a member of group \(LocalCaller.managingGroup).")
        }
    }
}
