import Logging
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

/// The file server's part of a node: it serves the office's spaces for as long as the log names this node.
///
/// Who may is decided here, where a request comes in; whether this node still may, by the fence at every change. All that
/// touches the store runs on a pool of its own: a disk may take its time.
actor FileServer {
    /// Where the file server's store is, unless a person says otherwise.
    static func standardStore(in stateDirectory: String) -> [UInt8] { Array((stateDirectory + "/store").utf8) }

    let office: OfficeKeeper
    let shares: ShareKeeper
    nonisolated let fence = ServingFence()
    nonisolated let disk = WorkPool(threads: 4, syncThreads: 1)
    let history: ServingHistory
    let records: StandbyRecords
    let follower: StandbyFollower
    let witness: StandbyWitness
    let calls: MemberCalls
    let hashes: any HashCache
    let board: NoticeBoard
    nonisolated let noticesChanged = EventHub<Void>()
    let logger: Logger
    var handingOver: HandingOver?
    /// A copy of another node's store, on its way here.
    var copying: Task<Void, any Error>?
    let copies: StandbyCopies
    /// Nothing is written while the standby is made equal.
    var isFrozen = false
    /// Nodes whose people hold locks, and since when they are not there.
    var missing: [String: ContinuousClock.Instant] = [:]
    /// Changes of spaces and users that are under way, and who waits for their end.
    var changing = (count: 0, waiting: [CheckedContinuation<Void, Never>]())
    /// What other nodes acknowledged, and is being brought in.
    var merging: [NodeID: Task<StoreMerge.Summary, any Error>] = [:]
    /// What was written here is being brought in elsewhere.
    var isOffering = false
    private(set) var lead: StandbyLead?
    /// Where several nodes can serve the store.
    private(set) var keeper: LeaseKeeper?
    private(set) var store: (store: Store, path: [UInt8], epoch: Int64)?
    private(set) var failure: OfficeError?
    /// Whether the others were asked, since the start, if this node is still what its log says.
    private var isSettled = false
    /// Whether what this node served last is with its successor.
    private var isHandedOver = false
    private var adopting: Task<Void, Never>?

    init(
        calls: MemberCalls, shares: ShareKeeper, stateDirectory: String, hashes: any HashCache, board: NoticeBoard,
        copies: StandbyCopies, logger: Logger
    ) {
        self.calls = calls
        office = calls.office
        self.shares = shares
        self.hashes = hashes
        self.board = board
        self.logger = logger
        history = ServingHistory(stateDirectory: stateDirectory)
        records = StandbyRecords(stateDirectory: stateDirectory)
        witness = StandbyWitness(records: records)
        follower = StandbyFollower(
            records: records, history: history, office: office, disk: disk, copies: copies, logger: logger)
        self.copies = copies
    }

    // MARK: The role

    /// From now on the log is believed: the others were asked, or none is there.
    func settle() async {
        isSettled = true
        await adopt()
    }

    /// Becomes what the log says: one change after another.
    func adopt() async {
        let previous = adopting
        let task = Task {
            await previous?.value
            await self.follow()
        }
        adopting = task
        await task.value
    }

    private func follow() async {
        guard let state = await office.state else { return await standDown() }
        records.belong(to: state.office)
        let setting = state.fileServer?.setting
        guard let setting, setting.nodes.contains(office.identity.id) else {
            await standDown()
            if setting?.standby.contains(office.identity.id) != true { await follower.leave() }
            await settleAccounts(isDemoted: setting == nil)
            return
        }
        if let store, store.epoch == setting.epoch, store.path == setting.store, failure == nil {
            return isSettled && handingOver?.token == nil && !isFrozen ? serve(setting.epoch) : ()
        }
        // An older epoch's changes end here, before the newer one's begin.
        await standDown()
        await endCopying()
        await follower.leave()
        do throws(OfficeError) {
            let (path, epoch, office, own) = (setting.store, setting.epoch, state.office, self.office.identity.id)
            let opened = try await onDisk { () throws(OfficeError) in
                try Store(at: path, office: office, epoch: epoch, mayMake: false)
            }
            let nodes = setting.nodes
            try await onDisk { [history] () throws(OfficeError) in
                try history.began(path)
                try history.began(with: nodes)
            }
            if setting.standby.isEmpty {
                try await onDisk { [records] () throws(OfficeError) in try records.goAlone(epoch) }
            }
            if let standby = setting.standby.first {
                lead = try await StandbyLead.begin(
                    standby, store: opened, epoch: epoch, records: records, calls: calls, server: self, logger: logger)
            }
            if opened.isShared {
                let shares = shares
                let keeper = LeaseKeeper(opened, node: own, serving: nodes, logger: logger) {
                    shares.changes.send(())
                }
                await keeper.start()
                self.keeper = keeper
            }
            store = (opened, path, epoch)
            failure = nil
            await shares.release(below: opened.spacePaths(in: path))
            if isSettled { serve(epoch) }
        } catch {
            let isNew = failure != error
            failure = error
            guard isNew else { return }
            logger.error("the store can't be opened", metadata: [LogKey.error: "\(error)"])
            shares.changes.send(())
        }
    }

    private func serve(_ epoch: Int64) {
        guard fence.mode != .serving(epoch) else { return }
        fence.mode = .serving(epoch)
        logger.notice("this node is the file server", metadata: [LogKey.count: "\(epoch)"])
        shares.changes.send(())
    }

    /// A store that isn't there any more is served no longer, until it is back: what was written on would be lost to
    /// sight with the next mount.
    func checkStore() async {
        guard let current = store else { return }
        do throws(OfficeError) {
            try await onDisk { () throws(OfficeError) in try current.store.checkIsThere() }
        } catch {
            guard store?.store === current.store else { return }
            await standDown()
            failure = error
            logger.error("the store isn't there any more", metadata: [LogKey.error: "\(error)"])
            shares.changes.send(())
        }
    }

    /// No change is made any more; returns when none is under way.
    func standDown() async {
        fence.mode = .away
        guard let serving = store else { return }
        store = nil
        isHandedOver = handingOver?.token != nil
        handingOver = nil
        isFrozen = false
        serving.store.feed.close(ServingFence.moving)
        await changesEnd()
        // Whatever is begun while this waits is another stretch's.
        let (oldLead, oldKeeper) = (lead, keeper)
        (lead, keeper) = (nil, nil)
        await oldLead?.stop()
        await oldKeeper?.stop()
        await onDisk { for space in serving.store.spaces { space.close(ServingFence.moving) } }
        logger.notice("this node is the file server no longer", metadata: [LogKey.count: "\(serving.epoch)"])
        shares.changes.send(())
    }

    /// What becomes of a store that this node served once: after `demote` its spaces are shares; where another node
    /// took over, it is a copy that nobody reads.
    private func settleAccounts(isDemoted: Bool) async {
        do throws(OfficeError) {
            guard let path = try await onDisk({ [history] () throws(OfficeError) in try history.last() }) else {
                return
            }
            let nodes = try await onDisk { [history] () throws(OfficeError) in try history.nodes() }
            // Of several nodes that served it, one shares its spaces.
            if isDemoted, nodes.min() == nil || nodes.min() == self.office.identity.id {
                guard let office = await office.state?.office else { return }
                let store = try await onDisk { () throws(OfficeError) in
                    try Store(at: path, office: office, epoch: 0, mayMake: false)
                }
                for record in store.records where record.isMoving != true {
                    try await shares.takeOver(record, at: store.path(of: record, in: path))
                }
            }
            let successors = await office.state?.fileServer?.setting.nodes ?? []
            let isLeft = !isDemoted && !isHandedOver
            try await onDisk { [history, records] () throws(OfficeError) in
                // Who served the same store has all of it.
                if isLeft, try !history.nodes().contains(where: successors.contains), try !records.isWith(successors) {
                    try history.left(path)
                }
                try history.ended()
            }
        } catch {
            failure = error
            logger.error("the store's spaces can't be shared", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Makes or checks the store for an epoch to come, and takes in what its folder holds: the spaces made of that.
    func prepare(_ path: [UInt8]) async throws(OfficeError) -> Promotion.Prepared {
        guard let state = await office.state else { throw OfficeKeeper.inNone }
        if let store, store.path == path {
            if store.store.isShared { return Promotion.Prepared(store: path) }
            let taken = try await change(store.epoch) { () throws(OfficeError) in try store.store.takeIn() }
            // The standby has it, or is known not to.
            try await onDisk { () throws(OfficeError) in try store.store.feed.confirm() }
            if !taken.isEmpty { shares.changes.send(()) }
            return Promotion.Prepared(store: path, takenIn: taken)
        }
        if state.fileServer?.setting.store == path,
            try await onDisk({ () throws(OfficeError) in Store.isShared(at: path) })
        {
            // Nothing is made in one that others serve.
            return Promotion.Prepared(store: path)
        }
        let isHandOver = state.fileServer != nil
        if isHandOver { try await checkOffersNothing(in: path) }
        return try await onDisk { () throws(OfficeError) in
            do throws(OfficeError) {
                try Self.makeFolder(path)
                if isHandOver { try Store.checkHoldsNothingElse(at: path) }
                let store = try Store(at: path, office: state.office, epoch: 0)
                let taken = isHandOver ? [] : try store.takeIn()
                return Promotion.Prepared(store: path, takenIn: taken, servedEpoch: store.servedEpoch)
            } catch  where error.code == .notAllowed {
                throw OfficeError(
                    .notAllowed, escapedForTerminal(path), "officeshare can't write there",
                    mend: "Run 'officeshare promote --store' as root on that machine, or 'setfacl -R -m "
                        + "u:officeshare:rwX,d:u:officeshare:rwX \(escapedForTerminal(path))'.")
            }
        }
    }

    /// The folder of a store to be, where there is none yet, as 'promote' makes it on its own machine: but not the folders
    /// around it, for a disk that isn't mounted looks like that.
    private static func makeFolder(_ path: [UInt8]) throws(OfficeError) {
        do throws(OfficeError) {
            _ = try Folder(at: path)
        } catch  where error.code == .notFound {
            do throws(OfficeError) {
                try Store.makeFolder(path)
            } catch  where error.code == .notFound {
                throw OfficeError(
                    .notFound, escapedForTerminal(path), "neither it nor the folder around it is there",
                    mend: "Mount its disk, or make the folder on that machine.")
            }
        }
    }

    // MARK: Changing spaces and users

    /// Changes what is the store's and no space's own, for as long as this node is the file server of that epoch: whoever
    /// has nothing written any more waits for it.
    func change<Value: Sendable>(
        _ epoch: Int64, _ body: @escaping @Sendable () throws(OfficeError) -> Value
    ) async throws(OfficeError) -> Value {
        try fence.check(epoch, writing: true)
        changing.count += 1
        defer {
            changing.count -= 1
            if changing.count == 0 {
                for waiting in changing.waiting { waiting.resume() }
                changing.waiting = []
            }
        }
        return try await onDisk(body)
    }

    /// Returns when none of these is under way that was begun before.
    func changesEnd() async {
        if changing.count > 0 { await withCheckedContinuation { changing.waiting.append($0) } }
    }

    // MARK: Using

    struct Opened: Sendable {
        let store: Store
        let epoch: Int64
    }

    /// The store, if this node is the file server of the epoch that the caller knows.
    func current(_ epoch: Int64?) throws(OfficeError) -> Opened {
        guard let store else {
            // Not its code: a path that nothing is wrong with isn't missing because the store is.
            throw failure.map {
                OfficeError(.unavailable, Label.office, "its store can't be used: \($0.why)", mend: $0.mend)
            } ?? ServingFence.moving
        }
        guard epoch == nil || epoch == store.epoch, isSettled else { throw ServingFence.moving }
        return Opened(store: store.store, epoch: store.epoch)
    }

    /// A space, for somebody who may use it. What they may not know of is not found.
    func open(_ name: Label, for principal: Principal, epoch: Int64?) async throws(OfficeError) -> SpaceWriter {
        let current = try current(epoch)
        guard let record = current.store.record(of: name), record.access.allows(principal) else {
            throw Store.unknown(name)
        }
        let space = try current.store.space(name)
        let (fence, epoch) = (fence, current.epoch)
        return SpaceWriter(
            space, author: Author(user: principal.user.description, node: principal.node),
            authorName: "\(principal.user)@\(await office.name(of: principal.node))", hashes: hashes,
            noted: { Task { await self.tellNotices() } }
        ) { () throws(OfficeError) in try fence.check(epoch, writing: true) }
    }

    /// What is told to one member: the spaces its people may know of.
    func offers(for node: NodeID) -> [PeerOffer] {
        guard let store, isSettled else { return [] }
        let led = store.store.isShared ? Set(store.store.spaces.map(\.name)) : nil
        return store.store.records.filter { $0.isMoving != true && led?.contains($0.name) != false }.compactMap {
            record in
            switch record.access.audience(on: node) {
            case .everyone: PeerOffer(record, users: nil)
            case .users(let users) where !users.isEmpty: PeerOffer(record, users: users.sorted())
            case .users: nil
            }
        }
    }

    func problems() async -> [StatusModel.Problem] {
        var errors = (failure.map { [$0] } ?? []) + (store?.store.failures ?? [])
        if let path = try? await onDisk({ [history] () throws(OfficeError) in try history.left() }) {
            errors.append(
                OfficeError(
                    .changed, escapedForTerminal(path),
                    "another node took over as the file server without what was written here last",
                    mend: "It is brought in by itself when the file server can be reached; nothing is removed here."))
        }
        if let failure = await keeper?.failure { errors.append(failure) }
        errors += store?.store.spaces.compactMap(\.conflictsProblem) ?? []
        errors += (store?.store.strays ?? []) + (store?.store.unfinished ?? [])
        for record in store?.store.records ?? [] where record.access.grants.isEmpty && record.isMoving != true {
            errors.append(
                OfficeError(
                    .notAllowed, "\(Label.office)/\(record.name)", "nobody may use it",
                    mend: "Say who may with 'officeshare space set \(record.name) --allow PRINCIPAL'."))
        }
        return errors.map { .init(what: $0.what, why: $0.why, mend: $0.mend) }
    }

    /// Runs what blocks.
    nonisolated func onDisk<Value: Sendable>(
        _ body: @escaping @Sendable () throws(OfficeError) -> Value
    ) async throws(OfficeError) -> Value {
        do {
            return try await disk.run { try body() }
        } catch let error as OfficeError {
            throw error
        } catch {
            throw OfficeError(.fault, "the store", "\(error)")
        }
    }

    nonisolated func onDisk(_ body: @escaping @Sendable () -> Void) async { try? await disk.run { body() } }
}

extension PeerOffer {
    init(_ space: SpaceRecord, users: [String]?) {
        self.init(name: space.name, writable: true, keep: false, comment: nil, users: users)
        isSpace = true
        formerly = space.from
    }
}
