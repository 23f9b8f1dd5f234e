import OfficeControl
import OfficeCore
import OfficeTrust

// A second node that has all that the file server has, and can take its place at once.

extension Promotion {
    private static let answering = Duration.seconds(3)

    /// Names the standby. It copies everything and follows; how far it is shows in `status`.
    func keepStandby(on node: NodeID, store: [UInt8]?, in state: OfficeState) async throws -> FileServerModel {
        guard let setting = state.fileServer?.setting, let centre = setting.nodes.first else {
            throw OfficeError(
                .notFound, state.name.description, "the office has no file server that could have a standby",
                mend: "Make one with 'officeshare promote NODE' first.")
        }
        guard node != centre else {
            throw OfficeError(
                .exists, await office.name(of: node), "it is the file server, and can't be its own standby",
                mend: "Name another node.")
        }
        guard setting.nodes.count == 1 else {
            throw OfficeError(
                .exists, state.name.description, "several nodes serve its store, and none of them has a standby",
                mend: "Name the one that is to serve it alone first: 'officeshare promote NODE'.")
        }
        if setting.standby == [node], store == nil { return model(of: setting, in: state) }
        _ = try await prepare(node, store, asStandby: true)
        return try await change(setting, standby: [node], in: state)
    }

    func endStandby(in state: OfficeState) async throws -> FileServerModel {
        guard let setting = state.fileServer?.setting, !setting.standby.isEmpty else {
            if let nodes = state.fileServer?.setting.nodes, nodes.count > 1 {
                throw OfficeError(
                    .notFound, state.name.description, "it has no standby: several nodes serve its store",
                    mend: "Name the one that is to serve it alone: 'officeshare promote NODE'.")
            }
            throw OfficeError(.notFound, state.name.description, "its file server has no standby")
        }
        return try await change(setting, standby: [], in: state)
    }

    private func change(
        _ setting: FileServerSetting, standby: [NodeID], in state: OfficeState
    ) async throws -> FileServerModel {
        try await office.setFileServer(setting.nodes, standby: standby, store: setting.store)
        guard let now = await office.state?.fileServer?.setting else { throw OfficeKeeper.inNone }
        if let centre = now.nodes.first { try await begin(centre, now) }
        await server.adopt()
        return model(of: now, in: state)
    }

    /// Throws unless the standby has everything that the lost file server acknowledged, as all who would know say.
    func checkStandby(_ node: NodeID, _ setting: FileServerSetting) async throws {
        let began = ContinuousClock.now
        let ask = StandbyCall(step: .ask, epoch: setting.epoch)
        let isOwn = node == office.identity.id
        let follower =
            isOwn
            ? try await server.follower.record()
            : try await calls.ask(
                node, ask, within: Self.answering
            ).follower
        let answers = await promises(of: follower?.witnesses ?? [], setting.epoch)
        let name = await office.name(of: node)
        switch StandbyVerdict(epoch: setting.epoch, follower: follower, answers: answers) {
        case .inStep:
            // Who promised not to hear the file server doesn't do so for ever.
            guard ContinuousClock.now - began < StandbyWitness.promotion else {
                throw OfficeError(.temporary, name, "the members took too long to answer", mend: "Run the same again.")
            }
        case .behind:
            throw OfficeError(
                .changed, name, "the standby is behind: it doesn't have all that the file server acknowledged",
                mend: "Wait for the file server, or add --force to go on without what only it has.")
        case .unknown(let missing):
            var names: [String] = []
            for node in missing { names.append(await office.name(of: node)) }
            throw OfficeError(
                .unavailable, name,
                "nobody can say whether the standby has all that the file server acknowledged"
                    + (names.isEmpty ? "" : ", for \(names.joined(separator: ", ")) can't be reached"),
                mend: "Wait for the file server, or add --force to go on without what only it may have.")
        }
    }

    private func promises(of nodes: [NodeID], _ epoch: Int64) async -> [NodeID: Int64?] {
        let (calls, server) = (calls, server)
        let call = StandbyCall(step: .promise, epoch: epoch)
        return await withTaskGroup(of: (NodeID, Int64?)?.self) { group in
            for node in nodes {
                group.addTask {
                    do {
                        if node == calls.office.identity.id { return (node, try await server.witness.promise(epoch)) }
                        return (node, try await calls.ask(node, call, within: Self.answering).behind)
                    } catch {
                        return nil
                    }
                }
            }
            return await group.reduce(into: [:]) { if let (node, told) = $1 { $0[node] = .some(told) } }
        }
    }
}
