import Logging
import OfficeCore
import OfficeStore
import OfficeTrust

/// The file server's side of its standby: makes it equal, has it follow, and says so to members before anything is
/// acknowledged without it. See `docs/protocol.md`, "The standby".
actor StandbyLead {
    /// What is read and sent at once.
    private static let batchChanges = 512
    private static let batchBytes: Int64 = 64 << 20
    private static let copying = Duration.seconds(24 * 60 * 60)
    /// For the last of a copy: nothing is written meanwhile.
    private static let lastCopy = Duration.seconds(120)
    private static let answering = Duration.seconds(3)
    /// How long a standby that is online may be silent over one batch.
    private static let batch = Duration.seconds(600)
    /// Between tries of what can't be done now.
    private static let pause = Duration.milliseconds(500)
    /// How long a connection that broke may take to be there again.
    private static let patience = Duration.seconds(2)
    /// Between tries of a batch over such a connection.
    private static let breath = Duration.milliseconds(100)
    private static let idle = Duration.seconds(2)

    nonisolated let standby: NodeID
    private let store: Store
    private let epoch: Int64
    private let records: StandbyRecords
    private let calls: MemberCalls
    private let server: FileServer
    private let reader: StandbyReader
    private let logger: Logger
    private var record: LeadRecord
    private var task: Task<Void, Never>?
    private var isPaused = false

    private init(
        _ standby: NodeID, store: Store, epoch: Int64, record: LeadRecord, records: StandbyRecords, calls: MemberCalls,
        server: FileServer, logger: Logger
    ) {
        self.standby = standby
        self.store = store
        self.epoch = epoch
        self.record = record
        self.records = records
        self.calls = calls
        self.server = server
        self.logger = logger
        reader = StandbyReader()
    }

    /// Has the store's changes wait or not, as this node left it. Before the first of them.
    static func begin(
        _ standby: NodeID, store: Store, epoch: Int64, records: StandbyRecords, calls: MemberCalls, server: FileServer,
        logger: Logger
    ) async throws(OfficeError) -> StandbyLead {
        let record = try await server.onDisk { () throws(OfficeError) -> LeadRecord in
            let known = try records.lead()
            if let known, known.epoch == epoch { return known }
            // Of another epoch nothing is followed in this one.
            let record = LeadRecord(
                epoch: epoch, standby: standby, generation: known?.generation ?? 0, isBehind: true, witnesses: [],
                since: 0)
            try records.write(record)
            return record
        }
        if !record.isBehind { store.feed.hold() }
        let lead = StandbyLead(
            standby, store: store, epoch: epoch, record: record, records: records, calls: calls, server: server,
            logger: logger)
        await lead.start()
        return lead
    }

    private func start() { task = Task { await run() } }

    /// The node is the file server no longer: nothing is sent any more when it returns.
    func stop() async {
        task?.cancel()
        await task?.value
    }

    /// Whether the standby has everything that was acknowledged.
    var isInStep: Bool { !record.isBehind && store.feed.mode == .following }
    /// Since which change it is behind, once that was said.
    var behindSince: Int64? { record.isBehind ? record.since ?? 0 : nil }

    /// Has the standby left alone, for a hand-over that copies by itself.
    func pause() { isPaused = true }

    // MARK: The rounds

    private func run() async {
        if !record.isBehind { await declare() }
        while !Task.isCancelled {
            if !isPaused, await calls.isOnline(standby), await catchUp() {
                logger.notice("the standby is in step", metadata: [LogKey.nodeID: "\(standby.short)"])
                await server.tellNotices()
                await carry()
                store.feed.hold()
            }
            if !record.isBehind { await declare() }
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Makes the standby equal: twice, the second time while nothing is written. Whether it follows now.
    private func catchUp() async -> Bool {
        var copy = StandbyCall(step: .copy, epoch: epoch)
        copy.distrusted = places(of: store.feed.beginCopying())
        copy.isLast = false
        let comparesAll = copy.distrusted == nil
        var isEqual = false
        defer { if !isEqual { store.feed.endCopying(comparedAll: comparesAll) } }
        do {
            _ = try await calls.ask(standby, copy, within: Self.copying)
            guard await server.freeze(for: epoch) else { return false }
        } catch {
            logger.debug("the standby can't be made equal", metadata: [LogKey.error: "\(error)"])
            return false
        }
        do {
            copy.distrusted = places(of: store.feed.touched)
            copy.isLast = true
            _ = try await calls.ask(standby, copy, within: Self.lastCopy)
            let witnesses = await witnesses()
            try await write {
                $0.generation += 1
                $0.isBehind = false
                $0.since = nil
                ($0.witnesses, $0.proposed) = (witnesses, nil)
            }
            store.feed.follow()
            isEqual = true
            let join = StandbyCall(
                step: .join, epoch: epoch, generation: record.generation, number: store.feed.last, witnesses: witnesses)
            _ = try await calls.ask(standby, join, within: Self.lastCopy)
            await server.thaw(epoch)
            return true
        } catch {
            // It may have joined, and be asked whether it has everything.
            if !record.isBehind { store.feed.hold() }
            await server.thaw(epoch)
            logger.debug("the standby can't be made equal", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }

    /// Where they are in the store; nil where not all of them are known.
    private func places(of touched: Set<ChangeFeed.Touched>?) -> [RelativePath]? {
        touched?.compactMap { touched in
            store.record(of: touched.space).flatMap { try? $0.folder.appending(touched.path) }
        }
    }

    /// Sends what is changed, until it can't.
    private func carry() async {
        while !Task.isCancelled, !isPaused {
            let batch = store.feed.pending(most: Self.batchChanges, bytes: Self.batchBytes)
            let witnesses = await witnesses()
            if store.feed.hasMissed { return }
            if batch.isEmpty, witnesses == record.witnesses {
                if await store.feed.bell.wait(for: Self.idle) { continue }
                if Task.isCancelled { return }
            }
            do {
                if witnesses != record.witnesses { try await write { $0.proposed = witnesses } }
                let number = try await send(batch, witnesses)
                guard number >= batch.last?.number ?? 0 else { return }
                store.feed.acknowledge(number)
                if record.proposed != nil { try await write { ($0.witnesses, $0.proposed) = (witnesses, nil) } }
            } catch {
                logger.notice(
                    "the standby is lost",
                    metadata: [LogKey.nodeID: "\(standby.short)", LogKey.error: "\(error)"])
                return
            }
        }
    }

    private func send(_ batch: [ChangeFeed.Noted], _ witnesses: [NodeID]) async throws -> Int64 {
        let head = ChangesHead(epoch: epoch, generation: record.generation, witnesses: witnesses)
        let end = ContinuousClock.now + Self.patience
        while true {
            do {
                let (reader, calls, standby) = (reader, calls, standby)
                return try await calls.within(Self.batch, standby) {
                    try await calls.pool.exchange(
                        with: standby, .changes(), send: { try await reader.write(head, batch, to: $0) }
                    ) { _, body in try await body.decoded(as: ChangesAnswer.self, limit: 4096).number }
                }
            } catch let error as OfficeError
                where [.temporary, .unavailable].contains(error.code) && ContinuousClock.now < end && !Task.isCancelled
            {
                guard await calls.isOnline(standby) else { throw error }
                try await Task.sleep(for: Self.breath)
            }
        }
    }

    // MARK: Saying it

    /// Members that are there: whoever promotes the standby asks all of them.
    private func witnesses() async -> [NodeID] {
        var online: [NodeID] = []
        for node in await calls.office.otherMembers() where node != standby {
            if await calls.isOnline(node) { online.append(node) }
        }
        return online.sorted()
    }

    /// Says that the standby is behind, until somebody has heard who will be asked; only then anything is acknowledged
    /// without it.
    private func declare() async {
        let call = StandbyCall(step: .told, epoch: epoch, generation: record.generation)
        var heard: Set<NodeID> = []
        while case let needed = await witnessesNeeded(), !needed.allSatisfy({ !$0.isDisjoint(with: heard) }) {
            if Task.isCancelled { return }
            let before = heard.count
            heard.formUnion(await tell(call, needed.reduce(into: Set<NodeID>()) { $0.formUnion($1) }))
            if heard.count == before { try? await Task.sleep(for: Self.pause) }
        }
        if Task.isCancelled { return }
        let since = store.feed.last
        do {
            try await write {
                $0.isBehind = true
                $0.since = since
            }
        } catch {
            logger.error("it can't be written that the standby is behind", metadata: [LogKey.error: "\(error)"])
            return
        }
        store.feed.release()
        logger.warning("the standby is behind", metadata: [LogKey.nodeID: "\(standby.short)"])
        await server.tellNotices()
        _ = try? await calls.ask(
            standby, StandbyCall(step: .over, epoch: epoch, generation: record.generation), within: Self.answering)
    }

    /// Sets of members of each of which one has to hear. Who has left the office can't be asked by anybody.
    private func witnessesNeeded() async -> [Set<NodeID>] {
        let members = await calls.office.otherMembers()
        return [record.witnesses, record.proposed ?? []].map { Set($0).intersection(members) }.filter { !$0.isEmpty }
    }

    /// Whether nothing is acknowledged, for nobody could be told that the standby is lost.
    var isHeld: Bool { store.feed.mode == .held && !record.isBehind }

    private func tell(_ call: StandbyCall, _ nodes: Set<NodeID>) async -> Set<NodeID> {
        let calls = calls
        return await withTaskGroup(of: NodeID?.self) { group in
            for node in nodes {
                group.addTask {
                    do {
                        _ = try await calls.ask(node, call, within: Self.answering)
                        return node
                    } catch {
                        return nil
                    }
                }
            }
            return await group.reduce(into: []) { if let node = $1 { $0.insert(node) } }
        }
    }

    private func write(_ change: (inout LeadRecord) -> Void) async throws {
        var new = record
        change(&new)
        let (records, written) = (records, new)
        try await server.onDisk { () throws(OfficeError) in try records.write(written) }
        record = new
    }
}
