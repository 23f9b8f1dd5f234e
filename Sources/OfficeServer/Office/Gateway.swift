import HTTPTypes
import HummingbirdCore
import NIOConcurrencyHelpers
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

/// Carries a local program's exchange to the share it names: on this node, or on a peer.
struct Gateway: Sendable {
    /// Who is to answer an exchange.
    struct Answerer: Sendable {
        /// The owner, or a node that keeps a copy; nil: whoever can.
        var server: Label?
        /// A node that holds blocks of `content` in passing.
        var holder: Label?
        /// What comes is of this content, which others read, too: it is kept for them.
        var content: ContentRoot?
    }

    let office: OfficeKeeper
    let shares: ShareKeeper
    let directory: PeerDirectory
    let pool: PeerPool
    let responder: ShareResponder
    let gate: ExchangeGate
    let pins: PinKeeper
    let governor: TransferGovernor
    let spaces: OfficeGateway
    let aliases: SpaceAliases
    let passing: PassingDesk

    /// Exchanges that run now, for local programs and for members.
    var count: Int { get async { await gate.running } }

    func exchange(
        node name: Label, share: Label, verb: ShareVerb, answerer: Answerer, by caller: LocalCaller,
        request: RequestBody,
        write: @escaping BodyWriter
    ) async throws {
        let (name, share, answerer) = await led(name, share, answerer)
        if name.description == Label.office, answerer.server == nil || answerer.server == name {
            return try await exchange(space: share, verb, answerer, caller, request, write)
        }
        guard let node = await office.owner(named: name) else {
            throw OfficeError(
                .notFound, name.description, "there is no such node in the office",
                mend: "'officeshare office members' shows who is in.")
        }
        let (server, tap) = (answerer.server, answerer.content.flatMap { passing.tap(.init(origin: node, root: $0)) })
        if let holder = answerer.holder, let content = answerer.content {
            try await readPassing(.init(origin: node, root: content), from: holder, verb, caller, request, write)
        } else if let server, server != name {
            try await gate.run { try await readCopy(of: share, node, on: server, verb, caller, request, write, tap) }
        } else if node == office.identity.id {
            let opened = try await shares.open(share, for: caller, as: await office.principal(of: caller))
            try verb.check(mayWrite: opened.mayWrite, share: share)
            try await gate.run {
                try await responder.respond(
                    to: verb, in: opened.changes, mayWrite: opened.mayWrite, request: BodyStream(request), write: write)
            }
        } else {
            try await gate.run {
                do {
                    try await refuseIfOffline(node, name)
                    try await forward(.exchange(share, verb, user: caller.userName), node, name, request, write, tap)
                } catch let error as OfficeError where server == nil && !verb.writes && error.code == .unavailable {
                    // Nothing was asked of it yet: who keeps a copy of the share is asked instead.
                    try await readCopy(of: share, node, verb, caller, request, write, absence: error)
                }
            }
        }
    }

    /// The same, by where the share's path leads to.
    private func led(_ name: Label, _ share: Label, _ answerer: Answerer) async -> (Label, Label, Answerer) {
        guard answerer.holder == nil, let target = await target(of: name, share) else { return (name, share, answerer) }
        var answerer = answerer
        if answerer.server == name { answerer.server = nil }
        return (target.node, target.share, answerer)
    }

    /// Where a share's path leads to, since it was moved to the centre.
    private func target(of name: Label, _ share: Label) async -> (node: Label, share: Label)? {
        guard let owner = await office.node(named: name) else { return nil }
        switch await aliases.target(of: owner, share) {
        case .space(let space): return (try? Label(Label.office)).map { ($0, space) }
        case .share(let node, let share): return (try? Label(await office.name(of: node))).map { ($0, share) }
        case nil: return nil
        }
    }

    /// The nodes that have a copy of the share which this caller may read, and are there.
    func copies(of share: Label, node name: Label, for caller: LocalCaller) async -> [String] {
        let (name, share) = await target(of: name, share) ?? (name, share)
        guard let owner = await office.owner(named: name) else { return [] }
        var names: [String] = []
        for copy in await directory.copies(of: share, owner: owner)
        where copy.pin.users?.contains(caller.userName) ?? true { names.append(await office.name(of: copy.node)) }
        return names
    }

    /// An exchange with a space of the office.
    private func exchange(
        space: Label, _ verb: ShareVerb, _ answerer: Answerer, _ caller: LocalCaller, _ request: RequestBody,
        _ write: @escaping BodyWriter
    ) async throws {
        var tap: ContentTap?
        if let content = answerer.content {
            let key = BlockCache.Key(origin: try await spaces.centre().node, root: content)
            if let holder = answerer.holder {
                return try await readPassing(key, from: holder, verb, caller, request, write)
            }
            tap = passing.tap(key)
        }
        let kept = tap
        do {
            try await gate.run {
                do {
                    // Before anything is asked: what was sent once can't be asked of a copy.
                    guard await !spaces.isWithoutStore() else {
                        throw OfficeError(
                            .unavailable, "\(Label.office)/\(space)", "the file server's store is away",
                            mend: "Run the same again when it is back.")
                    }
                    try await spaces.exchange(
                        space, verb, user: caller.userName, request: request, write: write, tap: kept)
                } catch let error as OfficeError
                    where answerer.server == nil && !verb.writes && error.code == .unavailable
                {
                    guard let owner = await office.owner(named: try Label(Label.office)) else { throw error }
                    try await readCopy(of: space, owner, verb, caller, request, write, absence: error)
                }
            }
            await tap?.finish()
        } catch {
            await tap?.finish()
            throw error
        }
    }

    /// An exchange with a node that holds blocks in passing.
    private func readPassing(
        _ key: BlockCache.Key, from holder: Label, _ verb: ShareVerb, _ caller: LocalCaller, _ request: RequestBody,
        _ write: @escaping BodyWriter
    ) async throws {
        guard !verb.writes, let keeper = await office.node(named: holder) else {
            throw OfficeError(.notFound, holder.description, "it holds nothing of it")
        }
        try await refuseIfOffline(keeper, holder)
        try await forward(
            try passing.request(for: key, user: caller.userName), keeper, holder, request, write, passing.tap(key))
    }

    /// Who else reads what a local program reads; nil where nobody does.
    func reading(
        _ reading: ContentReading, of share: Label, node name: Label, for caller: LocalCaller
    ) async -> ContentDemand? {
        if name.description == Label.office {
            guard let centre = try? await spaces.centre(), centre.node != office.identity.id,
                await directory[centre.node]?.presence == .online
            else { return nil }
            return await passing.reading(
                reading, of: .space(share, epoch: centre.epoch), at: centre.node, user: caller.userName)
        }
        guard let node = await office.node(named: name), node != office.identity.id,
            await directory[node]?.presence == .online
        else { return nil }
        return await passing.reading(reading, of: .share(share), at: node, user: caller.userName)
    }

    /// An exchange with the copy that one node keeps.
    private func readCopy(
        of share: Label, _ owner: NodeID, on server: Label, _ verb: ShareVerb, _ caller: LocalCaller,
        _ request: RequestBody, _ write: @escaping BodyWriter, _ tap: ContentTap?
    ) async throws {
        guard !verb.writes, let keeper = await office.node(named: server), keeper != office.identity.id else {
            throw OfficeError(.notFound, server.description, "it keeps no copy of '\(share)'")
        }
        try await refuseIfOffline(keeper, server)
        try await forward(
            .exchange(pinOf: owner, share, verb, user: caller.userName), keeper, server, request, write, tap)
    }

    /// An exchange with a copy of the share: this node's own, or that of the member with the newest.
    private func readCopy(
        of share: Label, _ owner: NodeID, _ verb: ShareVerb, _ caller: LocalCaller, _ request: RequestBody,
        _ write: @escaping BodyWriter, absence: OfficeError
    ) async throws {
        if let principal = await office.principal(of: caller),
            let folder = try? await pins.open(owner, share, for: principal)
        {
            let write = Self.named(await office.ownName, verb, write)
            return try await responder.respond(
                to: verb, in: folder, mayWrite: false, request: BodyStream(request), write: write)
        }
        let copies = await directory.copies(of: share, owner: owner).filter {
            $0.pin.users?.contains(caller.userName) ?? true
        }
        for copy in copies {
            let name = try Label(await office.name(of: copy.node))
            do {
                return try await forward(
                    .exchange(pinOf: owner, share, verb, user: caller.userName), copy.node, name, request,
                    Self.named(name, verb, write))
            } catch let error as OfficeError where error.code == .unavailable {
                continue
            }
        }
        throw absence
    }

    /// A writer that says first who answers in the owner's place, where contents are counted by who sent them.
    private static func named(_ name: Label, _ verb: ShareVerb, _ write: @escaping BodyWriter) -> BodyWriter {
        guard verb == .fetch else { return write }
        let isNamed = NIOLockedValueBox(false)
        return { piece in
            let isFirst = isNamed.withLockedValue { named in
                defer { named = true }
                return !named
            }
            if isFirst { try await write(FrameEncoder.encoded(.source(name))) }
            try await write(piece)
        }
    }

    private func forward(
        _ head: HTTPRequest, _ node: NodeID, _ name: Label, _ request: RequestBody, _ write: @escaping BodyWriter,
        _ tap: ContentTap? = nil
    ) async throws {
        do {
            try await pool.exchange(
                with: node, head,
                send: { write in
                    for try await piece in request {
                        try await governor.write(piece, by: write, .out, with: node)
                    }
                },
                receive: { _, answer in
                    for try await piece in answer {
                        await tap?.take(piece)
                        try await governor.write(piece, by: write, .in, with: node)
                    }
                })
            await tap?.finish()
        } catch {
            await tap?.finish()
            guard let known = error as? OfficeError, known == HTTPConnection.lost || known == PeerConnector.unreachable
            else { throw error }
            throw known.about(name.description)
        }
    }

    private func refuseIfOffline(_ node: NodeID, _ name: Label) async throws {
        guard let known = await directory[node], known.presence == .offline || known.presence == .gone else { return }
        let since = known.lastSeen.map { " since \($0)" } ?? ""
        throw OfficeError(
            .unavailable, name.description, "the node is offline\(since)", mend: "Run the same again when it is back.")
    }
}
