import Logging
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust

/// What was sent to this node: known, accepted, fetched, and kept until somebody takes it.
actor Inbox {
    nonisolated let spool: ContentSpool
    private let identity: NodeIdentity
    private let store: DeliveryStore
    private let rule: AcceptRule
    private let limits: DeliveryLimits
    private let logger: Logger
    private let changed: @Sendable (IncomingDelivery) -> Void
    /// Told a node that something has to be fetched from.
    private let hasWork: @Sendable (NodeID) -> Void
    private var records: [DeliveryID: IncomingDelivery] = [:]
    private var order: [DeliveryID] = []
    /// Bytes that have come of what moves: for those who wait for it.
    private var progress: [DeliveryID: Int64] = [:]

    init(
        identity: NodeIdentity, store: DeliveryStore, spool: ContentSpool, rule: AcceptRule, limits: DeliveryLimits,
        logger: Logger, changed: @escaping @Sendable (IncomingDelivery) -> Void,
        hasWork: @escaping @Sendable (NodeID) -> Void
    ) async throws {
        self.identity = identity
        self.store = store
        self.spool = spool
        self.rule = rule
        self.limits = limits
        self.logger = logger
        self.changed = changed
        self.hasWork = hasWork
        for record in try await store.all(.inbox, as: IncomingDelivery.self) {
            records[record.id] = record
            order.append(record.id)
        }
        try await spool.removeAll(except: Set(records.values.filter(\.holdsContent).map(\.id)))
    }

    // MARK: Offered

    /// Takes an offer, and says how the delivery stands. The same offer again changes nothing.
    ///
    /// Throws `.limit` or `.noSpace` where there is no place for it now: the sender offers it again.
    func take(_ offer: DeliveryOffer, from node: NodeID, in state: OfficeState?) async throws -> DeliveryReport {
        try offer.check()
        if let known = records[offer.id] {
            guard known.isSame(as: offer, from: node) else {
                throw OfficeError(.malformed, offer.id.description, "a delivery of this id is another one")
            }
            return try await again(known, offer, in: state)
        }
        if let refusal = refusal(of: offer) { return refusal }
        guard records.values.count(where: \.isOpen) < limits.deliveries else { throw full("inbox.deliveries") }
        guard records.values.count(where: { $0.isOpen && $0.from == node }) < limits.deliveriesPerNode else {
            throw full("inbox.deliveriesPerNode")
        }
        let state = try decided(offer, from: node, in: state)
        let record = IncomingDelivery(offer, from: node, state: state)
        try await write(record)
        if state == .moving { hasWork(node) }
        return record.report
    }

    /// What can't ever be taken.
    private func refusal(of offer: DeliveryOffer) -> DeliveryReport? {
        var reason: String?
        if offer.size > limits.bytes {
            reason = "it is larger than the inbox may be (\(limits.bytes >> 20) MiB)"
        } else if let user = offer.to, Account.userID(named: user.description) == nil {
            reason = "there is no user \(user) on this node"
        }
        return reason.map { DeliveryReport(id: offer.id, attempt: offer.attempt, state: .rejected, reason: $0) }
    }

    private func decided(
        _ offer: DeliveryOffer, from node: NodeID, in state: OfficeState?
    ) throws(OfficeError) -> DeliveryState {
        guard rule.decision(on: offer, from: node, in: state) == .accept else { return .offered }
        try checkRoom(for: offer.size)
        return .moving
    }

    /// An offer of what is known: a later attempt is of something that was lost here, taken, or rejected.
    private func again(
        _ known: IncomingDelivery, _ offer: DeliveryOffer, in state: OfficeState?
    ) async throws -> DeliveryReport {
        guard offer.attempt > known.attempt else {
            // Its sender may have become able to send it: nobody waits for the next try.
            if known.state == .moving { hasWork(known.from) }
            return known.report
        }
        var record = known
        record.attempt = offer.attempt
        let isHere = record.taken == nil && record.state == .delivered
        if isHere, await spool.entry(record.name, of: record.id)?.size == record.size {
            // Stored once.
        } else if record.state != .offered {
            if record.state != .moving { record.state = .rejected }
            if !record.holdsContent { record.state = try decided(offer, from: known.from, in: state) }
            (record.taken, record.takenBy, record.receipt, record.reason) = (nil, nil, nil, nil)
        }
        try await write(record)
        if record.state == .moving { hasWork(record.from) }
        return record.report
    }

    private var used: Int64 { records.values.reduce(0) { $1.holdsContent ? $0 + $1.size : $0 } }

    private func checkRoom(for size: Int64) throws(OfficeError) {
        guard used + size <= limits.bytes else { throw full("inbox.spoolMegabytes") }
    }

    private func full(_ limit: String) -> OfficeError {
        OfficeError(
            limit == "inbox.spoolMegabytes" ? .noSpace : .limit, "the inbox", "it is full (\(limit))",
            mend: "It goes on when something was taken out of it.")
    }

    /// Remembers that a user here wants something of a node's share, which may be away.
    func want(_ record: IncomingDelivery) async throws {
        guard records.values.count(where: \.isOpen) < limits.deliveries else { throw full("inbox.deliveries") }
        try await write(record)
        hasWork(record.from)
    }

    // MARK: Fetching

    /// What is to be fetched from a node, in the order of its coming.
    func moving(from node: NodeID) -> [IncomingDelivery] {
        order.compactMap { records[$0] }.filter { $0.from == node && $0.state == .moving }
    }

    var sources: Set<NodeID> { Set(records.values.filter { $0.state == .moving }.map(\.from)) }

    func came(_ bytes: Int64, of id: DeliveryID) { if records[id]?.state == .moving { progress[id] = bytes } }

    /// Bytes that may still come of what has no size yet.
    var room: Int64 { max(0, limits.bytes - used) }

    /// Why it is not here yet. Nothing is written down for that.
    func explain(_ id: DeliveryID, _ reason: String?) {
        guard let record = records[id], record.state == .moving, record.reason != reason else { return }
        records[id]?.reason = reason
        if let now = records[id] { changed(now) }
    }

    /// The content is on the disk under its name: signed for, written down, and only then told.
    ///
    /// - Parameters:
    ///   - size: Of what was wanted, and known only now.
    ///   - failure: What of it couldn't be had.
    func fetched(_ id: DeliveryID, size: Int64?, but failure: String?) async throws(OfficeError) -> DeliveryReport? {
        guard var record = records[id], record.state == .moving else { return records[id]?.report }
        if case .sent = record.origin, let root = record.root {
            record.receipt = try Receipt(of: id, root, by: identity)
        }
        if let size { record.size = size }
        record.state = .delivered
        record.reason = failure
        progress[id] = nil
        try await write(record)
        return record.report
    }

    /// It can't be had any more.
    func lost(_ id: DeliveryID, _ reason: String) async throws(OfficeError) -> DeliveryReport? {
        guard var record = records[id], record.state == .moving else { return records[id]?.report }
        record.state = .rejected
        record.reason = reason
        progress[id] = nil
        await spool.remove(id)
        try await write(record)
        await prune()
        return record.report
    }

    // MARK: What people do

    var all: [IncomingDelivery] { order.compactMap { records[$0] } }
    subscript(id: DeliveryID) -> IncomingDelivery? { records[id] }
    func bytesCome(_ id: DeliveryID) -> Int64? { progress[id] }

    /// Lets an offer in. What is let in already is no error.
    func accept(_ id: DeliveryID) async throws -> IncomingDelivery {
        guard var record = records[id] else { throw Self.unknown(id.description) }
        switch record.state {
        case .offered:
            try checkRoom(for: record.size)
            record.state = .moving
            record.reason = nil
            try await write(record)
        case .rejected:
            throw OfficeError(
                .notAllowed, record.name.description, "it was rejected" + (record.reason.map { ": \($0)" } ?? ""),
                mend: "Its sender can send it again with 'officeshare resend \(id)'.")
        case .delivered where record.taken != nil:
            throw OfficeError(
                .notFound, record.name.description,
                "it was taken out of the inbox already" + (record.takenBy.map { ", by \($0)" } ?? ""),
                mend: "Its sender can send it again with 'officeshare resend \(id)'.")
        case .queued, .moving, .delivered: break
        }
        if record.state == .moving { hasWork(record.from) }
        return record
    }

    /// Doesn't want it. Where its content had come already, only who looks here knows.
    func reject(_ id: DeliveryID, by user: UserName) async throws -> IncomingDelivery {
        guard var record = records[id] else { throw Self.unknown(id.description) }
        guard record.taken == nil else {
            throw OfficeError(.notAllowed, record.name.description, "it was taken out of the inbox already")
        }
        guard record.state != .rejected else { return record }
        // What was delivered stays that, for its sender has the receipt: it is thrown away.
        if record.state == .delivered {
            (record.taken, record.takenBy) = (.now, user)
        } else {
            record.state = .rejected
            record.reason = "\(user) rejected it"
        }
        progress[id] = nil
        try await write(record)
        await spool.remove(id)
        await prune()
        return record
    }

    /// The content of what is here, for who takes it.
    func folder(of id: DeliveryID) async throws -> Folder {
        guard let record = records[id], record.state == .delivered, record.taken == nil else {
            throw Self.unknown(id.description)
        }
        return try await spool.folder(id)
    }

    /// Somebody has it under its name on their own disk now.
    func took(_ id: DeliveryID, by user: UserName) async throws -> IncomingDelivery {
        guard var record = records[id], record.state == .delivered else { throw Self.unknown(id.description) }
        guard record.taken == nil else { return record }
        (record.taken, record.takenBy) = (.now, user)
        try await write(record)
        await spool.remove(id)
        await prune()
        return record
    }

    private func write(_ record: IncomingDelivery) async throws(OfficeError) {
        let before = records[record.id]
        guard before != record else { return }
        records[record.id] = record
        if before == nil { order.append(record.id) }
        do throws(OfficeError) {
            try await store.write([(record.id, record)], .inbox)
        } catch {
            if records[record.id] == record {
                records[record.id] = before
                if before == nil { order.removeAll { $0 == record.id } }
            }
            throw error
        }
        changed(record)
    }

    /// Forgets the oldest of what is over, beyond what is remembered.
    private func prune() async {
        let over = order.compactMap { records[$0] }.filter { !$0.isOpen }
        let surplus = over.prefix(max(0, over.count - limits.history)).map(\.id)
        for id in surplus { records[id] = nil }
        order.removeAll { surplus.contains($0) }
        do throws(OfficeError) { try await store.remove(surplus, .inbox) } catch {
            logger.warning("the inbox can't be tidied", metadata: [LogKey.error: "\(error)"])
        }
    }

    static func unknown(_ what: String) -> OfficeError {
        OfficeError(
            .notFound, what.escapedForTerminal, "there is no such delivery", mend: "'officeshare inbox' shows them.")
    }
}
