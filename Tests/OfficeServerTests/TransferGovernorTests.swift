import NIOConcurrencyHelpers
import OfficeConfiguration
import OfficeCore
import OfficeTransfer
import Testing

@testable import OfficeServer

@Suite struct TransferGovernorTests {
    /// A clock that a pause moves.
    private final class Time: Sendable {
        let now = NIOLockedValueBox(Duration.zero)
        let minute = NIOLockedValueBox(0)
        var clock: TransferClock {
            TransferClock(
                now: { self.now.withLockedValue { $0 } },
                sleep: { pause in self.now.withLockedValue { $0 += pause } }, watch: { _ in })
        }
    }

    private let one: NodeID
    private let other: NodeID
    private let time = Time()

    init() throws {
        one = try NodeID(hex: String(repeating: "01", count: 32))
        other = try NodeID(hex: String(repeating: "02", count: 32))
    }

    private func governor(_ change: (inout Settings.Transfers) -> Void) -> TransferGovernor {
        var settings = Settings.Transfers()
        change(&settings)
        return TransferGovernor(
            settings, clock: time.clock, minuteOfDay: { [time] in time.minute.withLockedValue { $0 } })
    }

    /// Seconds that `bytes` take.
    private func seconds(_ bytes: Int, _ body: (Int) async throws -> Void) async throws -> Double {
        let begin = time.now.withLockedValue { $0 }
        try await body(bytes)
        return (time.now.withLockedValue { $0 } - begin) / .seconds(1)
    }

    @Test func nothingIsSlowedWithoutLimits() async throws {
        let governor = governor { _ in }
        #expect(try await seconds(1 << 30) { try await governor.pass($0, .in, with: one, for: .people) } == 0)
        time.now.withLockedValue { $0 += .seconds(5) }
        #expect(try await seconds(1 << 30) { try await governor.pass($0, .in, with: one, for: .pin) } == 0)
    }

    @Test func theLimitIsOfAllAndEachWay() async throws {
        let governor = governor { $0.limit = 1 << 20 }
        let first = try await seconds(5 << 20) { try await governor.pass($0, .in, with: one, for: .people) }
        let second = try await seconds(5 << 20) { try await governor.pass($0, .in, with: other, for: .people) }
        #expect((9.8...10).contains(first + second))
        #expect(try await seconds(1 << 16) { try await governor.pass($0, .out, with: one, for: .people) } < 0.1)
    }

    @Test func aMembersLimitIsItsOwn() async throws {
        let governor = governor { $0.limitPerPeer = 1 << 20 }
        _ = try await seconds(5 << 20) { try await governor.pass($0, .in, with: one, for: .people) }
        #expect(try await seconds(1 << 16) { try await governor.pass($0, .in, with: other, for: .people) } < 0.1)
    }

    @Test func theTimeOfDayAndAReloadChangeIt() async throws {
        let governor = governor {
            $0.limit = 1 << 20
            $0.schedule = ["22:00-06:00 0", "12:00-13:00 524288"]
        }
        time.minute.withLockedValue { $0 = 23 * 60 }
        #expect(try await seconds(5 << 20) { try await governor.pass($0, .in, with: one, for: .people) } == 0)
        time.minute.withLockedValue { $0 = 12 * 60 }
        let noon = try await seconds(5 << 20) { try await governor.pass($0, .in, with: one, for: .people) }
        #expect((9.8...10).contains(noon))
        governor.apply(Settings.Transfers())
        #expect(try await seconds(5 << 20) { try await governor.pass($0, .in, with: one, for: .people) } == 0)
    }

    @Test func pinsYieldToPeople() async throws {
        let governor = governor { _ in }
        try await governor.pass(1, .in, with: one, for: .people)
        // The trickle for a second, and then, as nobody else moves anything, all the rest at once.
        let taken = try await seconds(10 << 20) { try await governor.pass($0, .in, with: one, for: .pin) }
        #expect((0.9...1.2).contains(taken))
    }

    @Test(arguments: ["8:00-18:00 5", "08:00-18:00", "08:00-24:00 5", "08:60-09:00 5", "08:00 5", "08:00-09:00 -5", ""])
    func refusesWhatIsNoTime(_ text: String) {
        #expect(throws: OfficeError.self) { try LimitPeriod(parsing: text) }
    }
}
