import Hummingbird
import Logging
import OfficeConfiguration
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTrust

/// `POST /v1/server/merge`: a node that was the file server has what the present one has never read.
struct MergeCall: Codable, Sendable {
    var epoch: Int64
}

// A cut network can have two file servers for a while. When it heals the one that is none any more offers what it has, and
// the other brings it in.

extension FileServer {
    private static let longestMerge = Duration.seconds(24 * 60 * 60)
    private static let longestAnswer = 64 << 10

    // MARK: Where it is

    /// Offers what was written here last to the present file server, until that has it. Nothing of it is deleted.
    func offerLeftStore() async {
        guard store == nil, !isOffering, let state = await office.state, let setting = state.fileServer?.setting,
            let centre = setting.nodes.first, centre != office.identity.id, await calls.isOnline(centre),
            let path = try? await onDisk({ [history] () throws(OfficeError) in try history.left() })
        else { return }
        isOffering = true
        defer { isOffering = false }
        do {
            let office = state.office
            // What a removal left unsorted is sorted by opening it.
            try await onDisk { () throws(OfficeError) in _ = try Store(at: path, office: office, epoch: 0) }
            let (calls, call) = (calls, MergeCall(epoch: setting.epoch))
            let summary = try await calls.within(Self.longestMerge, centre) {
                try await calls.pool.ask(
                    centre, "/v1/server/merge", call, limit: Self.longestAnswer) as StoreMerge.Summary
            }
            try await onDisk { [history] () throws(OfficeError) in try history.brought(path) }
            logger.notice(
                "what was written here is with the file server",
                metadata: [LogKey.count: "\(summary.files + summary.conflicts + summary.versions)"])
        } catch {
            logger.debug("what was written here was not brought in", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// The store's folder, for the present file server to read.
    func leftStore(for node: NodeID) async throws -> Folder {
        guard let setting = await office.state?.fileServer?.setting, setting.nodes.contains(node), store == nil,
            let path = try await onDisk({ [history] () throws(OfficeError) in try history.left() })
        else { throw OfficeError(.notAllowed, "the store", "it is not for the caller to read") }
        return try await onDisk { () throws(OfficeError) in try Folder(at: path) }
    }

    // MARK: Where it goes

    /// Brings in what another node acknowledged while it was the file server, too. The same again goes on, or waits for
    /// what is under way.
    func bringIn(from node: NodeID, epoch: Int64) async throws -> StoreMerge.Summary {
        if let running = merging[node] { return try await running.value }
        let current = try current(epoch)
        guard await office.hasServed(node) else {
            throw OfficeError(.notAllowed, "the store", "the caller was never the file server")
        }
        let name = try Label(await office.name(of: node))
        let members = await office.state?.members ?? [:]
        let names = Dictionary(
            members.map { ($0.key.short, $0.value.name.description) }, uniquingKeysWith: { first, _ in first })
        let (fence, epoch) = (fence, current.epoch)
        let merge = try StoreMerge(
            into: current.store, from: node, named: name, transport: StoreTransport(pool: calls.pool, node: node),
            pool: disk, hashes: hashes, display: { "\($0.user)@\(names[$0.node] ?? $0.node)" },
            noted: { Task { await self.tellNotices() } }
        ) { () throws(OfficeError) in try fence.check(epoch, writing: true) }
        let task = Task { try await merge.run() }
        merging[node] = task
        await tellNotices()
        let result = await task.result
        merging[node] = nil
        await tellNotices()
        let summary = try result.get()
        logger.notice(
            "brought in what another file server acknowledged",
            metadata: [
                LogKey.nodeID: "\(node.short)", LogKey.count: "\(summary.files + summary.conflicts + summary.versions)",
            ])
        return summary
    }

    /// What is being brought in.
    func mergeNotices() async -> [PeerNotice] {
        var notices: [PeerNotice] = []
        for node in merging.keys.sorted() {
            notices.append(
                PeerNotice(
                    kind: "merge", what: await office.name(of: node),
                    why: "what it acknowledged as the file server, while this one was it, too, is being brought in",
                    mend: nil))
        }
        return notices
    }
}

extension PeerSpaceRoutes {
    func addMerge(
        to router: Router<MemberContext>,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/server/merge") { request, context -> Response in
            try await admit(request, context)
            let call = try await request.decoded(as: MergeCall.self, limit: live.limits.bodyBytes)
            try await agree(on: call.epoch, with: context.caller.node)
            return try .json(try await server.bringIn(from: context.caller.node, epoch: call.epoch))
        }
    }
}

extension OfficeKeeper {
    /// Whether the log has ever named the node as the file server.
    func hasServed(_ node: NodeID) -> Bool {
        log?.orderedEntries.contains { _, entry in
            guard case .server(let setting) = entry.act else { return false }
            return setting.nodes.contains(node)
        } ?? false
    }
}
