import HTTPTypes
import HummingbirdCore
import OfficeControl
import OfficeCore
import OfficeStore
import OfficeTransfer
import OfficeTrust

/// On a node that serves the store: does what is asked of the spaces, or has the node do it that leads the space.
struct SpaceSwitch: Sendable {
    /// Bytes of an answer about spaces: a hundred thousand versions.
    static let longestAnswer = 64 << 20

    let server: FileServer
    let desk: SpaceDesk
    let pool: PeerPool
    let responder: ShareResponder
    let office: OfficeKeeper

    // MARK: Exchanges

    /// - Parameter mayPass: Whether the request may go on to another node; not one that came from there.
    func exchange(
        _ space: Label, _ verb: ShareVerb, for principal: Principal, epoch: Int64, mayPass: Bool,
        request: RequestBody, write: @escaping BodyWriter
    ) async throws {
        switch try await server.doer(of: space, for: principal, epoch: epoch, mayPass: mayPass) {
        case .own:
            let writer = try await server.open(space, for: principal, epoch: epoch)
            let responder = responder
            try await LeadDeadline.run(writer.space.lease, write) { write in
                try await responder.respond(
                    to: verb, in: writer, mayWrite: true, request: BodyStream(request), write: write)
            }
        case .other(let node):
            var head = HTTPRequest.exchange(space, verb, user: principal.user.description, epoch: epoch)
            head.headerFields[.officeshareOnBehalf] = principal.node.description
            try await pool.exchange(
                with: node, head,
                send: { write in for try await piece in request { try await write(piece) } },
                receive: { _, answer in for try await piece in answer { try await write(piece) } })
        }
    }

    // MARK: Questions

    func answer(
        _ request: SpaceRequest, for caller: SpaceCaller, epoch: Int64?, mayPass: Bool
    ) async throws -> SpaceAnswer {
        let current = try await server.current(epoch)
        guard current.store.isShared else { return try await desk.answer(request, for: caller, epoch: epoch) }
        if case .bring = request {
            throw OfficeError(
                .notAllowed, Label.office, "a share can't be moved to a store that several nodes can serve",
                mend: "Make a space with 'officeshare space add', and copy the files there.")
        }
        guard let space = try request.subject else {
            var answer = try await desk.answer(request, for: caller, epoch: epoch)
            if mayPass { await complete(&answer, request, caller, current.epoch) }
            return answer
        }
        if space != Store.everything {
            try await checkIsThere(space, current.store)
        }
        switch try await server.doer(of: space, mayPass: mayPass) {
        case .own:
            if case .removeUser(let name) = request {
                try await takeOffLists(try UserName(name), caller, current)
            }
            if space == Store.everything {
                // What other nodes have made or removed is known from now and then: here it decides.
                try await server.onDisk { () throws(OfficeError) in try current.store.refresh() }
            }
            let answer = try await desk.answer(request, for: caller, epoch: epoch)
            // Whoever is to lead the new space does so before it is told that there is one.
            if case .add(let name, _, _) = request { _ = try await server.doer(of: try Label(name), mayPass: true) }
            return answer
        case .other(let node): return try await ask(node, request, caller, current.epoch)
        }
    }

    /// Each space's list is its leader's to write.
    private func takeOffLists(_ name: UserName, _ caller: SpaceCaller, _ current: FileServer.Opened) async throws {
        guard let state = await office.state else { throw OfficeKeeper.inNone }
        for record in current.store.records where record.access.grants.contains(.account(name)) {
            let access = try AccessList(record.access.grants.filter { $0 != .account(name) })
            let set = SpaceRequest.set(
                name: record.name.description, allow: access.display(in: state), quota: nil)
            _ = try await answer(set, for: caller, epoch: current.epoch, mayPass: true)
        }
    }

    private func checkIsThere(_ space: Label, _ store: Store) async throws {
        if store.record(of: space) != nil { return }
        try await server.onDisk { () throws(OfficeError) in try store.refresh() }
        guard store.record(of: space) != nil else { throw Store.unknown(space) }
    }

    private func ask(
        _ node: NodeID, _ request: SpaceRequest, _ caller: SpaceCaller, _ epoch: Int64
    ) async throws -> SpaceAnswer {
        var call = SpaceCall(epoch: epoch, user: caller.principal.user, manages: caller.manages, request: request)
        call.onBehalf = caller.principal.node
        return try await pool.ask(node, "/v1/spaces", call, limit: Self.longestAnswer)
    }

    /// Adds what only the nodes know that lead the spaces: how much is in them, and who has locked what.
    private func complete(
        _ answer: inout SpaceAnswer, _ request: SpaceRequest, _ caller: SpaceCaller, _ epoch: Int64
    ) async {
        let own = office.identity.id
        for node in await office.state?.fileServer?.setting.nodes ?? [] where node != own {
            guard let theirs = try? await ask(node, request, caller, epoch) else { continue }
            let led = Dictionary(
                theirs.spaces.filter { $0.files > 0 || $0.bytes > 0 || $0.versionsBytes > 0 }.map { ($0.name, $0) },
                uniquingKeysWith: { first, _ in first })
            answer.spaces = answer.spaces.map { led[$0.name] ?? $0 }
            if let locks = theirs.locks { answer.locks = (answer.locks ?? []) + locks }
        }
    }
}

extension SpaceRequest {
    /// Whose leader has to do it; nil: every node that serves the store can.
    fileprivate var subject: Label? {
        get throws(OfficeError) {
            switch self {
            case .list, .moved, .locks(nil): nil
            case .add, .bring, .users, .addUser, .setPassword, .removeUser: Store.everything
            case .set(let name, _, _), .remove(let name): try Label(name)
            case .versions(let space, _), .restore(let space, _, _, _), .lock(let space, _, _), .unlock(let space, _),
                .locks(.some(let space)):
                try Label(space)
            }
        }
    }
}

extension HTTPField.Name {
    /// The node for which another one passes a request on.
    static let officeshareOnBehalf = Self.known("Officeshare-On-Behalf")
}
