/// Which versions of a file are kept as they grow older: all for an hour, then the last of each hour for a day, of each
/// day for a month, of each week after. The newest is always kept.
///
/// Hours, days and weeks are counted from 1970, so that thinning again takes nothing more away, whenever it is done.
package struct Thinning: Sendable, Equatable {
    /// A stretch of age, and how far apart versions are in it; all in seconds.
    package struct Step: Sendable, Equatable {
        package let until: Int64
        package let apart: Int64

        package init(until: Int64, apart: Int64) {
            self.until = until
            self.apart = apart
        }
    }

    package static let hour: Int64 = 3600
    package static let day = 24 * hour
    package static let week = 7 * day

    /// In order of age.
    package var steps: [Step]

    package static let staggered = Thinning(steps: [
        Step(until: hour, apart: 0), Step(until: day, apart: hour), Step(until: 30 * day, apart: day),
        Step(until: .max, apart: week),
    ])

    package init(steps: [Step]) { self.steps = steps }

    /// The versions of one file that go: `times` is when each was replaced, oldest first, as numbered.
    ///
    /// A version from the future stays: the clock was wrong then, or is now.
    package func superfluous(_ times: [Int64], now: Int64) -> [Int] {
        var dropped: [Int] = []
        for index in times.indices.dropLast() {
            let age = now - times[index]
            guard age >= 0, let step = steps.first(where: { age < $0.until }), step.apart > 0 else { continue }
            // The last of its stretch stays.
            if Self.bucket(times[index], step.apart) == Self.bucket(times[index + 1], step.apart) {
                dropped.append(index)
            }
        }
        return dropped
    }

    private static func bucket(_ time: Int64, _ length: Int64) -> Int64 {
        time >= 0 ? time / length : (time - length + 1) / length
    }
}
