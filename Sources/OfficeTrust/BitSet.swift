/// A set of small numbers, as bits: what the fold asks millions of times, whether an entry had seen another.
struct Bits: Equatable, Sendable {
    private(set) var words: [UInt64]

    init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }
    init() { words = [] }

    init(_ elements: some Sequence<Int>, count: Int) {
        self.init(count: count)
        for element in elements { insert(element) }
    }

    /// False for what is beyond the end.
    subscript(index: Int) -> Bool {
        let word = index >> 6
        return word < words.count && words[word] >> UInt64(index & 63) & 1 == 1
    }

    mutating func insert(_ index: Int) {
        let word = index >> 6
        if word >= words.count { words += [UInt64](repeating: 0, count: word + 1 - words.count) }
        words[word] |= 1 << UInt64(index & 63)
    }

    mutating func remove(_ index: Int) {
        let word = index >> 6
        if word < words.count { words[word] &= ~(1 << UInt64(index & 63)) }
    }

    mutating func formUnion(_ other: Bits) {
        if other.words.count > words.count {
            words += [UInt64](repeating: 0, count: other.words.count - words.count)
        }
        for index in other.words.indices { words[index] |= other.words[index] }
    }

    /// Adds what `choose` takes of sixty-four elements of `other`.
    mutating func formUnion(_ other: Bits, _ choose: (_ bits: UInt64, _ word: Int) -> UInt64) {
        for index in other.words.indices where other.words[index] != 0 {
            words[index] |= choose(other.words[index], index)
        }
    }

    /// Takes out the least element among sixty-four.
    mutating func popFirst(inWord word: Int) -> Int? {
        guard words[word] != 0 else { return nil }
        let element = word * 64 + words[word].trailingZeroBitCount
        words[word] &= words[word] - 1
        return element
    }

    mutating func formUnion(_ row: ArraySlice<UInt64>) {
        if row.count > words.count { words += [UInt64](repeating: 0, count: row.count - words.count) }
        for (index, word) in row.enumerated() { words[index] |= word }
    }

    /// Sixty-four of them; none beyond the end.
    func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }

    func union(_ other: Bits) -> Bits {
        var copy = self
        copy.formUnion(other)
        return copy
    }

    func subtracting(_ elements: [Int]) -> Bits {
        var copy = self
        for element in elements { copy.remove(element) }
        return copy
    }

    /// Whether every element of `other` is in this set.
    func contains(all other: Bits) -> Bool {
        other.words.indices.allSatisfy { index in
            other.words[index] & ~(index < words.count ? words[index] : 0) == 0
        }
    }

    /// Those that are not in `other`.
    func subtracting(_ other: Bits) -> Bits {
        var copy = self
        for index in words.indices.prefix(other.words.count) { copy.words[index] &= ~other.words[index] }
        return copy
    }

    /// The elements, ascending.
    var elements: [Int] {
        var out: [Int] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                out.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return out
    }
}

/// A square of bits, row by row in one piece of memory: which entry had seen which.
struct BitTable: Sendable {
    let wordsPerRow: Int
    private var words: [UInt64]

    init(count: Int) {
        wordsPerRow = (count + 63) / 64
        words = [UInt64](repeating: 0, count: wordsPerRow * count)
    }

    subscript(row: Int, column: Int) -> Bool {
        words[row * wordsPerRow + column >> 6] >> UInt64(column & 63) & 1 == 1
    }

    /// Sixty-four bits of a row.
    func word(_ row: Int, _ word: Int) -> UInt64 { words[row * wordsPerRow + word] }

    /// A row gets another's bits, and the other's own.
    mutating func include(_ other: Int, inRow row: Int) {
        let (to, from) = (row * wordsPerRow, other * wordsPerRow)
        for word in 0..<wordsPerRow { words[to + word] |= words[from + word] }
        words[to + other >> 6] |= 1 << UInt64(other & 63)
    }

    /// Whether every element of `bits` is in a row.
    func row(_ row: Int, contains bits: Bits) -> Bool {
        bits.words.indices.allSatisfy { bits.words[$0] & ~word(row, $0) == 0 }
    }

    /// Adds a row to `bits`.
    func add(_ row: Int, to bits: inout Bits) { bits.formUnion(words[row * wordsPerRow..<(row + 1) * wordsPerRow]) }
}
