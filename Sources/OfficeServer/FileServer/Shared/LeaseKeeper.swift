import Logging
import OfficeCore
import OfficeStore
import OfficeTransfer

/// Keeps a node's leads in a store that several nodes serve: shows that it lives, claims what nobody leads, and gives up
/// what it may have lost. See docs/decisions/0011-beyond-one-machine.md.
///
/// Everything that touches the store runs on threads of its own with a deadline; whether a lead still holds is known
/// without asking the store (`NodeLease`).
actor LeaseKeeper {
    private static let interval = Duration.milliseconds(500)
    /// Rounds between looks at which spaces there are.
    private static let roundsToRefresh: UInt64 = 4
    private static let roundsToFigures: UInt64 = 20
    /// What is claimed in one round: the sign of life isn't to wait for more.
    private static let mostClaims = 16
    /// A round that takes longer is told: leads are lost at several times that.
    private static let slow = Duration.seconds(2)
    private static let cooldown = Duration.seconds(5)
    /// For letting go in good order.
    private static let farewell = Duration.seconds(5)

    private struct Lead {
        let lease: SpaceLease
        /// Opens it, and whatever is done to it later: one after the other.
        var work: Task<Void, Never>
        var isOpen = false
    }

    private let store: Store
    private let node: NodeID
    private let serving: [NodeID]
    private let book: LeadBook
    private let lease = NodeLease()
    private let changed: @Sendable () async -> Void
    private let logger: Logger
    private let beats = WorkPool(threads: 1, syncThreads: 1)
    private let opening = WorkPool(threads: 4, syncThreads: 1)
    private var judge: LeadJudge
    private var leads: [Label: Lead] = [:]
    private var claims: [Label: LeadBook.Claim] = [:]
    private var resting: [Label: ContinuousClock.Instant] = [:]
    private let life = UInt64.random(in: 0...UInt64.max)
    private let born = ContinuousClock.now
    private var number: UInt64 = 0
    private var task: Task<Void, Never>?
    private var figuring: Task<Void, Never>?
    /// Led since a while by what another node wrote down.
    private var uncounted: Set<Label> = []
    /// Why the last round came to nothing.
    private(set) var failure: OfficeError?

    /// - Parameter changed: Called when this node leads something else than before.
    init(
        _ store: Store, node: NodeID, serving: [NodeID], logger: Logger, changed: @escaping @Sendable () async -> Void
    ) {
        self.store = store
        self.node = node
        self.serving = serving
        self.logger = logger
        self.changed = changed
        book = LeadBook(in: store.root, node: node)
        judge = LeadJudge(own: node)
    }

    func start() {
        task = Task {
            while !Task.isCancelled {
                await self.round()
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// Lets go of everything in good order, where the store answers: another node leads it at once.
    func stop() async {
        task?.cancel()
        await task?.value
        let (book, opening) = (book, opening)
        var tasks: [Task<Void, Never>] = []
        for (space, lead) in leads {
            let done = close(space, lead)
            tasks.append(
                Task {
                    await done.value
                    _ = try? await opening.run(within: 2, "\(space)") {
                        try book.claim(space, above: lead.lease.epoch, free: true)
                    }
                })
        }
        leads = [:]
        let all = tasks
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for task in all { await task.value } }
            group.addTask { try? await Task.sleep(for: Self.farewell) }
            await group.next()
            for task in all { task.cancel() }
            group.cancelAll()
        }
    }

    // MARK: What is known

    enum Leader: Sendable, Equatable {
        case own
        case other(NodeID)
        case nobody
    }

    func leader(of space: Label) -> Leader {
        if let lead = leads[space] {
            return lead.isOpen && lead.lease.isHeld && store.isLed(space, by: lead.lease) ? .own : .nobody
        }
        guard let holder = claims[space]?.node, holder != node, !judge.isSilent(holder, now: .now) else {
            return .nobody
        }
        return .other(holder)
    }

    /// What is known of a space's lead, for the log.
    func account(of space: Label) -> String {
        let holder = claims[space].map { "claim \($0.epoch) of \($0.node?.short ?? "nobody")" } ?? "no claim"
        let silent = claims[space]?.node.map { judge.isSilent($0, now: .now) } ?? false
        let own = leads[space].map { "own \($0.lease.epoch), open \($0.isOpen), held \($0.lease.isHeld)" } ?? "not own"
        return "\(holder), silent \(silent), \(own), round \(number), \(failure.map { "\($0)" } ?? "no failure")"
    }

    // MARK: The rounds

    private func round() async {
        let began = ContinuousClock.now
        number += 1
        let (book, store, number) = (book, store, number)
        let (seconds, fraction) = (began - born).components
        // Rounded up: it is to say when it was sent at the latest.
        let beat = LeadBook.Beat(
            life: life, number: number, sent: seconds * 1000 + fraction / 1_000_000_000_000_000 + 1)
        let view: LeadBook.View
        do {
            view = try await beats.run(within: 30, "the store") {
                try book.beat(beat)
                if number.isMultiple(of: Self.roundsToRefresh) { try store.refresh() }
                return try book.look()
            }
            failure = nil
            let took = ContinuousClock.now - began
            if took > Self.slow {
                logger.warning("the store is slow", metadata: [LogKey.count: "\(took.components.seconds)"])
            }
        } catch {
            let known = error as? OfficeError ?? OfficeError(.fault, "the store", "\(error)")
            if failure != known { logger.warning("the store doesn't answer", metadata: [LogKey.error: "\(known)"]) }
            failure = known
            if !leads.isEmpty, !lease.isHeld() { await giveUp(Array(leads.keys)) }
            return
        }
        // One that stood still for too long begins anew, with nothing open that it had before.
        if !leads.isEmpty, !lease.isHeld() { await giveUp(Array(leads.keys)) }
        lease.renew(from: began)
        claims = view.claims
        judge.saw(view.beats, now: .now)
        let lost = leads.filter { claims[$0.key] != .init(epoch: $0.value.lease.epoch, node: node) }.map(\.key)
        // What was removed is led no longer: a new space of that name is another one.
        let removed = leads.filter { $0.value.isOpen && !store.isLed($0.key, by: $0.value.lease) }.map(\.key)
        if !lost.isEmpty || !removed.isEmpty { await giveUp(lost + removed) }
        await claim(now: .now)
        if number.isMultiple(of: Self.roundsToFigures) { noteFigures() }
    }

    /// One after the other, when there is time for it.
    private func noteFigures() {
        guard figuring == nil else { return }
        let (store, opening, spaces) = (store, opening, leads.filter(\.value.isOpen).map(\.key))
        figuring = Task {
            for space in spaces where space != Store.everything {
                let isUncounted = self.uncounted.contains(space)
                let isRight = try? await opening.run {
                    let isCounted = try isUncounted ? store.space(space).recount() : true
                    try store.noteFigures(of: space)
                    return isCounted
                }
                if isRight == true { self.uncounted.remove(space) }
            }
            self.figuring = nil
        }
    }

    private func claim(now: ContinuousClock.Instant) async {
        resting = resting.filter { $0.value > now }
        let spaces = [Store.everything] + store.records.filter { $0.isMoving != true }.map(\.name)
        let wanted = judge.wanted(
            spaces, claims, serving: serving, led: Set(leads.keys).union(resting.keys), now: now)
        let book = book
        for (space, epoch) in wanted.prefix(Self.mostClaims) {
            guard
                let claimed = try? await beats.run(
                    within: 30, "the store", { try book.claim(space, above: epoch) })
            else { continue }
            claims[space] = .init(epoch: claimed, node: node)
            open(space, SpaceLease(space, epoch: claimed, node: lease))
        }
    }

    private func open(_ space: Label, _ lease: SpaceLease) {
        let (opening, store) = (opening, store)
        let work = Task {
            do {
                try await opening.run { try store.lead(space, lease) }
                await self.opened(space, lease)
            } catch {
                let known = error as? OfficeError ?? OfficeError(.fault, "\(space)", "\(error)")
                await self.failed(space, lease, known)
            }
        }
        leads[space] = Lead(lease: lease, work: work)
    }

    private func opened(_ space: Label, _ lease: SpaceLease) async {
        guard leads[space]?.lease === lease else {
            // Lost while it was opened.
            let (opening, store) = (opening, store)
            _ = try? await opening.run { store.unlead(space, lease) }
            return
        }
        leads[space]?.isOpen = true
        uncounted.insert(space)
        logger.notice(
            "this node leads a space", metadata: [LogKey.shareName: "\(space)", LogKey.count: "\(lease.epoch)"])
        await changed()
    }

    private func failed(_ space: Label, _ lease: SpaceLease, _ error: OfficeError) async {
        logger.warning(
            "a space can't be led", metadata: [LogKey.shareName: "\(space)", LogKey.error: "\(error)"])
        let (opening, store, book) = (opening, store, book)
        lease.end()
        _ = try? await opening.run { store.unlead(space, lease, why: error) }
        guard leads[space]?.lease === lease else { return }
        leads[space] = nil
        resting[space] = .now + Self.cooldown
        _ = try? await opening.run { try book.claim(space, above: lease.epoch, free: true) }
    }

    private func giveUp(_ spaces: [Label]) async {
        for space in spaces {
            guard let lead = leads.removeValue(forKey: space) else { continue }
            logger.notice("this node leads a space no longer", metadata: [LogKey.shareName: "\(space)"])
            _ = close(space, lead)
        }
        await changed()
    }

    /// No change is made any more, at once; what is open is closed when what is under way has ended.
    private func close(_ space: Label, _ lead: Lead) -> Task<Void, Never> {
        lead.lease.end()
        let (opening, store) = (opening, store)
        return Task {
            await lead.work.value
            _ = try? await opening.run { store.unlead(space, lead.lease) }
        }
    }
}
