import OfficeCore

/// How far the receiver of a delivery is, as it says: of what several receive, each has most from the others, so that
/// what its sender sent says little.
struct DeliveryStanding {
    /// The rate is taken over so long.
    private static let window = Duration.seconds(5)

    private(set) var bytes: Int64 = 0
    private var samples: [(at: ContinuousClock.Instant, bytes: Int64)] = []

    /// So many bytes are there.
    mutating func note(_ bytes: Int64, at now: ContinuousClock.Instant) {
        self.bytes = bytes
        // One in a tenth of the window is enough.
        if let last = samples.last, samples.count > 1, now - last.at < Self.window / 10 { samples.removeLast() }
        samples.append((now, bytes))
        samples.removeAll { now - $0.at > Self.window }
    }

    /// Bytes a second, over the last few seconds.
    func rate(at now: ContinuousClock.Instant) -> Int64 {
        guard let first = samples.first, let last = samples.last, now - last.at < Self.window, last.bytes > first.bytes
        else { return 0 }
        let seconds = now - first.at
        return Int64(Double(last.bytes - first.bytes) / max(0.001, seconds / .seconds(1)))
    }
}
