import Hummingbird
import OfficeCore
import OfficeTrust

/// What a stranger may ask while an invitation is open: one thing.
struct JoinRoutes: Sendable {
    let office: OfficeKeeper

    func makeResponder() -> RouterResponder<JoiningContext> {
        let router = Router(context: JoiningContext.self)
        router.post("/v1/join") { request, context -> Response in
            let body = try await request.body.collected(limit: JoinRequest.maximumBytes)
            let message = try JoinRequest(parsing: body.readableBytesView)
            return try Response.json(try await office.admit(message, presented: context.caller.presented))
        }
        return router.buildResponder()
    }
}
