/// A set of small numbers, as bits: what the fold asks millions of times, whether an entry had seen another.
struct Bits: Equatable, Sendable {
    private(set) var words: [UInt64]

    init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }
    init() { words = [] }

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
