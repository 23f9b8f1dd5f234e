/// The time that transfers go by: any clock, so that tests move it by hand.
package struct TransferClock: Sendable {
    /// Since some fixed moment; never goes back.
    package let now: @Sendable () -> Duration
    package let sleep: @Sendable (Duration) async throws -> Void

    package init<C: Clock>(_ clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
    }

    package static var continuous: TransferClock { TransferClock(ContinuousClock()) }
}
