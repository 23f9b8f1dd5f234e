/// The time that transfers go by: any clock, so that tests move it by hand.
package struct TransferClock: Sendable {
    /// Since some fixed moment; never goes back.
    package let now: @Sendable () -> Duration
    /// A pause in the work.
    package let sleep: @Sendable (Duration) async throws -> Void
    /// A wait beside the work, of who watches that it goes on.
    package let watch: @Sendable (Duration) async throws -> Void

    package init<C: Clock>(_ clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(for: $0) }
        watch = { try await clock.sleep(for: $0) }
    }

    package init(
        now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        watch: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
        self.watch = watch
    }

    package static var continuous: TransferClock { TransferClock(ContinuousClock()) }
}
