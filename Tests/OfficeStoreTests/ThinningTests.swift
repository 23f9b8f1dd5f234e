import OfficeStore
import Testing

/// Which versions stay as they grow older.
struct ThinningTests {
    private let rule = Thinning.staggered
    private let now: Int64 = 2_000_000_000

    private func left(_ times: [Int64], now: Int64) -> [Int64] {
        let dropped = Set(rule.superfluous(times, now: now))
        return times.indices.filter { !dropped.contains($0) }.map { times[$0] }
    }

    @Test func allStayForAnHour() {
        let times = stride(from: now - 3599, through: now, by: 7).map { $0 }
        #expect(left(times, now: now) == times)
    }

    @Test func oneAnHourStaysForADay() {
        let times = stride(from: now - Thinning.day + 1, through: now - Thinning.hour, by: 60).map { $0 }
        let left = left(times, now: now)
        #expect((23...25).contains(left.count))
        #expect(Set(left.map { $0 / 3600 }).count == left.count)
    }

    @Test func oneADayForAMonthAndOneAWeekAfter() {
        let times = stride(from: now - 100 * Thinning.day, through: now - Thinning.day, by: 3600).map { $0 }
        let left = left(times, now: now)
        #expect((29 + 10...31 + 11).contains(left.count))
    }

    @Test func theNewestStaysHoweverOld() {
        #expect(left([1, 2, 3], now: now) == [3])
        #expect(left([5], now: now) == [5])
    }

    @Test func whatIsFromTheFutureStays() {
        let times = [now + 10, now + 20, now + 30]
        #expect(left(times, now: now) == times)
    }

    /// Thinned every so often, never more goes than thinned once, and of each stretch one stays.
    @Test func thinningOftenIsThinningOnce() {
        let times = stride(from: now - 40 * Thinning.day, through: now, by: 601).map { $0 }
        let once = left(times, now: now)
        var often: [Int64] = []
        var clock = times[0]
        for time in times {
            often.append(time)
            clock = time
            often = left(often, now: clock)
        }
        #expect(left(often, now: now) == once)
    }
}
