/// Decides which block is asked for where: a pure state machine without network or file, whose time is given.
///
/// A lone source gets everything that is missing in one request: there is no one to share with, and nothing to
/// wait for. Several get as many blocks at a time as they deliver in about a second, two requests deep, so that
/// a slow one holds up little and a stalled one costs at most its blocks in flight; when all is asked for, what is
/// still out is asked for once more from whoever is idle. A block counts once, however often it comes.
///
/// What happened goes in by the methods; what is to be done comes out of `actions(now:)`.
package struct BlockScheduler: Sendable {
    package typealias Source = Int

    package struct Request: Sendable, Equatable {
        package let id: Int
        package let source: Source
        /// Ascending and apart.
        package let ranges: [Range<Int>]
    }

    package enum Action: Sendable, Equatable {
        case ask(Request)
        /// The request was for more than its source's part: end it (and say `ended`).
        case stop(request: Int)
    }

    package struct Policy: Sendable {
        /// Blocks that a new source among several gets.
        package var firstWindow = 2
        package var largestWindow = 64
        /// Requests in flight to one source among several: one is answered while the next is under way.
        package var depth = 2
        /// Ranges in one request.
        package var ranges = 4096
        /// Wrong blocks of one source, after which it is put aside, where of so many that came of it more than one was
        /// wrong: a disk that errs now and then is better than none.
        package var rejections = 4
        package var blocksPerRejection = 16
        /// Requests in flight for one block near the end.
        package var copies = 2
        /// Where others read the same: how long nothing may come until the owner is asked for what falls to them, too.
        package var drought = Duration.seconds(2)
        /// How often a holder with nothing to send is asked what it has by now; of many each less often.
        package var looks = Duration.milliseconds(400)
        /// So many times less often where it still reads and has said once what it has: it says so with every answer,
        /// and what it lacks falls to others.
        package var looksAtReaders = 4
        /// Blocks that one of many holders gets at least: with few from each, requests would cost more than blocks.
        package var crowdWindow = 64
        /// Blocks that the owner gets at once of what falls to others.
        package var help = 2
        package init() {}

        /// Whether a source with so many wrong blocks, and right ones, is asked no more.
        func isUntrue(rejected: Int, accepted: Int) -> Bool {
            rejected >= rejections && rejected * blocksPerRejection > rejected + accepted
        }
    }

    /// The number of the content's owner.
    package static let owner: Source = 0

    private struct SourceState {
        var window: Int
        var rejected = 0
        /// Right blocks.
        var accepted = 0
        var isAside = false
        var delivered = 0
        var since: Duration
        /// When it was last asked what it has.
        var looked: Duration?
    }

    private struct Flight {
        let source: Source
        var open: BlockSet
        let isWhole: Bool
        /// When it began, or something came of it.
        var news: Duration
        var isStopping = false
    }

    package private(set) var held: BlockSet
    private let policy: Policy
    private var sources: [Source: SourceState] = [:]
    private var flights: [Int: Flight] = [:]
    /// Held, or in at least one flight.
    private var asked: BlockSet
    private var nextRequest = 0
    /// Where others read the same content: what falls to whom.
    private var plan: SharingPlan?
    /// When a block came that was missing.
    private var lastBlock = Duration.zero
    private var pace = Pace()

    package init(held: BlockSet, policy: Policy = Policy()) {
        self.held = held
        self.policy = policy
        asked = held
    }

    package var isFinished: Bool { held.isFull }

    /// Whether a source was put aside: for wrong blocks, or until it is revived.
    package func isAside(_ source: Source) -> Bool { sources[source]?.isAside ?? true }

    // MARK: What happened

    package mutating func added(_ source: Source, now: Duration) {
        guard sources[source] == nil else { return }
        sources[source] = SourceState(window: policy.firstWindow, since: now)
        plan?.activate(source, true)
    }

    package mutating func removed(_ source: Source) {
        sources[source] = nil
        plan?.activate(source, false)
        endFlights(of: source)
    }

    /// A source that gives no sign: what it was asked for goes to others, until `revived`.
    package mutating func stalled(_ source: Source) {
        sources[source]?.isAside = true
        plan?.activate(source, false)
        endFlights(of: source)
    }

    package mutating func revived(_ source: Source, now: Duration) {
        guard let state = sources[source], !isUntrue(state) else { return }
        sources[source] = SourceState(
            window: policy.firstWindow, rejected: state.rejected, accepted: state.accepted, since: now)
        plan?.activate(source, true)
    }

    /// A verified block came. True if it is the first of its number: the one to keep.
    package mutating func delivered(_ block: Int, of request: Int, now: Duration) -> Bool {
        if let source = flights[request]?.source {
            flights[request]?.open.remove(block)
            flights[request]?.news = now
            sources[source]?.accepted += 1
            measure(source, now: now)
            pace.count(isOwner: source == Self.owner, now: now)
        }
        asked.insert(block)
        let isNew = held.insert(block)
        if isNew { lastBlock = now }
        return isNew
    }

    /// A block came that is not what it should be.
    package mutating func rejected(_ block: Int, of request: Int) {
        guard let source = flights[request]?.source else { return }
        flights[request]?.open.remove(block)
        release(block)
        sources[source]?.rejected += 1
        guard let state = sources[source], isUntrue(state) else { return }
        sources[source]?.isAside = true
        plan?.activate(source, false)
        endFlights(of: source)
    }

    private func isUntrue(_ state: SourceState) -> Bool {
        policy.isUntrue(rejected: state.rejected, accepted: state.accepted)
    }

    /// No more comes of a request, whether it was answered whole or broke.
    package mutating func ended(_ request: Int) {
        guard let flight = flights.removeValue(forKey: request) else { return }
        var next = flight.open.firstMember(from: 0)
        while let block = next {
            release(block)
            next = flight.open.firstMember(from: block + 1)
        }
    }

    /// A holder answered a request without these blocks: it has them not.
    package mutating func lacked(_ blocks: some Sequence<Int>, by source: Source) { plan?.lacks(source, blocks) }

    /// A holder said what it has.
    package mutating func has(_ source: Source, _ blocks: BlockSet) { plan?.has(source, blocks) }

    // MARK: Sharing

    /// Others read the same content. Source 0 is its owner, and is spared.
    /// - Parameter own: This reader's key among them.
    package mutating func share(as own: UInt64, now: Duration) {
        guard plan == nil else { return }
        plan = SharingPlan(own: own, capacity: held.capacity)
        lastBlock = now
    }

    /// A source that holds blocks in passing: see `SharingPlan`.
    package mutating func holder(_ source: Source, key: UInt64, isReading: Bool) {
        plan?.holder(source, key: key, isReading: isReading)
        plan?.activate(source, sources[source].map { !$0.isAside } ?? false)
    }

    /// A block that was held turned out not to be (its file changed beneath): it is missing again.
    package mutating func lost(_ block: Int) {
        guard held.remove(block) else { return }
        release(block)
    }

    private mutating func endFlights(of source: Source) {
        for (id, flight) in flights where flight.source == source { ended(id) }
    }

    /// Free to be asked for again, unless it is held or under way elsewhere.
    private mutating func release(_ block: Int) {
        guard !held.contains(block), !flights.values.contains(where: { $0.open.contains(block) }) else { return }
        asked.remove(block)
    }

    /// The window follows what the source delivered in the last second.
    private mutating func measure(_ source: Source, now: Duration) {
        guard var state = sources[source] else { return }
        state.delivered += 1
        if now - state.since >= .seconds(1) {
            state.window = min(max(state.delivered, policy.firstWindow), policy.largestWindow)
            state.delivered = 0
            state.since = now
        } else if state.delivered > state.window {
            state.window = min(state.delivered, policy.largestWindow)
        }
        sources[source] = state
    }

    // MARK: What to do

    package mutating func actions(now: Duration) -> [Action] {
        guard !isFinished else { return [] }
        let active = sources.filter { !$0.value.isAside }.keys.sorted()
        guard active.count > 1 || plan != nil else { return active.first.map { whole(from: $0, now) } ?? [] }
        var actions = stopWholeRequests()
        var crowded: BlockSet?
        for source in active {
            while let request = share(for: source, now, &crowded) { actions.append(.ask(request)) }
        }
        return actions
    }

    private mutating func whole(from source: Source, _ now: Duration) -> [Action] {
        guard !flights.values.contains(where: { $0.source == source }) else { return [] }
        let ranges = asked.missingRanges(limit: policy.ranges)
        guard !ranges.isEmpty else { return [] }
        return [.ask(fly(ranges, from: source, isWhole: true, now))]
    }

    private mutating func stopWholeRequests() -> [Action] {
        var actions: [Action] = []
        for (id, flight) in flights where flight.isWhole && !flight.isStopping {
            flights[id]?.isStopping = true
            actions.append(.stop(request: id))
        }
        return actions
    }

    /// The next request for one source among several; nil while it has enough.
    ///
    /// - Parameter crowded: What `blocksInFlightEnough` says, reckoned when it is first needed: this is called for every
    ///   source whenever a block came.
    private mutating func share(for source: Source, _ now: Duration, _ crowded: inout BlockSet?) -> Request? {
        guard let state = sources[source] else { return nil }
        let mine = flights.values.filter { $0.source == source }
        let inFlight = mine.reduce(0) { $0 + $1.open.count }
        let isOneOfMany = plan.map { $0.isHolder(source) && $0.isCrowded } == true
        let (depth, window) =
            isOneOfMany ? (1, max(state.window, policy.crowdWindow)) : (policy.depth, state.window)
        guard mine.count < depth, !mine.contains(where: \.isWhole), inFlight < window else { return nil }
        let room = max(1, (window - inFlight + depth - 1) / depth)
        let ranges = missing(of: source, blocks: room, isIdle: mine.isEmpty, now)
        if !ranges.isEmpty { return fly(ranges, from: source, isWhole: false, now) }
        // Near the end: what is out elsewhere, once more, but only from a source with nothing else to do.
        guard mine.isEmpty else { return nil }
        let enough = crowded ?? blocksInFlightEnough()
        if let block = mostUrgent(not: source, enough, now) {
            crowded = nil
            return fly([block..<(block + 1)], from: source, isWhole: false, now)
        }
        crowded = enough
        return look(at: source, state, now)
    }

    /// What is missing, not asked for, and to be asked of this source.
    private mutating func missing(of source: Source, blocks: Int, isIdle: Bool, _ now: Duration) -> [Range<Int>] {
        guard let plan, plan.isHolder(source) || source == Self.owner else {
            return asked.missingRanges(limit: policy.ranges, blocks: blocks)
        }
        let ranges = plan.candidates(of: source, asked: asked).ranges(limit: policy.ranges, blocks: blocks)
        guard ranges.isEmpty, source == Self.owner, isIdle, othersAreSlow(now) else { return ranges }
        return asked.missingRanges(limit: policy.ranges, blocks: min(blocks, policy.help))
    }

    /// Whether the owner has to help with what falls to others: nothing comes, or less than half of what it sends.
    private mutating func othersAreSlow(_ now: Duration) -> Bool {
        guard plan?.hasHolders == true, now - lastBlock < policy.drought else { return true }
        let (owner, others) = pace.recent(now)
        return others * 2 < owner
    }

    /// What a holder has is asked for by itself where nothing else can be.
    private mutating func look(at source: Source, _ state: SourceState, _ now: Duration) -> Request? {
        guard let plan, plan.isHolder(source), !asked.isFull else { return nil }
        let isKnown = plan.isReading(source) && plan.hasTold(source)
        let interval = policy.looks * max(1, plan.count / 4) * (isKnown ? policy.looksAtReaders : 1)
        guard state.looked.map({ now - $0 >= interval }) ?? true else { return nil }
        sources[source]?.looked = now
        return fly([], from: source, isWhole: false, now)
    }

    /// A block in flight elsewhere with room for one more copy. Where others read the same, too, most of what is in flight
    /// is only waited for: it is asked for once more where nothing came for a while, and later still from the owner.
    private func mostUrgent(not source: Source, _ crowded: BlockSet, _ now: Duration) -> Int? {
        var wanted = asked
        wanted.subtract(held)
        wanted.subtract(crowded)
        if let had = plan?.surelyHeld(by: source) { wanted.formIntersection(had) }
        guard !wanted.isEmpty else { return nil }
        let patience = plan == nil ? .zero : source == Self.owner ? policy.drought * 2 : policy.drought
        for (_, flight) in flights.sorted(by: { $0.key < $1.key })
        where flight.source != source && !flight.isStopping && now - flight.news >= patience {
            var blocks = flight.open
            blocks.formIntersection(wanted)
            if let block = blocks.firstMember(from: 0) { return block }
        }
        return nil
    }

    /// What is in flight as often as it may be.
    private func blocksInFlightEnough() -> BlockSet {
        // One set of what is in one flight at least, one of what is in two, and so on.
        var layers = [BlockSet](repeating: BlockSet(capacity: held.capacity), count: max(1, policy.copies))
        for flight in flights.values {
            var more = flight.open
            for index in layers.indices where !more.isEmpty {
                var again = layers[index]
                again.formIntersection(more)
                layers[index].formUnion(more)
                more = again
            }
        }
        return layers[layers.count - 1]
    }

    private mutating func fly(
        _ ranges: [Range<Int>], from source: Source, isWhole: Bool, _ now: Duration
    ) -> Request {
        nextRequest += 1
        var open = BlockSet(capacity: held.capacity)
        for block in ranges.joined() {
            open.insert(block)
            asked.insert(block)
        }
        flights[nextRequest] = Flight(source: source, open: open, isWhole: isWhole, news: now)
        return Request(id: nextRequest, source: source, ranges: ranges)
    }
}

/// Blocks that came lately, from the owner and from all others together.
private struct Pace: Sendable {
    private static let window = Duration.seconds(1)

    private var begun = Duration.zero
    private var now = (owner: 0, others: 0)
    private var before = (owner: 0, others: 0)

    mutating func count(isOwner: Bool, now time: Duration) {
        turn(time)
        if isOwner { now.owner += 1 } else { now.others += 1 }
    }

    /// In the window that runs, and the one before.
    mutating func recent(_ time: Duration) -> (owner: Int, others: Int) {
        turn(time)
        return (now.owner + before.owner, now.others + before.others)
    }

    private mutating func turn(_ time: Duration) {
        guard time - begun >= Self.window else { return }
        before = time - begun < Self.window * 2 ? now : (0, 0)
        (now, begun) = ((0, 0), time)
    }
}
