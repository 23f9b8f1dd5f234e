import OfficeControl
import OfficeCore
import OfficeTrust

/// Makes a node the office's file server, and ends that: changes of the office log that an admin's node signs.
struct Promotion: Sendable {
    static let longestAnswer = 64 << 10

    let calls: MemberCalls
    let server: FileServer
    let probes: ProbeDesk
    var office: OfficeKeeper { calls.office }
    var pool: PeerPool { calls.pool }
    var links: PeerLinks { calls.links }

    func promote(_ request: PromoteRequest) async throws -> FileServerModel {
        let state = try await adminState()
        let node = try await node(request.node, in: state)
        let wanted = try request.store.map { (text) throws(OfficeError) in try Self.checked(try percentDecoded(text)) }
        if request.standby {
            if let shared = try await serveTogether(with: node, store: wanted, in: state) { return shared }
            return try await keepStandby(on: node, store: wanted, in: state)
        }
        if let setting = state.fileServer?.setting, setting.nodes.count > 1 {
            if let alone = try await endTogether(with: node, store: wanted, setting, in: state) { return alone }
            guard request.force else {
                throw OfficeError(
                    .exists, state.name.description, "several nodes serve its store",
                    mend: "Name one of them first, which serves it alone then.")
            }
        }
        if let setting = state.fileServer?.setting {
            if setting.nodes == [node], wanted == nil || wanted == setting.store {
                var model = model(of: setting, in: state)
                if wanted != nil { model.takenIn = try await prepare(node, wanted).takenIn.map(\.description) }
                return model
            }
            guard setting.nodes != [node] else {
                throw OfficeError(
                    .exists, state.name.description, "its store is \(escapedForTerminal(setting.store)) already",
                    mend: "End that with 'officeshare demote', move the folder, and promote the node with it.")
            }
        }
        enter(.prepare, node)
        let prepared = try await prepare(node, wanted)
        let store = prepared.store
        var behind: FileServerModel.Behind?
        if let setting = state.fileServer?.setting, let old = setting.nodes.first {
            let isWhole = try await handOver(from: old, to: node, store: store, force: request.force, setting)
            if !isWhole {
                behind = FileServerModel.Behind(
                    server: state.displayName(of: old), epoch: prepared.servedEpoch,
                    epochs: setting.epoch - (prepared.servedEpoch ?? 0))
            }
        } else {
            try await office.setFileServer([node], standby: [], store: store)
        }
        guard let setting = await office.state?.fileServer?.setting else { throw OfficeKeeper.inNone }
        try await begin(node, setting)
        var model = model(of: setting, in: state)
        model.takenIn = prepared.takenIn.map(\.description)
        model.behind = behind
        return model
    }

    func demote(onlyStandby: Bool) async throws -> FileServerModel {
        let state = try await adminState()
        if onlyStandby { return try await endStandby(in: state) }
        guard let setting = state.fileServer?.setting else {
            throw OfficeError(.notFound, state.name.description, "the office has no file server")
        }
        try await office.setFileServer([], standby: [], store: [])
        await server.adopt()
        return FileServerModel(
            node: nil, epoch: setting.epoch + 1, store: escapedForTerminal(setting.store), standby: nil)
    }

    func adminState() async throws(OfficeError) -> OfficeState {
        guard let state = await office.state else { throw OfficeKeeper.inNone }
        guard state.isAdmin(office.identity.id) else {
            throw OfficeError(
                .notAllowed, state.name.description, "only an admin may say where its file server is",
                mend: "Run it on an admin's machine: 'officeshare office members' shows who is one.")
        }
        return state
    }

    private func node(_ name: String?, in state: OfficeState) async throws(OfficeError) -> NodeID {
        guard let name else { return office.identity.id }
        let label = try Label(name)
        if let member = state.member(named: label) { return member.id }
        throw OfficeError(
            .notFound, label.description, "there is no such node in the office",
            mend: "'officeshare office members' shows who is in.")
    }

    /// A store's path, as it is written into the log.
    private static func checked(_ path: [UInt8]) throws(OfficeError) -> [UInt8] {
        let parts = path.split(separator: UInt8(ascii: "/"))
        guard path.first == UInt8(ascii: "/"), !path.contains(0), !parts.isEmpty,
            path.count <= FileServerSetting.longestStore
        else {
            throw OfficeError(.malformed, escapedForTerminal(path), "a store's folder has to be an absolute path")
        }
        return [UInt8(ascii: "/")] + Array(parts.joined(separator: [UInt8(ascii: "/")]))
    }

    /// A store that is ready to be served, or to be copied to.
    struct Prepared: Sendable {
        let store: [UInt8]
        /// The spaces that were made of what its folder held.
        var takenIn: [Label] = []
        /// The epoch at which it was served last; nil: never.
        var servedEpoch: Int64?
    }

    /// Has the node make the store ready.
    func prepare(_ node: NodeID, _ path: [UInt8]?, asStandby: Bool = false) async throws -> Prepared {
        guard node != office.identity.id else {
            let store: [UInt8]
            if let path { store = path } else { store = try await server.standbyPath() }
            let prepared = try await server.prepare(store)
            if asStandby { try await server.keepStandby(at: store) }
            return prepared
        }
        let answer = try await ask(node, StoreCall(store: path.map(percentEncoded), epoch: nil, asStandby: asStandby))
        return Prepared(
            store: try Self.checked(try percentDecoded(answer.store ?? "")), takenIn: answer.takenIn ?? [],
            servedEpoch: answer.servedEpoch)
    }

    /// Returns when the node serves.
    func begin(_ node: NodeID, _ setting: FileServerSetting) async throws {
        guard node != office.identity.id else {
            await server.adopt()
            _ = try await server.current(setting.epoch)
            return
        }
        await links.catchUp(with: node)
        _ = try await ask(node, StoreCall(store: percentEncoded(setting.store), epoch: setting.epoch))
    }

    func ask(_ node: NodeID, _ call: StoreCall) async throws -> StoreCall {
        try await reaching(node) {
            try await pool.ask(node, "/v1/server/store", call, limit: Self.longestAnswer)
        }
    }

    func reaching<Answer>(_ node: NodeID, _ body: () async throws -> Answer) async throws -> Answer {
        let presence = await calls.directory[node]?.presence
        let away = OfficeError(
            .unavailable, await office.name(of: node), "the node can't be reached",
            mend: "Run the same again when it is back.")
        if presence == .offline || presence == .gone { throw away }
        do {
            return try await body()
        } catch let error as OfficeError where error == HTTPConnection.lost || error == PeerConnector.unreachable {
            throw away
        }
    }

    func model(of setting: FileServerSetting, in state: OfficeState) -> FileServerModel {
        FileServerModel(
            node: setting.nodes.first.map(state.displayName(of:)), epoch: setting.epoch,
            store: escapedForTerminal(setting.store), standby: setting.standby.first.map(state.displayName(of:)),
            nodes: setting.nodes.map(state.displayName(of:)))
    }
}
