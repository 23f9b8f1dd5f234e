import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import OfficeTrust

/// Moves a member's share to the centre: copied while its owner serves it, then nothing is changed for a moment, what
/// came meanwhile is copied, and the share's path leads to the space. Interrupted anywhere, the same again goes on.
struct SpaceMover: Sendable {
    private static let longestAnswer = 256 << 10

    let server: FileServer
    let office: OfficeKeeper
    let shares: ShareKeeper
    let directory: PeerDirectory
    let pool: PeerPool
    let governor: TransferGovernor
    let responder: ShareResponder
    let passing: PassingDesk

    /// - Parameter access: Who may use it; nil: who may use the share.
    func bring(
        _ source: SpaceRecord.Source, as name: Label, access: AccessList?, quota: Int64?, by principal: Principal,
        epoch: Int64
    ) async throws -> SpaceRecord {
        let current = try await server.current(epoch)
        if let known = current.store.record(of: name), known.from == source, known.isMoving != true {
            guard access ?? known.access == known.access, quota ?? known.quota == known.quota else {
                throw OfficeError(
                    .exists, "\(Label.office)/\(name)", "it is what that share was already",
                    mend: "Change it with 'officeshare space set \(name)'.")
            }
            return known
        }
        let begun = try await ask(source, .begin, name, principal)
        let own = try access ?? begun.access ?? AccessList([])
        let record = try await server.change(epoch) { () throws(OfficeError) in
            try current.store.beginMove(name, from: source, access: own, quota: quota)
        }
        // What its owner holds already counts as it is: nothing is changed there any more.
        try await copy(source, to: record, of: current, isLast: begun.isMoved == true)
        if begun.isMoved != true {
            try await settle(source, record, of: current, by: principal)
        }
        return try await server.change(epoch) { () throws(OfficeError) in try current.store.finishMove(name) }
    }

    /// The last of it, while nothing is changed there.
    private func settle(
        _ source: SpaceRecord.Source, _ record: SpaceRecord, of current: FileServer.Opened, by principal: Principal
    ) async throws {
        let frozen = try await ask(source, .freeze, record.name, principal)
        do {
            try await copy(source, to: record, of: current, isLast: true)
            try await server.onDisk { () throws(OfficeError) in
                let bytes = try current.store.root.subfolder(record.folder).contents().bytes
                guard let quota = record.quota, bytes > quota else { return }
                throw OfficeError(
                    .noSpace, "\(Label.office)/\(record.name)",
                    "the share has \(bytes) bytes, and the quota is \(quota)", mend: "Name another --quota.")
            }
            try server.fence.check(current.epoch, writing: true)
            _ = try await ask(source, .confirm, record.name, principal, token: frozen.token)
        } catch {
            // Also where who wanted it has gone: the share is used on.
            await Task { _ = try? await ask(source, .resume, record.name, principal) }.value
            throw error
        }
    }

    private func copy(
        _ source: SpaceRecord.Source, to record: SpaceRecord, of current: FileServer.Opened, isLast: Bool
    ) async throws {
        guard let path = await server.store?.path else { throw ServingFence.moving }
        var options = TransferOptions()
        options.patience = .seconds(30)
        var plan = Synchronizer.Plan()
        plan.delete = true
        let place = RemotePlace(node: try Label(await office.name(of: source.owner)), share: source.share)
        let synchronizer: Synchronizer
        if source.owner == office.identity.id {
            let (shares, own) = (shares, office.identity.id)
            let transport = LocalTransport(responder: responder, mayWrite: false) { share in
                try await shares.openKept(share, by: own).folder
            }
            synchronizer = Synchronizer(transport: transport, pool: server.disk, options: options, plan: plan)
        } else {
            let transport = PeerTransport(
                office: office, pool: pool, user: "root", governor: governor, load: .people, passing: passing,
                isKeeping: true)
            synchronizer = Synchronizer(transport: transport, pool: server.disk, options: options, plan: plan)
        }
        let summary = await synchronizer.download(place, to: current.store.path(of: record, in: path))
        try summary.check(place, isLast: isLast)
    }

    private func ask(
        _ source: SpaceRecord.Source, _ step: ShareMoveCall.Step, _ name: Label, _ principal: Principal,
        token: String? = nil
    ) async throws -> ShareMoveCall {
        let call = ShareMoveCall(
            step: step, space: name, node: principal.node, user: principal.user, token: token)
        let own = office.identity.id
        guard source.owner != own else { return try await shares.move(source.share, call, by: own, on: own) }
        let owner = await office.name(of: source.owner)
        let away = OfficeError(
            .unavailable, owner, "the node can't be reached", mend: "Run the same again when it is back.")
        if let known = await directory[source.owner], known.presence == .offline || known.presence == .gone {
            throw away
        }
        do {
            return try await pool.ask(
                source.owner, "/v1/moves/\(percentEncoded(source.share.bytes))", call, limit: Self.longestAnswer)
        } catch let error as OfficeError where error == HTTPConnection.lost || error == PeerConnector.unreachable {
            throw away
        }
    }
}

/// Which space a share's path leads to, since it was moved to the centre.
struct SpaceAliases: Sendable {
    let office: OfficeKeeper
    let server: FileServer
    let shares: ShareKeeper
    let directory: PeerDirectory

    /// nil where the share is its owner's own: what it shares itself, if only anew, goes before.
    func space(of owner: NodeID, _ share: Label) async -> Label? {
        if owner == office.identity.id {
            if let space = await shares.movedTo(share) { return space }
            if await shares.has(share) { return nil }
        } else if let known = await directory[owner], known.presence == .online,
            known.offers.contains(where: { $0.name == share && $0.isSpace != true })
        {
            return nil
        }
        let former = SpaceRecord.Source(owner: owner, share: share)
        return await offers().first { $0.formerly == former }?.name
    }

    /// The office's spaces, as this node hears of them.
    private func offers() async -> [PeerOffer] {
        var offers: [PeerOffer] = []
        for node in await office.state?.fileServer?.setting.nodes ?? [] {
            let isOwn = node == office.identity.id
            offers += isOwn ? await server.offers(for: node) : await directory[node]?.offers ?? []
        }
        return offers.filter { $0.isSpace == true }
    }
}

/// Gives its own folder back to a share whose space is no more, as soon as the file server has said so.
struct MovedShares: Sendable {
    private static let longestAnswer = 4 << 20

    let office: OfficeKeeper
    let shares: ShareKeeper
    let pool: PeerPool

    /// The file server is there, or its spaces have changed.
    func heard(from node: NodeID) async {
        guard await office.isFileServer(node), await !shares.moved.isEmpty, let user = try? UserName("root") else {
            return
        }
        let call = SpaceCall(epoch: await office.epoch, user: user, manages: false, request: .moved)
        // What can't be asked now is asked the next time.
        guard
            let answer = try? await pool.ask(node, "/v1/spaces", call, limit: Self.longestAnswer, as: SpaceAnswer.self)
        else { return }
        for name in await shares.moved where !answer.moved.contains(name.description) {
            try? await shares.setMoved(name, to: nil)
        }
    }
}
