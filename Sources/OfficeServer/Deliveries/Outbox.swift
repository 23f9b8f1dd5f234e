import Logging
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust

/// What was sent from this node: on its disk before the sender hears so, and kept until the receiver has signed for it,
/// and for a while longer.
actor Outbox {
    /// A content that is still arriving from the command line.
    private struct Opening {
        var drafts: [OutgoingDelivery]
        let user: UserName
        /// Bytes that were announced, and bytes that have come.
        let size: Int64
        var received: Int64 = 0
        var exchanges = 0
        var touched = ContinuousClock.now
    }

    private static let mostOpenings = 64
    /// How long a content may be open that nobody sends any more.
    private static let patience = Duration.seconds(300)
    /// Bytes that may come for a content beyond what was announced: frames, and what is sent again.
    private static let slack: Int64 = 64 << 20

    nonisolated let spool: ContentSpool
    private let store: DeliveryStore
    private let limits: DeliveryLimits
    let cache: any HashCache
    let logger: Logger
    private let changed: @Sendable (OutgoingDelivery) -> Void
    /// Told a node that something waits for.
    let hasWork: @Sendable (Destination) -> Void
    private(set) var records: [DeliveryID: OutgoingDelivery] = [:]
    private var order: [DeliveryID] = []
    private var openings: [DeliveryID: Opening] = [:]
    /// How far the receivers of those that move are.
    var standings: [DeliveryID: DeliveryStanding] = [:]
    /// When contents were read again because they were doubted.
    var doubts: [DeliveryID: ContinuousClock.Instant] = [:]
    /// When the receiver was asked last how one stands that it knows.
    var asked: [DeliveryID: ContinuousClock.Instant] = [:]

    init(
        store: DeliveryStore, spool: ContentSpool, limits: DeliveryLimits, cache: any HashCache, logger: Logger,
        changed: @escaping @Sendable (OutgoingDelivery) -> Void, hasWork: @escaping @Sendable (Destination) -> Void
    ) async throws {
        self.store = store
        self.spool = spool
        self.limits = limits
        self.cache = cache
        self.logger = logger
        self.changed = changed
        self.hasWork = hasWork
        for record in try await store.all(.outbox, as: OutgoingDelivery.self) {
            records[record.id] = record
            order.append(record.id)
        }
        try await spool.removeAll(except: Set(records.values.filter(\.isKept).map(\.content)))
    }

    // MARK: Taking in

    /// Opens a content for deliveries that are nothing yet: a crash before `seal` leaves no trace of them.
    func open(_ drafts: [OutgoingDelivery], size: Int64, by user: UserName) async throws {
        await forgetAbandoned()
        guard let content = drafts.first?.content else { return }
        let name = drafts[0].name.description
        guard openings.count < Self.mostOpenings else {
            throw OfficeError(.limit, name, "too many files are being sent at once", mend: "Run the same again later.")
        }
        try await makeRoom(for: size, name)
        let waiting = records.values.count(where: \.isOpen) + openings.values.reduce(0) { $0 + $1.drafts.count }
        guard waiting + drafts.count <= limits.deliveries else {
            throw OfficeError(
                .limit, name, "\(waiting) deliveries wait in the outbox, of at most \(limits.deliveries)",
                mend: "Run the same again when some have arrived, or raise 'outbox.deliveries'.")
        }
        openings[content] = Opening(drafts: drafts, user: user, size: size)
        do {
            _ = try await spool.make(content)
        } catch {
            openings[content] = nil
            throw error
        }
    }

    /// Bytes of all contents, and of those that were announced.
    private var used: Int64 {
        var sizes: [DeliveryID: Int64] = [:]
        for record in records.values where record.isKept { sizes[record.content] = record.size }
        return sizes.values.reduce(0, +) + openings.values.reduce(0) { $0 + $1.size }
    }

    /// Contents that are only kept for `resend` go first.
    private func makeRoom(for size: Int64, _ name: String) async throws(OfficeError) {
        while used + size > limits.bytes, let oldest = retained.first { try await release(oldest) }
        guard used + size <= limits.bytes else {
            throw OfficeError(
                .noSpace, name, "the outbox is full (\(limits.bytes >> 20) MiB)",
                mend: "Run the same again when what waits has arrived, or raise 'outbox.spoolMegabytes'.")
        }
    }

    private func forgetAbandoned() async {
        let oldest = ContinuousClock.now - Self.patience
        for (content, opening) in openings where opening.exchanges == 0 && opening.touched < oldest {
            openings[content] = nil
            await spool.remove(content)
        }
    }

    /// The folder of a content that its own sender is still filling, for one exchange. `leave` ends it.
    func enter(_ content: DeliveryID, by user: UserName) async throws -> Folder {
        guard openings[content]?.user == user else { throw Self.unknown(content.description) }
        openings[content]?.exchanges += 1
        return try await spool.folder(content)
    }

    func leave(_ content: DeliveryID) {
        openings[content]?.exchanges -= 1
        openings[content]?.touched = .now
    }

    /// Counts what comes for a content. Throws where it is much more than was announced.
    func count(_ bytes: Int, for content: DeliveryID) throws(OfficeError) {
        guard var opening = openings[content] else { throw Self.unknown(content.description) }
        opening.received += Int64(bytes)
        guard opening.received <= opening.size * 2 + Self.slack else {
            throw OfficeError(.limit, opening.drafts[0].name.description, "it is longer than was announced")
        }
        openings[content] = opening
    }

    /// The content is whole: from here on its deliveries can't be lost.
    func seal(_ content: DeliveryID, by user: UserName) async throws -> [OutgoingDelivery] {
        guard let opening = openings[content], opening.user == user, let first = opening.drafts.first else {
            throw Self.unknown(content.description)
        }
        var sealed = opening.drafts
        if case .send = first.errand {
            let known = try await spool.content(first.name, of: content, cache: cache)
            for index in sealed.indices { (sealed[index].size, sealed[index].root) = (known.size, known.root) }
        } else {
            let measured = try await spool.measure(content)
            guard !measured.names.isEmpty else {
                throw OfficeError(.malformed, first.name.description, "nothing of it was sent")
            }
            for index in sealed.indices { sealed[index].size = measured.bytes }
        }
        guard sealed[0].size <= opening.size else {
            throw OfficeError(
                .changed, first.name.description, "it grew while it was read",
                mend: "Run the same again when nothing writes to it.")
        }
        try await write(sealed)
        openings[content] = nil
        for destination in Set(sealed.map(Destination.init)) { hasWork(destination) }
        return sealed
    }

    /// Forgets a content that is not sealed.
    func abandon(_ content: DeliveryID, by user: UserName) async {
        guard openings[content]?.user == user else { return }
        openings[content] = nil
        await spool.remove(content)
    }

    // MARK: Asking

    var all: [OutgoingDelivery] { order.compactMap { records[$0] } }
    subscript(id: DeliveryID) -> OutgoingDelivery? { records[id] }

    var destinations: Set<Destination> { Set(records.values.filter(\.isOpen).map(Destination.init)) }

    /// What has to be seen to now: what was not offered, and what was not asked after for so long.
    func due(for destination: Destination, asking interval: Duration) -> [OutgoingDelivery] {
        all.filter { record in
            guard record.isOpen, Destination(record) == destination else { return false }
            guard record.state != .queued, let last = asked[record.id] else { return true }
            return ContinuousClock.now - last >= interval
        }
    }

    func isWaiting(for destination: Destination) -> Bool {
        records.values.contains { $0.isOpen && Destination($0) == destination }
    }

    /// A node is back: everything that waits for it is asked after at once.
    func returned(_ node: NodeID) {
        for record in records.values where record.isOpen && record.to == node { asked[record.id] = nil }
    }

    // MARK: Changing

    /// What the receiver says of a delivery. What it says of an attempt that is over counts no more.
    ///
    /// - Parameter key: The receiver's, which a receipt has to be signed with.
    func told(_ report: DeliveryReport, by node: NodeID, key: NodeKey) async throws(OfficeError) {
        guard let record = records[report.id], record.to == node, record.offer != nil, let root = record.root else {
            throw Self.unknown(report.id.description)
        }
        asked[report.id] = .now
        guard report.attempt == record.attempt, record.isOpen else { return }
        if report.damaged == true {
            await doubt(record.content)
            guard records[report.id]?.isOpen == true, report.state != .moving else { return }
        }
        if report.state == .moving, let bytes = report.bytes {
            standings[report.id, default: DeliveryStanding()].note(min(max(bytes, 0), record.size), at: .now)
        }
        if report.state == .delivered {
            guard let receipt = report.receipt, receipt.isValid(for: report.id, root, by: key) else {
                throw OfficeError(.malformed, report.id.description, "its receipt is not the receiver's")
            }
        }
        try await update(report.id) { record in
            record.state = report.state == .queued ? .offered : report.state
            record.reason = report.reason.map { String($0.prefix(512)).escapedForTerminal }
            if report.state == .delivered { record.receipt = report.receipt }
            if report.state.isFinal { (record.ended, record.isPaused) = (.now, nil) }
        }
        if report.state.isFinal { await retire(report.id) }
    }

    /// An upload is over.
    func uploaded(
        _ id: DeliveryID, refused error: OfficeError?, saying reason: String? = nil
    ) async throws(OfficeError) {
        try await update(id) { record in
            record.state = error == nil ? .delivered : .rejected
            record.reason = error.map { "\($0.why)" } ?? reason
            record.ended = .now
        }
        await retire(id)
    }

    /// Why it waits. Nothing is written down for that: after a start it is found out anew.
    func explain(_ reason: String, to destination: Destination, only id: DeliveryID?) {
        for record in records.values
        where record.isOpen && Destination(record) == destination && record.reason != reason {
            guard record.state == .queued || destination.isUpload, id == nil || id == record.id else { continue }
            records[record.id]?.reason = reason
            if let now = records[record.id] { changed(now) }
        }
    }

    func uploading(_ id: DeliveryID) async throws(OfficeError) {
        try await update(id) { record in
            record.state = .moving
            record.reason = nil
        }
    }

    /// Sends it once more, from what is kept.
    func resend(_ id: DeliveryID, force: Bool) async throws(OfficeError) -> OutgoingDelivery {
        guard let record = records[id] else { throw Self.unknown(id.description) }
        guard record.isKept, await spool.entry(.root, of: record.content) != nil else {
            throw OfficeError(
                .notFound, id.description, "its content isn't kept here any more", mend: "Send the file again.")
        }
        guard !record.isOpen else {
            // It is on its way already: it goes at once.
            asked[id] = nil
            hasWork(Destination(record))
            return record
        }
        try await update(id) { record in
            record.attempt += 1
            record.state = .queued
            record.reason = nil
            record.ended = nil
            if force, case .put(var upload) = record.errand {
                upload.force = true
                record.errand = .put(upload)
            }
        }
        asked[id] = nil
        standings[id] = nil
        hasWork(Destination(record))
        return records[id] ?? record
    }

    /// Takes it back, or forgets it.
    func remove(_ id: DeliveryID) async throws(OfficeError) -> OutgoingDelivery {
        guard let record = records[id] else { throw Self.unknown(id.description) }
        forget(record)
        try await store.remove([id], .outbox)
        if !records.values.contains(where: { $0.content == record.content }) { await spool.remove(record.content) }
        changed(record)
        return record
    }

    private func forget(_ record: OutgoingDelivery) {
        records[record.id] = nil
        asked[record.id] = nil
        standings[record.id] = nil
        order.removeAll { $0 == record.id }
    }

    func update(_ id: DeliveryID, _ body: (inout OutgoingDelivery) -> Void) async throws(OfficeError) {
        guard var record = records[id] else { return }
        body(&record)
        try await write([record])
    }

    /// What is written counts at once, for who asks next; what can't be written down is taken back.
    private func write(_ new: [OutgoingDelivery]) async throws(OfficeError) {
        let fresh = new.filter { records[$0.id] != $0 }
        guard !fresh.isEmpty else { return }
        let before = fresh.map { records.updateValue($0, forKey: $0.id) }
        for (record, old) in zip(fresh, before) where old == nil { order.append(record.id) }
        do throws(OfficeError) {
            try await store.write(fresh.map { ($0.id, $0) }, .outbox)
        } catch {
            for (record, old) in zip(fresh, before) where records[record.id] == record {
                if let old { records[record.id] = old } else { forget(record) }
            }
            throw error
        }
        fresh.forEach(changed)
    }

    // MARK: Keeping

    /// Contents that no delivery needs any more, in the order in which their last one ended.
    private var retained: [DeliveryID] {
        var ends: [DeliveryID: Timestamp] = [:]
        var needed: Set<DeliveryID> = []
        for record in records.values where record.isKept {
            if let end = record.ended, !record.isPrecious {
                ends[record.content] = max(ends[record.content] ?? end, end)
            } else {
                needed.insert(record.content)
            }
        }
        return ends.filter { !needed.contains($0.key) }.sorted { $0.value < $1.value }.map(\.key)
    }

    /// Lets go of a content; its deliveries stay on record.
    func release(_ content: DeliveryID) async throws(OfficeError) {
        let released = records.values.filter { $0.content == content }.map { record in
            var copy = record
            copy.isKept = false
            return copy
        }
        try await write(released)
        await spool.remove(content)
    }

    private func retire(_ id: DeliveryID) async {
        asked[id] = nil
        standings[id] = nil
        await prune()
    }

    /// Lets go of what is kept for longer, or is more, than was configured.
    func prune() async {
        await forgetAbandoned()
        let oldest = Timestamp.now.adding(seconds: -limits.retentionSeconds)
        var sizes: [DeliveryID: (bytes: Int64, end: Timestamp)] = [:]
        for record in records.values {
            guard let end = record.ended else { continue }
            sizes[record.content] = (record.size, max(sizes[record.content]?.end ?? end, end))
        }
        do throws(OfficeError) {
            let kept = retained
            var bytes = kept.reduce(Int64(0)) { $0 + (sizes[$1]?.bytes ?? 0) }
            for content in kept {
                guard let size = sizes[content], size.end < oldest || bytes > limits.retainedBytes else { continue }
                try await release(content)
                bytes -= size.bytes
            }
            let ended = order.compactMap { records[$0] }.filter { !$0.isOpen && !$0.isKept }
            let surplus = ended.prefix(max(0, ended.count - limits.history))
            surplus.forEach(forget)
            try await store.remove(surplus.map(\.id), .outbox)
        } catch {
            logger.warning("the outbox can't be tidied", metadata: [LogKey.error: "\(error)"])
        }
    }

    static func unknown(_ what: String) -> OfficeError {
        OfficeError(
            .notFound, what.escapedForTerminal, "there is no such delivery", mend: "'officeshare sent' shows them.")
    }
}
