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
        var isInviting = false
    }

    nonisolated let identity: NodeIdentity
    /// See `PeerHello.incarnation`.
    nonisolated let incarnation: String
    /// Tells that membership, names or roles changed.
    nonisolated let changes = EventHub<Void>()
    /// New entries of the log, for the members' event streams.
    nonisolated let news = EventHub<[SealedEntry]>()

    private nonisolated let membership = NIOLockedValueBox(Membership())
    private let settings: Settings
    private let directory: PeerDirectory
    private let peerStore: PeerStore
    private let logger: Logger
    private let store: LogStore
    private var invitations: Invitations
    /// The port this node listens on.
    private(set) var port: UInt16
    private(set) var log: OfficeLog?

    /// What the log says; nil in no office.
    var state: OfficeState? { log?.state }

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
        store = try LogStore(directory: settings.stateDirectory, limits: LogLimits(settings.limits))
        invitations = Invitations(inviter: identity.id)
        log = try await store.load()
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
            isInviting: { [membership] in membership.withLockedValue { $0.isInviting } })
    }

    /// Tells everybody what the log says now.
    private func publish() {
        let members = otherMembers()
        membership.withLockedValue { $0.members = members }
        changes.send(())
    }

    private func publishInvitations() {
        let inviting = invitations.isOpen(now: .now)
        membership.withLockedValue { $0.isInviting = inviting }
    }

    // MARK: Founding and changing

    func create(name: Label) async throws -> OfficeCreatedModel {
        try checkMayJoin()
        let founded = try OfficeLog.found(
            name: name, identity: identity, nodeName: wishedName, time: .now, limits: logLimits)
        try await store.replace(with: founded.log)
        log = founded.log
        publish()
        return OfficeCreatedModel(
            id: founded.log.office.description, name: name.description, recoveryKey: founded.recoveryKey.printed)
    }

    /// Throws where this node is in an office already.
    func checkMayJoin() throws {
        guard let state, isMember else { return }
        throw OfficeError(
            .exists, state.name.description, "this node is in an office already",
            mend: "Leave it first with 'officeshare office leave'.")
    }

    func change(_ change: OfficeChange) async throws {
        guard let log, let state, isMember || change.isRecovery else { throw Self.inNone }
        let entry: LogEntry
        switch change {
        case .remove(let node): entry = try log.removing(try known(node), by: identity, time: .now)
        case .leave: entry = try log.leaving(identity, time: .now)
        case .rename(let node, let name):
            entry = try log.renaming(try known(node), to: try Label(name), by: identity, time: .now)
        case .grant(let node): entry = try log.granting(try known(node), by: identity, time: .now)
        case .revoke(let node): entry = try log.revoking(try known(node), by: identity, time: .now)
        case .recover(let text):
            let name = state.members[identity.id]?.givenName ?? wishedName
            entry = try log.recovering(identity, name: name, with: try RecoveryKey(parsing: text), time: .now)
        }
        try await insert([entry.sealed], from: nil)
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

    /// Takes entries that a member told; what is wrong with one is said in the log, and the rest counts.
    func take(_ entries: [SealedEntry], from node: NodeID) async {
        guard !entries.isEmpty, log != nil else { return }
        do {
            try await insert(entries, from: node)
        } catch {
            logger.error("entries of the office log can't be kept", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Inserts, keeps, then tells: nothing is told that a crash could take back.
    private func insert(_ entries: [SealedEntry], from node: NodeID?) async throws {
        guard var changed = log else { throw Self.inNone }
        let insertion = changed.insert(sealed: entries)
        for refusal in insertion.refused {
            logger.warning(
                "an entry of the office log was refused",
                metadata: [
                    LogKey.entryHash: "\(refusal.hash.short)", LogKey.error: "\(refusal.error)",
                    LogKey.nodeID: "\(node?.short ?? "here")",
                ])
            if node == nil { throw refusal.error }
        }
        guard !insertion.accepted.isEmpty || !insertion.waiting.isEmpty else { return }
        try await store.append(insertion.accepted)
        log = changed
        guard !insertion.accepted.isEmpty else { return }
        news.send(insertion.accepted.map(\.sealed))
        publish()
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
        guard let state, isMember else { throw Self.inNone }
        guard state.isAdmin(identity.id) else {
            throw OfficeError(
                .notAllowed, state.name.description, "only an admin may invite",
                mend: "Ask an admin: 'officeshare office members' shows who is one.")
        }
        let code = try invitations.open(ttl: ttl, now: .now)
        publishInvitations()
        return InvitationModel(
            code: code.description, expires: Timestamp(seconds: Timestamp.now.time.seconds + ttl.components.seconds))
    }

    /// Lets a node in that proves to know a code. The proof is checked before anything is told.
    func admit(_ request: JoinRequest, presented: PeerTLS.Presented) async throws -> JoinAnswer {
        guard let log else { throw Self.notInvited }
        defer { publishInvitations() }
        guard
            let code = invitations.redeem(
                request.proof, inviterCertificate: identity.certificateDER, joinerCertificate: presented.certificateDER,
                now: .now)
        else { throw Self.notInvited }
        let key = try NodeCertificate.parse(der: presented.certificateDER)
        guard log.state.members[key.id] == nil else {
            throw OfficeError(
                .exists, request.name.description, "a node with this machine's key is a member already",
                mend:
                    "If the machine was cloned, stop officeshared, delete /var/lib/officeshare, start it and join again."
            )
        }
        let entry = try log.admitting(key, name: request.name, by: identity, time: .now)
        try await insert([entry.sealed], from: nil)
        guard let grown = self.log else { throw Self.notInvited }
        return JoinAnswer(
            entries: grown.entries(missingFrom: []).map(\.sealed),
            proof: JoinProof.answer(
                secret: code, inviterCertificate: identity.certificateDER, joinerCertificate: presented.certificateDER))
    }

    private static let notInvited = OfficeError(
        .notAllowed, "code", "it isn't valid here", mend: "Ask for a new one: a code serves once and lives 15 minutes.")

    /// Takes the log that an inviter gave: it has to be sound, to have us in it, and to come from an admin of it.
    func adopt(_ answer: JoinAnswer, from inviter: PeerConnector.Connected) async throws {
        try checkMayJoin()
        let given = try OfficeLog(verifying: answer.entries, limits: logLimits)
        guard given.state.members[identity.id] != nil, given.state.members[inviter.presented.nodeID] != nil else {
            throw OfficeError(.malformed, "inviter", "the office log it sent doesn't have both of us in it")
        }
        try await store.replace(with: given)
        log = given
        await directory.told(PeerGossip(node: inviter.presented.nodeID, endpoints: [inviter.endpoint]))
        publish()
    }

    // MARK: Names

    /// The name this node would have in an office: configured, or the host's.
    var wishedName: Label { settings.name ?? HostName.label }

    private var logLimits: LogLimits { LogLimits(settings.limits) }
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
