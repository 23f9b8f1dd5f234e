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
