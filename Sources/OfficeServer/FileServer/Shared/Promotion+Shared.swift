import OfficeControl
import OfficeCore
import OfficeStore
import OfficeTrust

// Several nodes that serve one store, on a file system that all of them mount.

extension Promotion {
    /// Has the node serve the store, too; nil where what it has at that path is no mount of the same store.
    func serveTogether(with node: NodeID, store: [UInt8]?, in state: OfficeState) async throws -> FileServerModel? {
        guard let setting = state.fileServer?.setting, let store, setting.store == store, !setting.nodes.isEmpty else {
            return nil
        }
        if setting.nodes.contains(node) {
            return setting.nodes.count > 1 ? model(of: setting, in: state) : nil
        }
        let first = try await there(of: setting.nodes)
        let token = hexEncoded((0..<16).map { _ in UInt8.random(in: 0...255) })
        let plan = ProbePlan(
            first: hand(of: first, store, token), second: hand(of: node, store, token), what: escapedForTerminal(store))
        let report: ProbePlan.Report
        do {
            report = try await plan.run()
        } catch let error as OfficeError where error == ProbePlan.another(escapedForTerminal(store)) {
            // A folder of its own, for a copy.
            return nil
        }
        guard setting.standby.isEmpty else {
            throw OfficeError(
                .exists, state.name.description, "its file server has a standby",
                mend: "End that with 'officeshare demote --standby' first.")
        }
        guard setting.nodes.count < FileServerSetting.greatestNodes else {
            throw OfficeError(.limit, state.name.description, "no more nodes can serve one store")
        }
        try await share(store, on: first)
        try await office.setFileServer(setting.nodes + [node], standby: [], store: store)
        guard let now = await office.state?.fileServer?.setting else { throw OfficeKeeper.inNone }
        for serving in now.nodes where serving == node || serving == first { try await begin(serving, now) }
        await server.adopt()
        var model = model(of: now, in: state)
        model.tested = report.description
        return model
    }

    /// Only this one of the nodes goes on serving the store; nil where it is none of them.
    func endTogether(
        with node: NodeID, store: [UInt8]?, _ setting: FileServerSetting, in state: OfficeState
    ) async throws -> FileServerModel? {
        guard setting.nodes.contains(node), store == nil || store == setting.store else { return nil }
        try await office.setFileServer([node], standby: [], store: setting.store)
        guard let now = await office.state?.fileServer?.setting else { throw OfficeKeeper.inNone }
        try await begin(node, now)
        await server.adopt()
        for other in setting.nodes where other != node && other != office.identity.id {
            if await calls.isOnline(other) { await links.catchUp(with: other) }
        }
        return model(of: now, in: state)
    }

    private func there(of nodes: [NodeID]) async throws -> NodeID {
        for node in nodes {
            if node == office.identity.id { return node }
            if await calls.isOnline(node) { return node }
        }
        throw OfficeError(
            .unavailable, await office.name(of: nodes[0]), "the file server can't be reached",
            mend: "Run the same again when it is back.")
    }

    private func hand(of node: NodeID, _ store: [UInt8], _ token: String) -> ProbePlan.Hand {
        let (probes, pool, own) = (probes, pool, office.identity.id)
        return { step in
            if node == own { return try await probes.perform(step, token: token, at: store) }
            let call = ProbeCall(store: percentEncoded(store), token: token, step: step)
            return try await self.reaching(node) {
                try await pool.ask(node, "/v1/server/probe", call, limit: Self.longestAnswer)
            }
        }
    }

    private func share(_ store: [UInt8], on node: NodeID) async throws {
        if node == office.identity.id { return try await server.share(at: store) }
        let call = ShareStoreCall(store: percentEncoded(store))
        let _: ShareStoreCall = try await reaching(node) {
            try await pool.ask(node, "/v1/server/share", call, limit: Self.longestAnswer)
        }
    }
}

extension ProbePlan.Report {
    /// For people.
    fileprivate var description: String {
        var lacks: [String] = []
        if !keepsNanoseconds { lacks.append("times to the nanosecond") }
        if !keepsAttributes { lacks.append("attributes of files") }
        let kind = fileSystem ?? "an unknown file system"
        return lacks.isEmpty ? kind : "\(kind), which doesn't keep \(lacks.joined(separator: " and "))"
    }
}
