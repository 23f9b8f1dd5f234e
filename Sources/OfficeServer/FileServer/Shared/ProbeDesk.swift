import Hummingbird
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeStore
import OfficeTransfer
import OfficeTrust

/// `POST /v1/server/probe`: a step of the probe, asked of a node by an admin's that is to have it serve a store.
struct ProbeCall: Codable, Sendable {
    /// Percent-encoded.
    var store: String
    var token: String
    var step: ProbeStep
}

/// `POST /v1/server/share`: the file server's store is to be one that several nodes can serve.
struct ShareStoreCall: Codable, Sendable {
    var store: String
}

/// This node's hand in probes: what it keeps open from one step to the next, for a while.
actor ProbeDesk {
    private static let most = 4
    private static let longest = Duration.seconds(300)

    private var probes: [String: (probe: StoreProbe, since: ContinuousClock.Instant)] = [:]
    /// Threads of its own: what is tested may not answer.
    private let pool = WorkPool(threads: 2, syncThreads: 1)

    func perform(_ step: ProbeStep, token: String, at path: [UInt8]) async throws -> ProbeAnswer {
        let now = ContinuousClock.now
        probes = probes.filter { now - $0.value.since < Self.longest }
        let probe: StoreProbe
        if let known = probes[token] {
            probe = known.probe
        } else {
            guard probes.count < Self.most else {
                throw OfficeError(
                    .limit, "probe", "too many stores are being tested", mend: "Run the same again later.")
            }
            probe = try await pool.run(within: 20, escapedForTerminal(path)) {
                try StoreProbe(at: path, token: token)
            }
            probes[token] = (probe, now)
        }
        if step == .end { probes[token] = nil }
        return try await pool.run(within: 20, escapedForTerminal(path)) { try probe.perform(step) }
    }

    /// Lets go of what is open.
    func forget(_ token: String) { probes[token] = nil }
}

extension PeerSpaceRoutes {
    func addShared(
        to router: Router<MemberContext>,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/server/probe") { request, context -> Response in
            try await admit(request, context)
            try await checkIsAdmin(context.caller.node)
            let call = try await request.decoded(as: ProbeCall.self, limit: live.limits.bodyBytes)
            return try .json(
                try await probes.perform(call.step, token: call.token, at: try percentDecoded(call.store)))
        }
        router.post("/v1/server/share") { request, context -> Response in
            try await admit(request, context)
            try await checkIsAdmin(context.caller.node)
            let call = try await request.decoded(as: ShareStoreCall.self, limit: live.limits.bodyBytes)
            try await server.share(at: try percentDecoded(call.store))
            return try .json(call)
        }
    }

    private func checkIsAdmin(_ node: NodeID) async throws {
        guard await office.state?.isAdmin(node) == true else {
            throw OfficeError(.notAllowed, "this node", "only an admin may have it serve a store with others")
        }
    }
}
