import HTTPTypes
import Hummingbird
import NIOCore
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust

/// What members may ask about contents that several read at once: who reads, and blocks held in passing.
struct PeerPassingRoutes: Sendable {
    private static let longestRequest = 16 << 10

    let desk: PassingDesk
    let tracker: ReadingTracker
    let shares: ShareKeeper
    let outbox: Outbox
    let hashes: any HashCache
    let holders: KnownHolders
    let governor: TransferGovernor
    let workers = WorkPool(threads: 2, syncThreads: 1)

    func add(
        to router: Router<MemberContext>,
        admit: @escaping @Sendable (Request, MemberContext) async throws -> Void
    ) {
        router.post("/v1/readings/shares/:share") { request, context -> Response in
            try await admit(request, context)
            return try await read(request, context)
        }
        router.post("/v1/readings/deliveries/:id") { request, context -> Response in
            try await admit(request, context)
            let wish = try await request.decoded(as: ReadingRequest.self, limit: Self.longestRequest)
            let content = try await outbox.content(of: try context.parameters.delivery(), for: context.caller.node)
            let (root, owners) = (content.root, await holders.holders(of: content.root, size: content.size))
            return try .json(
                try await tracker.note(
                    "root:\(root)", by: context.caller.node, Self.user(request), keeps: wish.keeps, owners: owners
                ) { root })
        }
        router.post(RouterPath(HeldRequest.path)) { request, context -> Response in
            try await admit(request, context)
            let asked = try await request.decoded(as: HeldRequest.self, limit: Self.longestRequest)
            return try .json(HeldAnswer(held: await desk.has(asked, of: context.caller.node)))
        }
        router.post("/v1/contents/:origin/:root/fetch") { request, context -> Response in
            try await admit(request, context)
            let key = BlockCache.Key(
                origin: try NodeID(hex: context.parameters.get("origin") ?? ""),
                root: try ContentRoot(hex: context.parameters.get("root") ?? ""))
            let node = context.caller.node
            try await desk.check(
                request.headers[.ticket], key, bearer: node, user: try Self.user(request))
            return shareResponse { write in
                try await desk.answer(
                    key, to: node, request: governor.paced(request.body, .in, with: node),
                    write: governor.paced(write, .out, with: node))
            }
        }
    }

    private static func user(_ request: Request) throws -> String {
        String(decoding: try percentDecoded(request.headers[.officeshareUser] ?? ""), as: UTF8.self)
    }

    /// A file of a share, for who may read it.
    private func read(_ request: Request, _ context: MemberContext) async throws -> Response {
        let name = try context.parameters.label("share")
        let user = try Self.user(request)
        let folder = try await shares.open(
            name, for: Principal(node: context.caller.node, user: try UserName(user))
        ).folder
        return try await note(request, context, in: folder)
    }

    /// A file of a folder that the caller may read.
    func note(_ request: Request, _ context: MemberContext, in folder: Folder) async throws -> Response {
        let user = try Self.user(request)
        let wish = try await request.decoded(as: ReadingRequest.self, limit: Self.longestRequest)
        let path = try RelativePath(parsing: try percentDecoded(wish.path))
        guard !path.isReserved else {
            throw OfficeError(.notFound, path.description, "there is no such file or folder")
        }
        let file = try await workers.run { try folder.open(path) }
        let (hashes, workers) = (self.hashes, self.workers)
        // Who else has it is asked where its content is known already: nothing is hashed for that.
        let version = "file:\(file.identity.token)"
        let root = try await holders.root(of: version) {
            try await workers.run { try contentRoot(of: file, cache: hashes, most: -1) }
        }
        let owners = if let root { await holders.holders(of: root, size: file.identity.size) } else { Set<NodeID>() }
        return try .json(
            try await tracker.note(
                version, by: context.caller.node, user, keeps: wish.keeps, owners: owners
            ) {
                if let root { return root }
                return try await workers.run { try NamedContent.of(file, cache: hashes).root }
            })
    }
}
