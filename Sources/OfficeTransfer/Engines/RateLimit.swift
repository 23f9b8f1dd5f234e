import Synchronization

/// Lets at most so many bytes a second pass, with a burst of a tenth of a second.
final class RateLimit: Sendable {
    private let bytesPerSecond: Double
    private let clock: TransferClock
    /// When the bytes let through so far are paid for.
    private let paidUntil: Mutex<Duration>

    init(bytesPerSecond: Int64, clock: TransferClock) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        self.clock = clock
        paidUntil = Mutex(clock.now())
    }

    /// Returns when `bytes` may pass. Long waits are cut into seconds, and `waiting` is called between them.
    func take(_ bytes: Int, waiting: () -> Void) async throws {
        let now = clock.now()
        let free = paidUntil.withLock { paidUntil in
            paidUntil = max(paidUntil, now - .milliseconds(100)) + .seconds(Double(bytes) / bytesPerSecond)
            return paidUntil
        }
        while case let left = free - clock.now(), left > .zero {
            try await clock.sleep(min(left, .seconds(1)))
            waiting()
        }
    }
}
