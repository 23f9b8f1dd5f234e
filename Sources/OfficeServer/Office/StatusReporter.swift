import AsyncAlgorithms
import Hummingbird
import NIOCore
import OfficeControl
import OfficeCore
import OfficeDiscovery
import OfficeStore
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Answers from memory what people ask of the node and its office.
struct StatusReporter: Sendable {
    let office: OfficeKeeper
    let shares: ShareKeeper
    let directory: PeerDirectory
    let problems: ProblemBoard
    let gateway: Gateway
    let presence: EventHub<NodeID>
    let queues: QueueKeeper
    let pins: PinKeeper
    let server: FileServer
    let deliveries: DeliveryDesk
    let board: NoticeBoard
    let started: ContinuousClock.Instant
    let version: String

    // MARK: Status

    func status(for caller: LocalCaller) async -> StatusModel {
        let state = await office.state
        let node = StatusModel.Node(
            id: office.identity.id.description, name: await office.ownName.description, version: version,
            uptimeSeconds: Int((ContinuousClock.now - started).components.seconds))
        var report =
            problems.problems + (await office.problems()) + (await shares.problems())
            + (await pins.problems()) + (await server.problems())
        for holder in state?.fileServer?.setting.nodes ?? [] {
            if holder == office.identity.id { await server.lookAtNotices() }
            report += board.problems(of: holder)
        }
        if let state, state.members[office.identity.id]?.isAdmin == true,
            state.members.values.count(where: \.isAdmin) == 1,
            state.members.count > 1
        {
            report.append(
                .init(
                    what: state.name.description, why: "this node is its only admin beside the recovery key",
                    mend: "Make another one with 'officeshare office admin add NODE'."))
        }
        return StatusModel(
            node: node, office: await officeModel(state), shares: await shares.count, queues: await queues.sharedCount,
            transfers: await gateway.count,
            problems: report)
    }

    private func officeModel(_ state: OfficeState?) async -> StatusModel.Office? {
        guard let state, let own = state.members[office.identity.id] else { return nil }
        var online = 1
        for node in state.members.keys where await directory[node]?.presence == .online { online += 1 }
        return .init(
            id: state.office.description, name: state.name.description, role: own.isAdmin ? "admin" : "member",
            members: state.members.count, online: online,
            fileServer: state.fileServer?.setting.nodes.first.map(state.displayName(of:)),
            standby: state.fileServer?.setting.standby.first.map(state.displayName(of:)),
            standbyInStep: await isStandbyInStep(state))
    }

    /// As the file server has it, or told last; of one that is away nothing is known.
    private func isStandbyInStep(_ state: OfficeState) async -> Bool? {
        guard let setting = state.fileServer?.setting, let centre = setting.nodes.first, !setting.standby.isEmpty else {
            return nil
        }
        if centre == office.identity.id { return await server.standbyInStep() }
        guard let known = await directory[centre], known.presence == .online else { return nil }
        return !board.notices(of: centre).contains { $0.kind == PeerNotice.standby }
    }

    // MARK: Members and peers

    func members() async throws -> [MemberModel] {
        guard let state = await office.state else { throw OfficeKeeper.inNone }
        var models: [MemberModel] = []
        for (id, member) in state.members {
            let known = await directory[id]
            let isSelf = id == office.identity.id
            models.append(
                MemberModel(
                    id: id.description, name: member.name.description, admin: member.isAdmin,
                    role: state.role(of: id),
                    online: isSelf || known?.presence == .online,
                    addresses: isSelf ? [] : Self.hosts(await directory.endpoints(of: id)),
                    lastSeen: isSelf ? .now : known?.presence == .online ? .now : known?.lastSeen,
                    version: isSelf ? version : known?.hello?.version))
        }
        return models.sorted { $0.name < $1.name }
    }

    func peers() async -> [PeerModel] {
        let state = await office.state
        var models: [PeerModel] = []
        var shown: Set<String> = [office.identity.id.short]
        for (id, member) in state?.members ?? [:] where id != office.identity.id {
            shown.insert(id.short)
            if var model = await peer(id, member) {
                model.role = state?.role(of: id) ?? model.role
                models.append(model)
            }
        }
        let strangers = await directory.announced.values.filter { !shown.contains($0.idPrefix) }
        for announcements in Dictionary(grouping: strangers, by: { "\($0.idPrefix) \($0.sighting.name)" }).values {
            models.append(Self.stranger(announcements))
        }
        for endpoint in await directory.unreached {
            models.append(
                PeerModel(
                    id: nil, name: nil, member: false, role: "peer", online: false, addresses: [endpoint.host],
                    port: Int(endpoint.port), lastSeen: nil, via: PeerDirectory.Source.static.rawValue))
        }
        return models.sorted { ($0.name ?? "", $0.id ?? "") < ($1.name ?? "", $1.id ?? "") }
    }

    /// A node of no office or of another, announced on one interface or several.
    private static func stranger(_ announcements: [PeerDirectory.Announced]) -> PeerModel {
        let first = announcements[0].sighting
        return PeerModel(
            id: first.idPrefix, name: first.name, member: false, role: first.role.rawValue,
            online: announcements.contains(where: \.answers), addresses: hosts(announcements.flatMap(\.endpoints)),
            port: Int(first.port), lastSeen: announcements.map(\.seen).max(), via: PeerDirectory.Source.mdns.rawValue)
    }

    /// A member as `peers` shows it; nil where it was not seen, or said goodbye.
    private func peer(_ id: NodeID, _ member: OfficeState.Member) async -> PeerModel? {
        let announcements = await directory.announcements(of: id)
        guard let known = await directory[id], known.presence != .gone else { return nil }
        guard known.presence != .unknown || !announcements.isEmpty else { return nil }
        let source: PeerDirectory.Source =
            announcements.isEmpty ? (known.configured.isEmpty ? .gossip : .static) : .mdns
        let endpoints = await directory.endpoints(of: id).filter {
            !announcements.isEmpty || known.reached == $0 || known.told.contains($0)
        }
        let online = known.presence == .online
        return PeerModel(
            id: id.description, name: member.name.description, member: true, role: "peer", online: online,
            addresses: Self.hosts(endpoints), port: Int(known.hello?.port ?? endpoints.first?.port ?? 0),
            lastSeen: online ? .now : known.lastSeen ?? announcements.map(\.seen).max(), via: source.rawValue)
    }

    private static func hosts(_ endpoints: [Endpoint]) -> [String] {
        var hosts: [String] = []
        for endpoint in endpoints where !hosts.contains(endpoint.host) { hosts.append(endpoint.host) }
        return hosts
    }

    // MARK: Offers

    /// What this caller can use in the office, or on one node of it.
    func offers(for caller: LocalCaller, node: Label?) async throws -> [OfferModel] {
        let own = await office.ownName
        let state = await office.state
        if let node, node.description != Label.office, await office.node(named: node) == nil {
            throw OfficeError(
                .notFound, node.description, "there is no such node in the office",
                mend: "'officeshare office members' shows who is in.")
        }
        var models: [OfferModel] = []
        let usable = await shares.usable(by: caller, as: await office.principal(of: caller))
        var formers: [String: SpaceRecord.Source] = [:]
        for record in usable where record.movedTo == nil {
            let model = Self.offer(own, record.name, record.isWritable, record.comment, online: true)
            models.append(model)
            formers[model.path] = record.formerly
        }
        for (id, member) in state?.members ?? [:] where id != office.identity.id {
            models += await offers(of: id, member.name, for: caller)
            for offer in await directory[id]?.offers ?? [] where offer.isSpace != true {
                formers["\(member.name)/\(offer.name)"] = offer.formerly
            }
        }
        if let state {
            let spaces = await spaces(for: caller, in: state)
            let successors = models.map { ($0, formers[$0.path]) }
            models += spaces.map(\.model)
            // Shares that they were: by their old paths, unless their owner shares something else there.
            for (model, former) in spaces + successors {
                guard let former, let owner = state.members[former.owner]?.name,
                    !models.contains(where: { $0.path == "\(owner)/\(former.share)" })
                else { continue }
                var alias = model
                (alias.path, alias.movedTo) = ("\(owner)/\(former.share)", model.path)
                (alias.node, alias.share) = (owner.description, former.share.description)
                models.append(alias)
            }
        }
        return models.filter { node == nil || $0.node == node?.description }.sorted { $0.path < $1.path }
    }

    /// A member's shares; while it is away, with who has copies of them.
    private func offers(of id: NodeID, _ name: Label, for caller: LocalCaller) async -> [OfferModel] {
        let known = await directory[id]
        let isOnline = known?.presence == .online
        var models: [Label: OfferModel] = [:]
        for offer in known?.offers ?? [] where offer.isSpace != true && offer.users?.contains(caller.userName) ?? true {
            models[offer.name] = Self.offer(name, offer.name, offer.writable, offer.comment, online: isOnline)
        }
        guard !isOnline else { return Array(models.values) }
        add(await copies(of: id, for: caller), to: &models) { Self.offer(name, $0, false, nil, online: false) }
        return Array(models.values)
    }

    /// The copies of a node's shares that this caller could read now, and whose they are.
    private func copies(of owner: NodeID, for caller: LocalCaller) async -> [(node: String, pin: PeerPin)] {
        var copies: [(String, PeerPin)] = []
        for (node, known) in await directory.known where known.presence == .online {
            let name = await office.name(of: node)
            for pin in known.pins where pin.owner == owner && pin.users?.contains(caller.userName) ?? true {
                copies.append((name, pin))
            }
        }
        let own = await office.ownName.description
        for pin in await pins.offers(for: office.identity.id)
        where pin.owner == owner && pin.users?.contains(caller.userName) ?? true { copies.append((own, pin)) }
        return copies
    }

    /// The office's own folders, as the node that holds them today told of them; while it is away, with who has copies.
    private func spaces(
        for caller: LocalCaller, in state: OfficeState
    ) async -> [(model: OfferModel, former: SpaceRecord.Source?)] {
        let holders = state.fileServer?.setting.nodes ?? []
        guard !holders.isEmpty else { return [] }
        var models: [Label: OfferModel] = [:]
        var formers: [Label: SpaceRecord.Source?] = [:]
        var isAnyThere = false
        for holder in holders {
            let isOwn = holder == office.identity.id
            let known = await directory[holder]
            let offers = isOwn ? await server.offers(for: holder) : known?.offers ?? []
            let isThere =
                isOwn ? await server.failure == nil : known?.presence == .online && known?.isWithoutStore == false
            if isThere { isAnyThere = true }
            for space in offers where space.isSpace == true && space.users?.contains(caller.userName) ?? true {
                if models[space.name]?.online != true {
                    models[space.name] = Self.space(space.name, server: isThere ? state.displayName(of: holder) : nil)
                }
                formers[space.name] = space.formerly
            }
        }
        if !isAnyThere {
            add(await copies(of: state.office.asOwner, for: caller), to: &models) { Self.space($0, server: nil) }
        }
        return models.map { ($0.value, formers[$0.key] ?? nil) }
    }

    private static func space(_ name: Label, server: String?) -> OfferModel {
        OfferModel(
            path: "\(Label.office)/\(name)", node: Label.office, share: name.description, kind: "space", mode: "rw",
            comment: nil, online: server != nil, servedBy: server, asOf: nil)
    }

    /// Says of each who has the newest copy of it; what nobody told of is there by its copies.
    private func add(
        _ copies: [(node: String, pin: PeerPin)], to models: inout [Label: OfferModel],
        unknown: (Label) -> OfferModel
    ) {
        for (node, pin) in copies {
            var model = models[pin.share] ?? unknown(pin.share)
            guard model.asOf.map({ $0 < pin.asOf }) ?? true else { continue }
            model.kind = "pin"
            model.mode = "ro"
            model.servedBy = node
            model.asOf = pin.asOf
            model.comment = model.comment ?? pin.comment
            models[pin.share] = model
        }
    }

    private static func offer(_ node: Label, _ share: Label, _ writable: Bool, _ comment: String?, online: Bool)
        -> OfferModel
    {
        OfferModel(
            path: "\(node)/\(share)", node: node.description, share: share.description, kind: "share",
            mode: writable ? "rw" : "ro", comment: comment, online: online, servedBy: online ? node.description : nil,
            asOf: nil)
    }

    // MARK: Events

    private enum Happening: Sendable {
        case node(NodeID), office, shares, delivery(DeliveryChange), notice(PeerNotice), heartbeat
    }

    /// `officeshare events`: one JSON object a line, empty lines between as a sign of life.
    func events(for caller: LocalCaller) -> Response {
        let nodes = presence.listen()
        let offices = office.changes.listen()
        let ownShares = shares.changes.listen()
        let moved = deliveries.post.changes.listen()
        let notices = board.news.listen()
        return .streaming("application/x-ndjson") { write in
            try await write(ByteBuffer(string: "\n"))
            let happenings = merge(
                merge(
                    merge(nodes.map { Happening.node($0) }, offices.map { _ in Happening.office }),
                    notices.map { Happening.notice($0) }),
                merge(
                    merge(ownShares.map { _ in Happening.shares }, moved.map { Happening.delivery($0) }),
                    AsyncTimerSequence(interval: .seconds(5), clock: .continuous).map { _ in Happening.heartbeat }))
            for await happening in happenings {
                var line = ByteBuffer()
                if let event = await event(of: happening, for: caller) {
                    line.writeBytes(try JSONEncoder().encode(event))
                }
                line.writeString("\n")
                try await write(line)
            }
        }
    }

    private func event(of happening: Happening, for caller: LocalCaller) async -> EventModel? {
        switch happening {
        case .heartbeat: return nil
        case .notice(let notice):
            return EventModel(
                event: notice.kind, time: .now, node: nil, online: nil, what: notice.what, why: notice.why)
        case .office: return EventModel(event: "office", time: .now, node: nil, online: nil)
        case .shares:
            return EventModel(event: "shares", time: .now, node: await office.ownName.description, online: nil)
        case .delivery(.outgoing(let record)):
            guard DeliveryDesk.isSender(record, caller) else { return nil }
            return EventModel(
                event: "delivery", time: .now, node: await office.name(of: record.to), online: nil,
                id: record.id.description, state: record.state.rawValue)
        case .delivery(.incoming(let record)):
            guard DeliveryDesk.isReceiver(record, caller) else { return nil }
            return EventModel(
                event: "delivery", time: .now, node: await office.name(of: record.from), online: nil,
                id: record.id.description, state: record.state.rawValue)
        case .node(let id):
            let online = await directory[id]?.presence == .online
            return EventModel(event: "node", time: .now, node: await office.name(of: id), online: online)
        }
    }
}

extension OfficeState {
    /// `peer` or `server`, as `members` and `peers` show it.
    fileprivate func role(of node: NodeID) -> String {
        fileServer?.setting.nodes.contains(node) == true ? "server" : "peer"
    }
}
