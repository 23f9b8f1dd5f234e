import Logging
import OfficeControl
import OfficeCore
import OfficeTrust

// From one node to another: the new one copies everything while the old one serves, then nothing is written for a
// moment, what came meanwhile is copied, and the new epoch begins.

extension Promotion {
    /// Seconds of standing still after which a hand-over is given up: half of what the old server waits, so that it
    /// doesn't write again before the new epoch is there.
    private static let longestFreeze = Duration.seconds(300)

    /// What is about to be done, in this order, as the log of the admin's node tells it: a hand-over that was broken off
    /// shows where.
    enum Stage: String, CaseIterable { case prepare, begin, copy, freeze, copyLast, confirm, write, change }

    func enter(_ stage: Stage, _ node: NodeID) {
        server.logger.info(
            "the file server moves", metadata: [LogKey.nodeID: "\(node.short)", LogKey.step: "\(stage)"])
    }

    /// False where the old one was lost, and what it served last isn't all in the store.
    func handOver(
        from old: NodeID, to node: NodeID, store: [UInt8], force: Bool, _ setting: FileServerSetting
    ) async throws -> Bool {
        let begun: HandOverCall
        enter(.begin, node)
        do {
            begun = try await ask(old, HandOverCall(step: .begin, to: node))
        } catch let error as OfficeError where error.code == .unavailable {
            if setting.standby.contains(node) {
                if !force { try await checkStandby(node, setting) }
            } else if !force {
                throw OfficeError(
                    .unavailable, await office.name(of: old), "the file server can't be reached, so it can't hand over",
                    mend: "Wait for it, or add --force to go on without what only it has.")
            }
            try await office.setFileServer([node], standby: [], store: store)
            return setting.standby.contains(node)
        }
        let isInStep = begun.isInStep == true
        if !isInStep {
            enter(.copy, node)
            try await copy(from: old, to: node, store: store, isLast: false)
        }
        let began = ContinuousClock.now
        enter(.freeze, node)
        let frozen = try await ask(old, HandOverCall(step: .freeze, to: node))
        do {
            if !isInStep {
                enter(.copyLast, node)
                try await copy(from: old, to: node, store: store, isLast: true)
            }
            enter(.confirm, node)
            _ = try await ask(
                old, HandOverCall(step: .confirm, to: node, token: frozen.token, isInStep: begun.isInStep))
            guard ContinuousClock.now - began < Self.longestFreeze else {
                throw OfficeError(
                    .temporary, Label.office, "the last of the store took too long to copy", mend: "Run the same again."
                )
            }
            enter(.write, node)
            try await office.setFileServer([node], standby: setting.standby.filter { $0 != node }, store: store)
        } catch {
            _ = try? await ask(old, HandOverCall(step: .resume, to: node))
            throw error
        }
        enter(.change, node)
        // It stands down by the log; this only makes it sooner.
        if old == office.identity.id { await server.adopt() } else { await links.catchUp(with: old) }
        return true
    }

    private func copy(from old: NodeID, to node: NodeID, store: [UInt8], isLast: Bool) async throws {
        if node == office.identity.id {
            let name = try Label(await office.name(of: old))
            return try await server.copy(
                from: name, by: StoreTransport(pool: pool, node: old), to: store, isLast: isLast)
        }
        _ = try await ask(node, StoreCall(store: percentEncoded(store), epoch: nil, copyFrom: old, isLast: isLast))
    }

    private func ask(_ node: NodeID, _ call: HandOverCall) async throws -> HandOverCall {
        guard node != office.identity.id else { return try await server.handOver(call, by: node) }
        return try await reaching(node) {
            try await pool.ask(node, "/v1/server/handover", call, limit: Self.longestAnswer)
        }
    }
}
