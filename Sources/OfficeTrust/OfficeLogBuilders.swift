package import OfficeCore

// New entries, written by this node. Each follows all that is known here, and is refused where the fold would give
// it no effect: the caller inserts (and stores) what it gets.

extension OfficeLog {
    /// Founds an office: its log of one entry, and the recovery key, which is nowhere else.
    package static func found(
        name: Label, identity: NodeIdentity, nodeName: Label, time: Timestamp, limits: LogLimits = LogLimits()
    ) throws(OfficeError) -> (log: OfficeLog, recoveryKey: RecoveryKey) {
        let recovery = try RecoveryKey()
        try checkNodeName(nodeName)
        let founder = Admission(key: identity.key, name: nodeName)
        let entry = try LogEntry.sealing(
            .found(office: name, founder: founder, recovery: recovery.publicKey), office: nil, follows: [],
            time: time, key: identity.privateKey)
        return (try OfficeLog(first: entry, limits: limits), recovery)
    }

    /// Lets a node in. Throws `.exists` where it is a member already.
    package func admitting(
        _ node: NodeKey, name: Label, by identity: NodeIdentity, time: Timestamp
    ) throws(OfficeError) -> LogEntry {
        try checkAdmin(identity)
        try Self.checkNodeName(name)
        if let member = state.members[node.id] {
            throw OfficeError(.exists, member.name.description, "the node is a member of this office already")
        }
        guard node.id != state.recoveryKey.id else {
            throw OfficeError(.notAllowed, name.description, "its key is this office's recovery key")
        }
        return try write(.admit(Admission(key: node, name: name)), by: identity, time: time)
    }

    /// Puts a node out; one's own is a leave.
    package func removing(
        _ node: NodeID, by identity: NodeIdentity, time: Timestamp
    ) throws(OfficeError) -> LogEntry {
        if node == identity.id { return try leaving(identity, time: time) }
        try checkAdmin(identity)
        try checkMember(node)
        return try write(.remove(node), by: identity, time: time)
    }

    package func leaving(_ identity: NodeIdentity, time: Timestamp) throws(OfficeError) -> LogEntry {
        try checkMember(identity.id)
        return try write(.leave, by: identity, time: time)
    }

    /// Names a node anew: an admin any node, a member its own.
    package func renaming(
        _ node: NodeID, to name: Label, by identity: NodeIdentity, time: Timestamp
    ) throws(OfficeError) -> LogEntry {
        if node != identity.id { try checkAdmin(identity) }
        try checkMember(node)
        try Self.checkNodeName(name)
        if let other = state.member(named: name), other.id != node {
            throw OfficeError(
                .exists, name.description, "another node of the office has this name",
                mend: "Choose another; 'officeshare office members' shows those that are taken.")
        }
        return try write(.rename(node, name), by: identity, time: time)
    }

    /// Makes a member an admin. Throws `.exists` where it is one.
    package func granting(_ node: NodeID, by identity: NodeIdentity, time: Timestamp) throws(OfficeError) -> LogEntry {
        try checkAdmin(identity)
        let member = try checkMember(node)
        guard !member.isAdmin else {
            throw OfficeError(.exists, member.name.description, "the node is an admin already")
        }
        return try write(.grant(node), by: identity, time: time)
    }

    /// Makes an admin a plain member.
    package func revoking(_ node: NodeID, by identity: NodeIdentity, time: Timestamp) throws(OfficeError) -> LogEntry {
        try checkAdmin(identity)
        let member = try checkMember(node)
        guard member.isAdmin else {
            throw OfficeError(.notFound, member.name.description, "the node is not an admin")
        }
        return try write(.revoke(node), by: identity, time: time)
    }

    /// Makes this node an admin by the recovery key (and a member again, had it been put out).
    package func recovering(
        _ identity: NodeIdentity, name: Label, with recovery: RecoveryKey, time: Timestamp
    ) throws(OfficeError) -> LogEntry {
        guard recovery.publicKey == state.recoveryKey else {
            throw OfficeError(
                .notAllowed, "the recovery key", "it is not this office's",
                mend: "Use the key that 'office create' printed when this office was made.")
        }
        try Self.checkNodeName(name)
        let entry = try LogEntry.sealing(
            .recover(Admission(key: identity.key, name: name)), office: office, follows: headsToFollow, time: time,
            key: recovery.privateKey)
        try checkEffect(entry)
        return entry
    }

    /// Names the file server of the next epoch.
    package func settingFileServer(
        nodes: [NodeID], standby: [NodeID] = [], store: [UInt8], by identity: NodeIdentity, time: Timestamp
    ) throws(OfficeError) -> LogEntry {
        try checkAdmin(identity)
        for node in nodes + standby { try checkMember(node) }
        let setting = FileServerSetting(epoch: state.nextEpoch, nodes: nodes, standby: standby, store: store)
        return try write(.server(setting), by: identity, time: time)
    }

    // MARK: Checks

    private func checkAdmin(_ identity: NodeIdentity) throws(OfficeError) {
        guard !state.isAdmin(identity.id) else { return }
        let admins = state.members.values.filter(\.isAdmin).map(\.name).sorted().map(\.description)
        throw OfficeError(
            .notAllowed, "the office", "this node is not an admin of it",
            mend: "Ask on an admin's machine: \(admins.prefix(5).joined(separator: ", ")).")
    }

    @discardableResult
    private func checkMember(_ node: NodeID) throws(OfficeError) -> OfficeState.Member {
        if let member = state.members[node] { return member }
        throw OfficeError(
            .notFound, node.short, "no node of the office has this id",
            mend: "'officeshare office members' shows who is in.")
    }

    private static func checkNodeName(_ name: Label) throws(OfficeError) {
        if name.description == Label.office {
            throw OfficeError(
                .malformed, name.description, "no node can have this name, it means the office itself",
                mend: "Choose another name.")
        }
    }

    // MARK: Writing

    /// The heads, as many as an entry can follow: of more the latest in the agreed order.
    private var headsToFollow: [EntryHash] {
        let heads = Set(heads)
        guard heads.count > limits.follows else { return Array(heads) }
        return orderedEntries.reversed().lazy.map(\.entry.hash).filter { heads.contains($0) }.prefix(limits.follows)
            .map { $0 }
    }

    private func write(_ act: LogAct, by identity: NodeIdentity, time: Timestamp) throws(OfficeError) -> LogEntry {
        let entry = try LogEntry.sealing(
            act, office: office, follows: headsToFollow, time: time, key: identity.privateKey)
        try checkEffect(entry)
        return entry
    }

    /// Tries the entry on a copy: what the log would refuse or void is not written.
    private func checkEffect(_ entry: LogEntry) throws(OfficeError) {
        var copy = self
        let insertion = copy.insert([entry])
        if let refusal = insertion.refused.first { throw refusal.error }
        switch copy.state.voided[entry.hash] {
        case nil: return
        case .lastAdmin:
            throw OfficeError(
                .notAllowed, "the office", "it would be left without an admin",
                mend: "Make another node an admin first: officeshare office admin add NODE.")
        case .some(let reason): throw OfficeError(.notAllowed, "the office", "the change would be void: \(reason)")
        }
    }
}
