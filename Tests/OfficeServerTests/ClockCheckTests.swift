import Testing

@testable import OfficeServer

/// A wrong clock takes no version away.
struct ClockCheckTests {
    private let now: Int64 = 1_700_000_000
    private let year: Int64 = 365 * 86_400

    @Test func aClockThatIsAheadIsNotBelieved() {
        let ahead = now + 10 * year
        // By others, or by what it said itself when the daemon was started.
        #expect(ClockCheck.earliest(now: ahead, others: [now, now + 1]) == now + 1)
        #expect(ClockCheck.earliest(now: ahead, others: [now]) == now)
        #expect(ClockCheck.earliest(now: ahead, others: [ahead, now, now]) == now)
    }

    @Test func oneThatIsRightIsBelievedAgainstTheFewThatAreWrong() {
        #expect(ClockCheck.earliest(now: now, others: []) == now)
        #expect(ClockCheck.earliest(now: now, others: [now - 10 * year, now, now]) == now)
        #expect(ClockCheck.earliest(now: now, others: [now + 10 * year, now + 20 * year]) == now)
    }

    @Test func oneThatIsBehindKeepsMore() {
        #expect(ClockCheck.earliest(now: now - year, others: [now, now, now]) == now - year)
    }
}
