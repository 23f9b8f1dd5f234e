/// The entries of a stretch as sets of bits, by what the fold asks of them.
///
/// A hostile log has thousands of strikes upon a node that wrote thousands of entries: asked pair by pair they would
/// freeze every node that folds it. Asked sixty-four at once they cost what the log is long.
struct StretchMasks {
    /// Up to so many, a list is the shorter way.
    private static let few = 16

    // By node; nil where there are few.
    let written: [Bits?]
    let strikes: [Bits?]
    let grants: [Bits?]

    /// Strikes that end membership.
    let endings: Bits
    /// Strikes of a node upon itself.
    let selfStrikes: Bits
    let ownActs: Bits

    init(_ items: [Stretch.Item], written: [[Int]], strikes: [[Int]], grants: [[Int]]) {
        func masks(_ lists: [[Int]]) -> [Bits?] {
            lists.map { $0.count > Self.few ? Bits($0, count: items.count) : nil }
        }
        (self.written, self.strikes, self.grants) = (masks(written), masks(strikes), masks(grants))
        func those(_ condition: (Stretch.Item) -> Bool) -> Bits {
            Bits(items.indices.filter { condition(items[$0]) }, count: items.count)
        }
        endings = those(\.endsMembership)
        selfStrikes = those(\.strikesSelf)
        ownActs = those(\.isOwnAct)
    }

    /// Of sixty-four strikes upon one node those that count against it at an entry: `Stretch.counts`, all at once.
    func counting(_ word: Int, at index: Int, _ against: Stretch.Against, _ stretch: Stretch) -> UInt64 {
        if against == .membershipSeen { return endings.word(word) & stretch.past.word(index, word) }
        let item = stretch.items[index]
        var counting = ~stretch.future.word(index, word)
        if against == .membership || item.isOwnAct { counting &= endings.word(word) }
        if item.strikesSelf { counting &= ~(selfStrikes.word(word) & ~stretch.past.word(index, word)) }
        if index >> 6 == word { counting &= ~(1 << UInt64(index & 63)) }
        return counting
    }

    /// Of sixty-four entries of the node that `strike` is upon those that it cuts: `Stretch.cuts`, all at once.
    func cut(_ word: Int, by strike: Int, _ stretch: Stretch) -> UInt64 {
        let item = stretch.items[strike]
        var cut = ~stretch.past.word(strike, word)
        if !item.endsMembership { cut &= ~ownActs.word(word) }
        if item.strikesSelf { cut &= ~(selfStrikes.word(word) & ~stretch.future.word(strike, word)) }
        if strike >> 6 == word { cut &= ~(1 << UInt64(strike & 63)) }
        return cut
    }
}
