import Hummingbird
import OfficeCore
import OfficeTrust

/// What a stranger may ask while an invitation is open: one thing.
struct JoinRoutes: Sendable {
    /// Bytes of a request to join.
    static let largestRequest = 16 << 10

    let office: OfficeKeeper

    func makeResponder() -> RouterResponder<JoiningContext> {
        let router = Router(context: JoiningContext.self)
        router.post("/v1/join") { request, context -> Response in
            let message = try await request.decoded(as: JoinRequest.self, limit: Self.largestRequest)
            return try Response.json(try await office.admit(message, presented: context.caller.presented))
        }
        return router.buildResponder()
    }
}
