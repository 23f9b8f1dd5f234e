import Logging
import NIOConcurrencyHelpers
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficeTrust

/// This node's place in its office: its identity, the office log, and the invitations that are open.
actor OfficeKeeper {
    static let inNone = OfficeError(
        .notFound, "office", "this node is in no office",
        mend: "Found one with 'officeshare office create NAME', or join one with 'officeshare office join CODE'.")

    /// What event loops ask without waiting.
    private struct Membership: Sendable {
        var members: Set<NodeID> = []
        var invitations = Invitations()
    }

    nonisolated let identity: NodeIdentity
    /// See `PeerHello.incarnation`.
    nonisolated let incarnation: String
    /// Tells that membership, names or roles changed.
    nonisolated let changes = EventHub<Void>()
    /// New entries of the log, for the members' event streams.
    nonisolated let news = EventHub<LogNews>()

    private nonisolated let membership = NIOLockedValueBox(Membership())
    private let settings: Settings
    private let directory: PeerDirectory
    private let peerStore: PeerStore
    private let logger: Logger
    private let store: LogStore
    /// The port this node listens on.
    private(set) var port: UInt16
    /// The log as it was stored last; nil in no office.
    private(set) var log: OfficeLog?

    /// The office this node is in; nil in none, also when the log says that it was put out.
    var state: OfficeState? { log?.state.members[identity.id] == nil ? nil : log?.state }

    /// Of the nodes that serve the store, which one is asked: see `answering(for:)`.
    var preferredServer: NodeID?

    init(
        identity: NodeIdentity, settings: Settings, directory: PeerDirectory, peerStore: PeerStore, logger: Logger
    ) async throws {
        self.identity = identity
        self.settings = settings
        self.directory = directory
        self.peerStore = peerStore
        self.logger = logger
        incarnation = hexEncoded((0..<8).map { _ in UInt8.random(in: 0...255) })
        port = settings.port
        store = try await LogStore.open(in: settings.stateDirectory, limits: LogLimits(settings.limits))
        log = await store.log
        publish()
        for reached in try await peerStore.all() {
            await directory.remember(reached.node, reached: reached.endpoint, lastSeen: reached.lastSeen)
        }
    }

    func listening(on port: Int) { self.port = UInt16(clamping: port) }

    /// For the watchdog: that the keeper answers at all is what it asks.
    func isResponsive() -> Bool { true }

    // MARK: Who may connect

    nonisolated var admission: PeerListener.Admission {
        PeerListener.Admission(
            isMember: { [membership] node in membership.withLockedValue { $0.members.contains(node) } },
            isInviting: { [membership] in membership.withLockedValue { $0.invitations.isAnswering(at: .now) } })
    }

    /// Tells everybody what the log says now.
    private func publish() {
        let members = otherMembers()
        let isAdmin = state?.isAdmin(identity.id) == true
        membership.withLockedValue { membership in
            membership.members = members
            if !isAdmin { membership.invitations.closeAll() }
        }
        changes.send(())
    }

    // MARK: Founding and changing

    func create(name: Label) async throws -> OfficeCreatedModel {
        try checkMayJoin()
        let founded = try OfficeLog.found(
            name: name, identity: identity, nodeName: wishedName, time: .now, limits: LogLimits(settings.limits))
        try await begin(founded.log)
        return OfficeCreatedModel(
            id: founded.log.office.description, name: name.description, recoveryKey: founded.recoveryKey.printed)
    }

    /// Throws where this node is in an office already.
    func checkMayJoin() throws {
        guard let state else { return }
        throw OfficeError(
            .exists, state.name.description, "this node is in an office already",
            mend: "Leave it first with 'officeshare office leave'.")
    }

    func change(_ change: OfficeChange) async throws {
        guard let last = log?.state, isMember || change.isRecovery else { throw Self.inNone }
        let identity = identity
        switch change {
        case .remove(let name):
            let node = try known(name)
            try await write { log throws(OfficeError) in try log.removing(node, by: identity, time: .now) }
        case .leave:
            try await write { log throws(OfficeError) in try log.leaving(identity, time: .now) }
        case .rename(let name, let new):
            let node = try known(name)
            let label = try Label(new)
            try await write { log throws(OfficeError) in try log.renaming(node, to: label, by: identity, time: .now) }
        case .grant(let name):
            let node = try known(name)
            try await write { log throws(OfficeError) in try log.granting(node, by: identity, time: .now) }
        case .revoke(let name):
            let node = try known(name)
            try await write { log throws(OfficeError) in try log.revoking(node, by: identity, time: .now) }
        case .recover(let text):
            let key = try RecoveryKey(parsing: text)
            let name = last.members[identity.id]?.givenName ?? wishedName
            try await write { log throws(OfficeError) in
                try log.recovering(identity, name: name, with: key, time: .now)
            }
        }
    }

    var stateDirectory: String { settings.stateDirectory }

    /// Names the file server of the next epoch; no nodes: none any more.
    func setFileServer(_ nodes: [NodeID], standby: [NodeID], store: [UInt8]) async throws {
        guard isMember else { throw Self.inNone }
        let identity = identity
        try await write { log throws(OfficeError) in
            try log.settingFileServer(nodes: nodes, standby: standby, store: store, by: identity, time: .now)
        }
    }

    /// Writes an entry of this node's own: kept first, then told.
    private func write(_ build: @Sendable (OfficeLog) throws(OfficeError) -> LogEntry) async throws {
        let written = try await store.write(build)
        await stored([written.entry])
    }

    /// Puts this node into an office whose log it has not had.
    private func begin(_ new: OfficeLog) async throws {
        // What is left of an office that this node left or was put out of is put aside.
        if log != nil { try await store.end() }
        try await store.begin(new)
        log = await store.log
        publish()
    }

    private func stored(_ entries: [LogEntry]) async {
        log = await store.log
        guard !entries.isEmpty else { return }
        news.send(LogNews(entries: entries.map(\.sealed), members: otherMembers()))
        publish()
    }

    private func known(_ name: String) throws -> NodeID {
        let label = try Label(name)
        if let node = node(named: label) { return node }
        if let node = try? NodeID(hex: name), state?.members[node] != nil { return node }
        throw OfficeError(
            .notFound, label.description, "there is no such node in the office",
            mend: "'officeshare office members' shows who is in.")
    }

    // MARK: Exchanging entries

    func headHashes() -> [EntryHash] { log?.heads ?? [] }

    func entries(missingFrom heads: [EntryHash]) -> [SealedEntry] {
        log?.entries(missingFrom: heads).map(\.sealed) ?? []
    }

    /// Takes entries that a member told, keeps them, then tells the others: nothing is told that a crash could take
    /// back. What is wrong with one is said in the daemon's log, and the rest counts.
    func take(_ entries: [SealedEntry], from node: NodeID) async {
        guard !entries.isEmpty, log != nil else { return }
        do throws(OfficeError) {
            let insertion = try await store.insert(entries)
            for refusal in insertion.refused {
                logger.warning(
                    "an entry of the office log was refused",
                    metadata: [
                        LogKey.entryHash: "\(refusal.hash.short)", LogKey.error: "\(refusal.error)",
                        LogKey.nodeID: "\(node.short)",
                    ])
            }
            await stored(insertion.accepted)
        } catch {
            logger.error("entries of the office log can't be kept", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Remembers where a member was reached, for after the next start.
    func reached(_ node: NodeID, at endpoint: Endpoint) async {
        do {
            try await peerStore.remember(node, at: endpoint, now: .now)
        } catch {
            logger.warning("a node's address can't be kept", metadata: [LogKey.error: "\(error)"])
        }
    }

    // MARK: Inviting and joining

    func invite(ttl: Duration) throws -> InvitationModel {
        guard let state else { throw Self.inNone }
        guard state.isAdmin(identity.id) else {
            throw OfficeError(
                .notAllowed, state.name.description, "only an admin may invite",
                mend: "Ask an admin: 'officeshare office members' shows who is one.")
        }
        let id = identity.id
        let code = try membership.withLockedValue { membership throws(OfficeError) in
            try membership.invitations.open(inviter: id, for: ttl, at: .now)
        }
        return InvitationModel(
            code: code.printed, expires: Timestamp(seconds: Timestamp.now.time.seconds + ttl.components.seconds))
    }

    /// Lets a node in that proves to know a code. The proof is checked before anything is told.
    func admit(_ request: JoinRequest, presented: PeerTLS.Presented) async throws -> JoinAnswer {
        let identity = identity
        let redemption = try membership.withLockedValue { membership throws(OfficeError) in
            try membership.invitations.redeem(
                proof: request.proof, joinerCertificate: presented.certificateDER,
                inviterCertificate: identity.certificateDER, at: .now)
        }
        let key = try NodeCertificate.parse(der: presented.certificateDER)
        if state?.members[key.id] != nil, !redemption.isRepeated {
            throw OfficeError(
                .exists, request.name.description, "a node with this machine's key is a member already",
                mend:
                    "If the machine was cloned, stop officeshared, delete /var/lib/officeshare, start it and join again."
            )
        }
        if state?.members[key.id] == nil {
            // It asks again not because an answer was lost: it was let in, and left or was removed since.
            guard !redemption.isRepeated else {
                throw OfficeError(
                    .notAllowed, "the joining code", "it has been used", mend: "Ask for a new one.")
            }
            do {
                try await write { log throws(OfficeError) in
                    try log.admitting(key, name: request.name, by: identity, time: .now)
                }
            } catch {
                membership.withLockedValue { $0.invitations.restore(usedBy: presented.certificateDER) }
                throw error
            }
        }
        guard let log, let member = log.state.members[key.id] else { throw Self.inNone }
        return JoinAnswer(replyProof: redemption.replyProof, name: member.name, log: log)
    }

    /// Takes the log that an inviter gave, which was checked.
    func adopt(_ given: OfficeLog, from inviter: PeerConnector.Connected) async throws {
        try checkMayJoin()
        try await begin(given)
        await directory.told(PeerGossip(node: inviter.presented.nodeID, endpoints: [inviter.endpoint]))
        publish()
    }

    // MARK: Names

    /// The name this node would have in an office: configured, or the host's.
    var wishedName: Label { settings.name ?? HostName.label }
}

/// What came to the office log.
struct LogNews: Sendable {
    let entries: [SealedEntry]
    /// The other members, as the log has it with these entries: for anybody else they are the last that is told.
    let members: Set<NodeID>
}

extension LogLimits {
    init(_ limits: Settings.Limits) {
        self.init()
        entries = limits.logEntries
        entryBytes = limits.logEntryBytes
    }
}

extension OfficeChange {
    fileprivate var isRecovery: Bool {
        if case .recover = self { true } else { false }
    }
}
