/// Who brings which block from its owner, where several nodes read one content at once: so that the owner sends each
/// block about once, and the readers the rest to each other. Pure, as the scheduler that asks it.
///
/// Each block falls to one of those who read now, by a number that all of them reckon alike from who reads (rendezvous
/// hashing): when one comes or goes only its part moves. A reader asks the owner for its own blocks, and the others for
/// theirs even before they have them. What somebody is known to have is asked of those alone.
struct SharingPlan: Sendable {
    typealias Source = BlockScheduler.Source

    /// A node that holds blocks in passing.
    private struct Holder {
        let key: UInt64
        /// It still reads: what falls to it comes to it.
        var isReading: Bool
        /// nil until it said so.
        var has: BlockSet?
        /// What it was asked for, hadn't, and doesn't expect.
        var lacks: BlockSet
        /// What falls to it.
        var part: BlockSet
        var isActive = true
    }

    private let own: UInt64
    private let capacity: Int
    private var holders: [Source: Holder] = [:]
    /// What falls to this reader.
    private var mine: BlockSet
    /// What somebody has who can be asked.
    private var elsewhere: BlockSet

    init(own: UInt64, capacity: Int) {
        self.own = own
        self.capacity = capacity
        mine = BlockSet(capacity: capacity, 0..<capacity)
        elsewhere = BlockSet(capacity: capacity)
    }

    /// Whether any holder can be asked.
    var hasHolders: Bool { holders.values.contains(where: \.isActive) }

    func isHolder(_ source: Source) -> Bool { holders[source] != nil }

    func isReading(_ source: Source) -> Bool { holders[source]?.isReading == true }

    /// Whether it has said what it has.
    func hasTold(_ source: Source) -> Bool { holders[source]?.has != nil }

    var count: Int { holders.count }

    /// With few of them each is kept busy with a second request while it answers the first.
    var isCrowded: Bool { holders.count > 4 }

    // MARK: What is known

    /// A node reads the same, or did so lately.
    mutating func holder(_ source: Source, key: UInt64, isReading: Bool) {
        guard holders[source]?.isReading != isReading || holders[source]?.key != key else { return }
        let none = BlockSet(capacity: capacity)
        let known = holders[source]
        holders[source] = Holder(
            key: key, isReading: isReading, has: known?.has, lacks: known?.lacks ?? none, part: none,
            isActive: known?.isActive ?? true)
        divide()
    }

    mutating func activate(_ source: Source, _ isActive: Bool) {
        guard let holder = holders[source], holder.isActive != isActive else { return }
        holders[source]?.isActive = isActive
        divide()
    }

    mutating func has(_ source: Source, _ blocks: BlockSet) {
        guard holders[source] != nil, blocks.capacity == capacity else { return }
        holders[source]?.has = blocks
        var lacked = holders[source]?.lacks ?? blocks
        guard !lacked.isEmpty else { return gather() }
        lacked.formIntersection(blocks)
        guard !lacked.isEmpty else { return gather() }
        holders[source]?.lacks.subtract(lacked)
        divide()
    }

    /// It was asked for these and had them not.
    mutating func lacks(_ source: Source, _ blocks: some Sequence<Int>) {
        var isNew = false
        for block in blocks where holders[source] != nil {
            let isLacked = holders[source]?.lacks.insert(block) == true
            let isLost = holders[source]?.has?.remove(block) == true
            isNew = isNew || isLacked || isLost
        }
        if isNew { divide() }
    }

    // MARK: What follows

    /// What a source is to be asked for, of what is not asked for already.
    func candidates(of source: Source, asked: BlockSet) -> BlockSet {
        guard let holder = holders[source] else {
            var blocks = mine
            blocks.subtract(elsewhere)
            blocks.subtract(asked)
            return blocks
        }
        guard holder.isActive else { return BlockSet(capacity: capacity) }
        if var blocks = holder.has {
            blocks.subtract(asked)
            if !blocks.isEmpty { return blocks }
        }
        guard holder.isReading else { return BlockSet(capacity: capacity) }
        var blocks = holder.part
        blocks.subtract(elsewhere)
        blocks.subtract(asked)
        return blocks
    }

    /// What it has, as far as is known, and may be asked for a second time; nil of who has all.
    func surelyHeld(by source: Source) -> BlockSet? {
        guard let holder = holders[source] else { return nil }
        return (holder.isActive ? holder.has : nil) ?? BlockSet(capacity: capacity)
    }

    private mutating func gather() {
        elsewhere = BlockSet(capacity: capacity)
        for holder in holders.values where holder.isActive {
            if let has = holder.has { elsewhere.formUnion(has) }
        }
    }

    /// Each block to whom it falls, of those who read and don't lack it.
    private mutating func divide() {
        gather()
        mine = BlockSet(capacity: capacity)
        for source in holders.keys { holders[source]?.part = BlockSet(capacity: capacity) }
        let readers = holders.filter { $0.value.isActive && $0.value.isReading }
            .map { (source: $0.key, key: $0.value.key, lacks: $0.value.lacks) }
        for block in 0..<capacity {
            var best: (rank: UInt64, source: Source?) = (Self.rank(own, block), nil)
            for reader in readers {
                let rank = Self.rank(reader.key, block)
                if rank > best.rank, !reader.lacks.contains(block) { best = (rank, reader.source) }
            }
            if let source = best.source { holders[source]?.part.insert(block) } else { mine.insert(block) }
        }
    }

    /// A number that nobody can tell beforehand and everybody reckons alike (the finalizer of SplitMix64).
    private static func rank(_ key: UInt64, _ block: Int) -> UInt64 {
        var value = key ^ (UInt64(block) &* 0x9E37_79B9_7F4A_7C15)
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
