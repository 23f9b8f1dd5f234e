/// A set of block numbers of one file: one bit each.
package struct BlockSet: Sendable, Equatable {
    /// Block numbers are below this.
    package let capacity: Int
    package private(set) var count = 0
    private var words: [UInt64]

    package init(capacity: Int) {
        self.capacity = capacity
        words = [UInt64](repeating: 0, count: (capacity + 63) / 64)
    }

    package init(capacity: Int, _ blocks: some Sequence<Int>) {
        self.init(capacity: capacity)
        for block in blocks { insert(block) }
    }

    package var isEmpty: Bool { count == 0 }
    package var isFull: Bool { count == capacity }

    package func contains(_ block: Int) -> Bool {
        block >= 0 && block < capacity && words[block / 64] & (1 << (block % 64)) != 0
    }

    /// Whether it was new. A number out of range is never in the set.
    @discardableResult
    package mutating func insert(_ block: Int) -> Bool {
        guard block >= 0, block < capacity, !contains(block) else { return false }
        words[block / 64] |= 1 << (block % 64)
        count += 1
        return true
    }

    @discardableResult
    package mutating func remove(_ block: Int) -> Bool {
        guard contains(block) else { return false }
        words[block / 64] &= ~(1 << (block % 64))
        count -= 1
        return true
    }

    /// The first block from `start` on that is not in the set; nil where all are.
    package func firstMissing(from start: Int = 0) -> Int? {
        guard start < capacity else { return nil }
        var word = start / 64
        var free = ~words[word] & (~0 << (start % 64))
        while free == 0 {
            word += 1
            guard word < words.count else { return nil }
            free = ~words[word]
        }
        let block = word * 64 + free.trailingZeroBitCount
        return block < capacity ? block : nil
    }

    /// The first block from `start` on that is in the set.
    package func firstMember(from start: Int) -> Int? {
        guard start < capacity else { return nil }
        var word = start / 64
        var set = words[word] & (~0 << (start % 64))
        while set == 0 {
            word += 1
            guard word < words.count else { return nil }
            set = words[word]
        }
        return word * 64 + set.trailingZeroBitCount
    }

    // MARK: Sets with sets, of one capacity

    package mutating func formUnion(_ other: BlockSet) { combine(other) { $0 | $1 } }
    package mutating func formIntersection(_ other: BlockSet) { combine(other) { $0 & $1 } }
    package mutating func subtract(_ other: BlockSet) { combine(other) { $0 & ~$1 } }

    private mutating func combine(_ other: BlockSet, _ operation: (UInt64, UInt64) -> UInt64) {
        guard other.capacity == capacity else { return }
        count = 0
        for index in words.indices {
            words[index] = operation(words[index], other.words[index])
            count += words[index].nonzeroBitCount
        }
    }

    // MARK: On the wire

    /// A bit for each block, the first in the lowest of the first byte.
    package var bitmap: [UInt8] {
        (0..<(capacity + 7) / 8).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> (UInt64($0 % 8) * 8)) }
    }

    /// nil where it isn't exactly as long as it has to be, or names blocks that there are not.
    package init?(capacity: Int, bitmap: some Collection<UInt8>) {
        guard bitmap.count == (capacity + 7) / 8 else { return nil }
        self.init(capacity: capacity)
        for (index, byte) in bitmap.enumerated() {
            words[index / 8] |= UInt64(byte) << (UInt64(index % 8) * 8)
            count += byte.nonzeroBitCount
        }
        if capacity % 64 != 0, let last = words.last, last >> (UInt64(capacity % 64)) != 0 { return nil }
    }

    // MARK: Ranges

    /// What is in the set, as ascending ranges: at most `limit` of them, at most `blocks` blocks in all.
    package func ranges(limit: Int = .max, blocks: Int = .max) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var left = blocks
        var next = firstMember(from: 0)
        while let first = next, ranges.count < limit, left > 0 {
            var end = first + 1
            while end < capacity, end - first < left, contains(end) { end += 1 }
            ranges.append(first..<end)
            left -= end - first
            next = firstMember(from: end)
        }
        return ranges
    }

    /// What is not in the set, as ascending ranges: at most `limit` of them, at most `blocks` blocks in all.
    package func missingRanges(limit: Int = .max, blocks: Int = .max) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var left = blocks
        var next = firstMissing()
        while let first = next, ranges.count < limit, left > 0 {
            var end = first + 1
            while end < capacity, end - first < left, !contains(end) { end += 1 }
            ranges.append(first..<end)
            left -= end - first
            next = firstMissing(from: end)
        }
        return ranges
    }
}
