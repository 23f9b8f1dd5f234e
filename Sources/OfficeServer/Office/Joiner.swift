import HTTPTypes
import NIOConcurrencyHelpers
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

/// Joins an office by a code: finds who gave it, checks its key against the code, and only then proves to know it.
struct Joiner: Sendable {
    /// How long an inviter is looked for that isn't announced, or not met where it is: two machines of one host name
    /// take Avahi some seconds to tell apart, and until then neither of them may be announced.
    private static let search = Duration.seconds(12)
    private static let searchStep = Duration.milliseconds(150)

    let office: OfficeKeeper
    let directory: PeerDirectory
    let connector: PeerConnector
    let identity: NodeIdentity
    let settings: Settings

    private var limits: LogLimits { LogLimits(settings.limits) }

    func join(_ wish: OfficeJoinRequest) async throws -> JoinedModel {
        let code = try JoinCode(parsing: wish.code)
        let name = try wish.name.map { try Label($0) }
        try await office.checkMayJoin()
        let connected = try await connect(code, via: wish.via)
        let answer: JoinAnswer
        do {
            answer = try await ask(connected, code, name)
        } catch let error as OfficeError where error.code == .temporary {
            // By TLS 1.3 a caller is through before it hears that it was turned away at the door.
            throw Self.refused
        }
        let log = try answer.accept(
            code: code, identity: identity, inviterCertificate: connected.presented.certificateDER, limits: limits)
        try await office.adopt(log, from: connected)
        let state = await office.state
        return JoinedModel(
            office: .init(id: state?.office.description ?? "", name: state?.name.description ?? ""),
            node: .init(id: identity.id.description, name: await office.ownName.description))
    }

    private func connect(_ code: JoinCode, via: String?) async throws -> PeerConnector.Connected {
        if let via {
            let endpoint = try Endpoint(parsing: via, defaultPort: Endpoint.defaultPort)
            do {
                return try await connector.connect(to: [endpoint], joining: true) { code.isFrom($0) }
            } catch {
                throw OfficeError(
                    .unavailable, via.escapedForTerminal, "no invitation with this code is open there",
                    mend: "Check the code and the address, or ask for a new code: one lives 15 minutes and serves once."
                )
            }
        }
        let began = ContinuousClock.now
        // An announcement may be older than the address it leads to, or another host's of the same name: what counts
        // is whether the inviter itself has answered, by its key. Then it has no such invitation; else it is sought on.
        var isAnnounced = false
        let answered = NIOLockedValueBox(false)
        repeat {
            let endpoints = await directory.announced.values.filter { code.mayBeFrom(prefix: $0.idPrefix) }.flatMap(
                \.endpoints)
            let configured = await directory.unreached
            isAnnounced = isAnnounced || !endpoints.isEmpty
            if !(endpoints + configured).isEmpty,
                let connected = try? await connector.connect(
                    to: endpoints + configured, joining: true,
                    admit: { node in
                        let isInviter = code.isFrom(node)
                        if isInviter { answered.withLockedValue { $0 = true } }
                        return isInviter
                    })
            {
                return connected
            }
            try await Task.sleep(for: Self.searchStep)
        } while !answered.withLockedValue({ $0 })
            && ContinuousClock.now - began < Self.search
        guard !answered.withLockedValue({ $0 }) else { throw Self.refused }
        throw OfficeError(
            .unavailable, "inviter",
            isAnnounced
                ? "the node that gave this code is announced on the LAN but can't be reached"
                : "no node that could have given this code is announced on the LAN",
            mend: "Check that it runs, or give its address with --via HOST.")
    }

    /// The inviter is there and doesn't answer on the joining protocol: nothing is open, or not this code any more.
    private static let refused = OfficeError(
        .notAllowed, "code",
        "its node has no invitation open: a code lives 15 minutes, serves once and dies after five wrong tries",
        mend: "Ask for a new one.")

    private func ask(_ connected: PeerConnector.Connected, _ code: JoinCode, _ name: Label?) async throws -> JoinAnswer
    {
        let wished = await office.wishedName
        let message = JoinRequest(
            code: code, joinerCertificate: identity.certificateDER,
            inviterCertificate: connected.presented.certificateDER, name: name ?? wished)
        let body = ByteBuffer(bytes: try message.encoded())
        var request = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: "/v1/join")
        request.headerFields[.contentLength] = String(body.readableBytes)
        let head = request
        let limits = limits
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await connected.connection.run() }
            defer { connected.connection.close() }
            return try await connected.connection.exchange(head, send: { try await $0(body) }) { _, stream in
                let bytes = try await stream.collected(limit: JoinAnswer.maximumBytes(limits))
                return try JoinAnswer(parsing: bytes.readableBytesView, limits: limits)
            }
        }
    }
}
