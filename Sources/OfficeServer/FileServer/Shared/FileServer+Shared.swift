import Logging
import OfficeCore
import OfficeStore
import OfficeTransfer
import OfficeTrust

// A store that several nodes serve: each space is led by one of them, and the others pass on what is asked of it.

extension FileServer {
    /// How long a request waits for somebody to lead its space: as long as a take-over may take.
    static let takeover = Duration.seconds(20)
    private static let look = Duration.milliseconds(100)

    /// Who is to do what is asked of a space.
    enum Doer: Sendable, Equatable {
        case own
        case other(NodeID)
    }

    /// Returns once somebody leads it.
    ///
    /// - Parameter mayPass: Whether another node may be asked: what was passed on already is done here or not at all.
    func doer(of space: Label, mayPass: Bool) async throws -> Doer {
        guard let keeper else {
            guard let store, !store.store.isShared else { throw ServingFence.moving }
            return .own
        }
        let end = ContinuousClock.now + Self.takeover
        repeat {
            switch await keeper.leader(of: space) {
            case .own: return .own
            case .other(let node):
                // One that is known to be away isn't asked; somebody else leads it soon.
                if mayPass, await !isAway(node) { return .other(node) }
            case .nobody: break
            }
            // A space that can't be opened says why.
            if let store, store.store.record(of: space) != nil, let failure = store.store.failure(of: space) {
                throw failure
            }
            guard self.keeper === keeper else { throw ServingFence.moving }
            try await Task.sleep(for: Self.look)
        } while ContinuousClock.now < end
        let account = await keeper.account(of: space)
        logger.warning(
            "a request has waited in vain for somebody to lead its space",
            metadata: [LogKey.shareName: "\(space)", LogKey.error: "\(account)"])
        throw SpaceLease.elsewhere(space)
    }

    private func isAway(_ node: NodeID) async -> Bool {
        let presence = await calls.directory[node]?.presence
        return presence == .offline || presence == .gone
    }

    /// A space, for somebody who may use it, and who opens it.
    func doer(of name: Label, for principal: Principal, epoch: Int64?, mayPass: Bool) async throws -> Doer {
        let current = try current(epoch)
        guard current.store.isShared else { return .own }
        var record = current.store.record(of: name)
        if record == nil {
            // It may have been made a moment ago, by another node.
            record = try await onDisk { () throws(OfficeError) in
                try current.store.refresh()
                return current.store.record(of: name)
            }
        }
        guard let record, record.access.allows(principal) else { throw Store.unknown(name) }
        return try await doer(of: name, mayPass: mayPass)
    }

    /// Has the store be one that several nodes can serve, and goes on serving it so.
    func share(at path: [UInt8]) async throws {
        guard let serving = store, serving.path == path else { throw ServingFence.moving }
        if serving.store.isShared { return }
        let root = serving.store
        await standDown()
        do {
            try await onDisk { () throws(OfficeError) in try root.share() }
        } catch {
            await adopt()
            throw error
        }
        await adopt()
    }

    /// Whether a node that this one doesn't know as such serves the store, too.
    func servesWith(_ node: NodeID) async -> Bool {
        await office.state?.fileServer?.setting.nodes.contains(node) == true
    }
}
