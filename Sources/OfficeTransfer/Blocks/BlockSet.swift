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
