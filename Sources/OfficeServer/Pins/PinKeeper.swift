import GRDB
import Logging
import NIOCore
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// The shares of others, and the spaces of the office, of which this node keeps whole copies, for the time when their
/// owners (or the file server) are away.
///
/// A copy is brought up to date when its owner says that something has changed, when the owner comes back, and every
/// few minutes besides. It is served by the owner's own signed list, and no longer than `days` after the owner
/// confirmed that last: counted by this daemon's running time, so that no clock opens or closes anything.
actor PinKeeper: Service {
    /// How often a copy is compared with its share when nothing says that it changed.
    private static let interval = Duration.seconds(600)
    private static let retry = Duration.seconds(20)
    private static let ageStep = 60

    private struct Upkeep {
        let kick: Doorbell
        let task: CancelToken
    }

    let office: OfficeKeeper
    let directory: PeerDirectory
    private let pool: PeerPool
    private let transfers: TransferBoard
    private let governor: TransferGovernor
    private let passing: PassingDesk
    let store: PinStore
    private(set) var most: Int
    private var longestAge: Int
    let logger: Logger
    private let workers = WorkPool(threads: 2, syncThreads: 4)
    /// Tells that pins came, went, or have another date.
    nonisolated let changes = Bell()
    /// Copies of spaces that are here because this node is the file server's standby.
    nonisolated let standing: StandbyCopies
    private let reconciling = Bell()
    var pins: [PinRecord.Key: PinRecord]
    private var upkeeps: [PinRecord.Key: Upkeep] = [:]
    private var folders: [PinRecord.Key: Folder] = [:]
    var failures: [PinRecord.Key: OfficeError] = [:]
    /// Nodes that have told what they share since this daemon started.
    var heard: Set<NodeID> = []
    /// What owners said, as verified when it was had.
    private var statements: [PinRecord.Key: ShareStatement] = [:]

    init(
        store: PinStore, office: OfficeKeeper, directory: PeerDirectory, pool: PeerPool, transfers: TransferBoard,
        governor: TransferGovernor, passing: PassingDesk,
        most: Int, days: Int, logger: Logger
    ) async throws {
        standing = StandbyCopies(changes: changes)
        self.store = store
        self.office = office
        self.directory = directory
        self.pool = pool
        self.transfers = transfers
        self.governor = governor
        self.passing = passing
        self.most = most
        longestAge = days * 86_400
        self.logger = logger
        pins = Dictionary(uniqueKeysWithValues: try await store.all().map { ($0.key, $0) })
    }

    /// Other limits from now on; the pins that are there stay.
    func configure(most: Int, days: Int) {
        self.most = most
        longestAge = days * 86_400
        changes.ring()
    }

    // MARK: What people ask

    /// Keeps a copy of the share from now on. The same again changes nothing.
    func pin(_ node: Label, _ share: Label, by caller: LocalCaller) async throws -> PinModel {
        guard let owner = await office.owner(named: node), let holder = await office.answering(for: owner) else {
            throw Self.unknown(node, share)
        }
        guard holder != office.identity.id else {
            throw OfficeError(
                .usage, "\(node)/\(share)", "this node has it itself", mend: "Pin it on another node.")
        }
        let key = PinRecord.Key(owner: owner, share: share)
        if let pin = pins[key], !pin.isKept {
            // Asked for again: what failed is tried again now.
            if failures.removeValue(forKey: key) != nil { upkeeps[key]?.kick.ring() }
            return await model(pin)
        }
        let isSpace = await office.isOffice(owner)
        let offers = await directory[holder]?.offers.filter { ($0.isSpace == true) == isSpace } ?? []
        guard let offer = offers.first(where: { $0.name == share }), offer.users?.contains(caller.userName) ?? true
        else { throw Self.unknown(node, share) }
        if var pin = pins[key] {
            // From now on it is kept for who asked, too, whatever its owner marks.
            (pin.user, pin.userID, pin.isKept) = (caller.userName, caller.userID, false)
            try await adopt(pin)
            return await model(pin)
        }
        guard pins.count < most else {
            throw OfficeError(
                .limit, "\(node)/\(share)", "this node keeps \(most) pins, the most it may have",
                mend: "Remove one with 'officeshare unpin', or raise 'limits.pins' in the configuration.")
        }
        let pin = PinRecord(key: key, user: caller.userName, userID: caller.userID)
        try await store.save(pin)
        pins[key] = pin
        announce()
        return await model(pin)
    }

    /// Ends a pin and removes its copy.
    func unpin(_ node: Label, _ share: Label, by caller: LocalCaller) async throws -> PinModel {
        let owner = await office.owner(named: node)
        // A node that is no member any more is known by its id alone.
        let found = pins.values.first {
            $0.key.share == share && ($0.key.owner == owner || $0.key.owner.description == node.description)
        }
        guard let pin = found else {
            throw OfficeError(
                .notFound, "\(node)/\(share)", "this node keeps no copy of it", mend: "'officeshare pins' shows them.")
        }
        guard caller.manages || caller.userID == pin.userID else {
            throw OfficeError(
                .notAllowed, "\(node)/\(share)", "another user pinned it",
                mend: "Who pinned it, root and members of group \(LocalCaller.managingGroup) can unpin it.")
        }
        guard !pin.isKept else {
            throw OfficeError(
                .notAllowed, "\(node)/\(share)", "its owner has the file server keep it",
                mend: "'officeshare share set \(share) --no-keep' on \(node) ends that.")
        }
        let model = await model(pin)
        try await drop(pin.key)
        announce()
        return model
    }

    /// Forgets a pin; its copy is removed by who kept it up.
    func drop(_ key: PinRecord.Key) async throws {
        pins[key] = nil
        folders[key] = nil
        failures[key] = nil
        try await store.remove(key)
    }

    private static func unknown(_ node: Label, _ share: Label) -> OfficeError {
        OfficeError(
            .notFound, "\(node)/\(share)", "there is no such share, or its node is away",
            mend: "'officeshare ls' shows what there is.")
    }

    func announce() {
        reconciling.ring()
        changes.ring()
    }

    // MARK: Serving

    /// The owner's list, while it may still be gone by.
    func access(_ pin: PinRecord) -> AccessList? {
        guard pin.asOf != nil, pin.ageSeconds < longestAge else { return nil }
        return statements[pin.key]?.access
    }

    /// The copy of a share, for a caller whom its owner's list allows it.
    func open(_ owner: NodeID, _ share: Label, for principal: Principal) async throws -> Folder {
        if await office.isOffice(owner), let folder = standing.open(share, for: principal) { return folder }
        let key = PinRecord.Key(owner: owner, share: share)
        guard let pin = pins[key], access(pin)?.allows(principal) == true else {
            throw OfficeError(.notFound, share.description, "this node keeps no copy of it")
        }
        if let folder = folders[key] { return folder }
        let folder = try Folder(at: store.path(of: key))
        folders[key] = folder
        return folder
    }

    /// What is told to one member: the copies that its people may read.
    func offers(for node: NodeID) async -> [PeerPin] {
        let standing = await office.state.map { self.standing.offers(for: node, of: $0.office.asOwner) } ?? []
        let pinned = pins.values.compactMap { pin -> PeerPin? in
            guard pin.isComplete || pin.asOf != nil, let access = access(pin), let asOf = pin.asOf else { return nil }
            switch access.audience(on: node) {
            case .everyone:
                return PeerPin(
                    owner: pin.key.owner, share: pin.key.share, asOf: asOf,
                    comment: statements[pin.key]?.comment, users: nil)
            case .users(let users) where !users.isEmpty:
                return PeerPin(
                    owner: pin.key.owner, share: pin.key.share, asOf: asOf,
                    comment: statements[pin.key]?.comment, users: users.sorted())
            case .users: return nil
            }
        }
        return (pinned + standing).sorted { ($0.owner, $0.share) < ($1.owner, $1.share) }
    }

    // MARK: Keeping up

    /// Something changed in a share, as its owner says.
    func changed(_ share: Label, of owner: NodeID) {
        upkeeps[PinRecord.Key(owner: owner, share: share)]?.kick.ring()
    }

    /// Something changed in a space, as the file server says.
    func changed(space: Label) async {
        guard let owner = await office.state?.office.asOwner else { return }
        changed(space, of: owner)
    }

    /// A node is there again, or shares something else.
    func arrived(_ node: NodeID) async {
        heard.insert(node)
        await keepMarked(of: node)
        let isServer = await office.isFileServer(node)
        for (key, upkeep) in upkeeps {
            if key.owner == node { upkeep.kick.ring() }
            if isServer, await office.isOffice(key.owner) { upkeep.kick.ring() }
        }
    }

    /// Whether the node that answers for an owner is there.
    private func isThere(_ owner: NodeID) async -> Bool {
        guard let node = await office.answering(for: owner), node != office.identity.id else { return false }
        return await directory[node]?.presence == .online
    }

    func run() async throws {
        let reconciles = reconciling.listen()
        let roles = office.changes.listen()
        await verifyStatements()
        changes.ring()
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await self.grow() }
                tasks.addTask { for await _ in roles { await self.keepMarked() } }
                reconcile(&tasks)
                for await _ in reconciles.cancelOnGracefulShutdown() { reconcile(&tasks) }
                tasks.cancelAll()
            }
        } onGracefulShutdown: {
        }
    }

    /// A list that was signed by a node that is no member any more is nobody's word.
    private func verifyStatements() async {
        let members = await office.state?.members ?? [:]
        for pin in pins.values {
            let isOffice = await office.isOffice(pin.key.owner)
            statements[pin.key] = pin.sealed?.statement(of: pin.key, isOffice: isOffice) { members[$0]?.key }
        }
    }

    private func reconcile(_ tasks: inout DiscardingTaskGroup) {
        for (key, upkeep) in upkeeps where pins[key] == nil {
            upkeep.task.cancel()
            upkeeps[key] = nil
            statements[key] = nil
        }
        for key in pins.keys where upkeeps[key] == nil {
            let kick = Doorbell()
            let token = CancelToken()
            upkeeps[key] = Upkeep(kick: kick, task: token)
            tasks.addTask { await token.run { await self.keep(key, kick) } }
        }
    }

    /// Copies grow older while their owners are away.
    private func grow() async {
        while (try? await Task.sleep(for: .seconds(Self.ageStep))) != nil {
            for key in pins.keys where await !isThere(key.owner) {
                pins[key]?.ageSeconds += Self.ageStep
                guard let pin = pins[key] else { continue }
                do {
                    try await store.save(pin)
                } catch {
                    logger.warning("a pin's age can't be written down", metadata: [LogKey.error: "\(error)"])
                }
            }
        }
    }

    private func keep(_ key: PinRecord.Key, _ kick: Doorbell) async {
        while !Task.isCancelled {
            var pause = Self.interval
            if await isThere(key.owner) {
                do {
                    try await update(key)
                    failures[key] = nil
                } catch {
                    guard !Task.isCancelled else { break }
                    failures[key] = error as? OfficeError
                    pause = Self.retry
                    logger.info(
                        "a pin isn't up to date",
                        metadata: [LogKey.shareName: "\(key.share)", LogKey.error: "\(error)"])
                }
            }
            _ = await kick.wait(for: pause)
        }
        guard pins[key] == nil else { return }
        do {
            try await store.removeCopy(of: key, on: workers)
        } catch {
            logger.warning(
                "a copy that is kept no longer can't be removed",
                metadata: [LogKey.shareName: "\(key.share)", LogKey.error: "\(error)"])
        }
    }

    /// The owner's word, and then whatever has changed.
    private func update(_ key: PinRecord.Key) async throws {
        guard var pin = pins[key], let source = await office.answering(for: key.owner),
            let member = await office.state?.members[source]
        else { return }
        let isSpace = await office.isOffice(key.owner)
        do {
            let sealed = try await pool.shareRecord(
                of: key.share, at: source, epoch: isSpace ? await office.epoch : nil, user: pin.user,
                keeping: pin.isKept)
            let own = sealed.statement(of: key, isOffice: isSpace) { $0 == source ? member.key : nil }
            guard let statement = own else {
                throw OfficeError(.malformed, key.share.description, "the owner's word on it can't be read")
            }
            statements[key] = statement
            pin.sealed = sealed
            pin.ageSeconds = 0
        } catch let error as OfficeError where error.code == .notFound {
            // It is shared no longer, or not with us: nobody gets it from us either.
            statements[key] = nil
            pin.sealed = nil
            pin.isComplete = false
            try await adopt(pin)
            throw OfficeError(
                .notFound, key.share.description, "its owner doesn't share it with this node any more",
                mend: "Remove the copy with 'officeshare unpin'.")
        }
        let begun = Timestamp.now
        let summary = try await bring(pin, from: isSpace ? try Label(Label.office) : member.name)
        guard let failure = summary.failed.first else {
            pin.asOf = begun
            pin.isComplete = true
            pin.files = summary.files
            pin.bytes = summary.resumedBytes + summary.bytes
            return try await adopt(pin)
        }
        pin.isComplete = false
        try await adopt(pin)
        throw failure.error
    }

    private func bring(_ pin: PinRecord, from node: Label) async throws -> TransferSummary {
        let place = RemotePlace(node: node, share: pin.key.share)
        let path = try await store.makeFolder(of: pin.key, on: workers)
        var plan = Synchronizer.Plan()
        plan.delete = true
        let transport = PeerTransport(
            office: office, pool: pool, user: pin.user, governor: governor, load: .pin, passing: passing,
            isKeeping: pin.isKept)
        let (finished, workers) = (plan, workers)
        let summary = await transfers.follow(
            TransferOpening(kind: .pin, path: place.description, paused: pin.isPaused), userID: pin.userID,
            ordered: { await self.ordered($0, pin.key) }
        ) { options in
            await Synchronizer(transport: transport, pool: workers, options: options, plan: finished)
                .download(place, to: path)
        }
        await transfers.rejections.note(summary.sources, of: place.description)
        return summary
    }

    /// Writes down how a pin is, unless it was removed meanwhile.
    private func adopt(_ changed: PinRecord) async throws {
        guard let now = pins[changed.key] else { return }
        var pin = changed
        // It may have been ordered otherwise while it came.
        pin.isPaused = now.isPaused
        pins[pin.key] = pin
        try await store.save(pin)
        changes.ring()
    }
}
