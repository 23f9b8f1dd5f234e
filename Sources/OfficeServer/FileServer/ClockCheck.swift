/// Whether this machine's clock can be believed, as far as others tell: a clock that is ahead would make what is young look
/// old, and old versions go. Pure.
enum ClockCheck {
    /// The earliest time that it may be, in seconds: by this clock, or by what most clocks say. Of what is kept for its
    /// age, the earlier of both takes nothing away that the later wouldn't.
    ///
    /// - Parameter others: What other nodes' clocks say now, and what this one would if it had not been set.
    static func earliest(now: Int64, others: [Int64]) -> Int64 {
        let all = (others + [now]).sorted()
        // Of an even number the lower of the two in the middle.
        return min(now, all[(all.count - 1) / 2])
    }
}
