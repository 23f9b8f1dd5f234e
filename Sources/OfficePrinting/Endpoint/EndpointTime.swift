package import OfficeCore

/// The clocks of the endpoint: one that people read, one for deadlines. Tests move them.
package struct EndpointClock: Sendable {
    package var wall: @Sendable () -> Timestamp
    package var steady: @Sendable () -> ContinuousClock.Instant

    package init(
        wall: @escaping @Sendable () -> Timestamp,
        steady: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.wall = wall
        self.steady = steady
    }
}

extension Timestamp {
    /// Seconds since 1970 as IPP's 32 bits: `printer-up-time` counts from there, so that no time of a job is before it,
    /// whatever was restarted in between. (CUPS does the same.)
    var seconds32: Int32 { Int32(clamping: max(1, time.seconds)) }

    /// RFC 2579, DateAndTime, in UTC.
    var dateAndTime: [UInt8] {
        let parts = Timestamp(seconds: time.seconds).description.split { "-T:Z".contains($0) }.compactMap { Int($0) }
        guard parts.count == 6, (0...0xFFFF).contains(parts[0]) else { return [UInt8](repeating: 0, count: 11) }
        let rest = parts.dropFirst().map { UInt8(clamping: $0) }
        return [UInt8(parts[0] >> 8), UInt8(parts[0] & 0xFF)] + rest + [0, UInt8(ascii: "+"), 0, 0]
    }
}

/// When a queue last changed, as far as this process has seen.
struct ChangeTimes: Sendable, Hashable {
    var configuration: Timestamp
    /// How often it changed.
    var configurations: Int32 = 0
    var state: Timestamp
}

/// Compares queues with how they were when they were last asked for.
actor ChangeWatch {
    private struct Seen {
        var configuration: QueueDescription
        var state: [String]
        var times: ChangeTimes
    }

    /// More queues than an office has.
    private static let most = 1_024
    private var seen: [String: Seen] = [:]

    func times(of queue: DeskQueue, now: Timestamp) -> ChangeTimes {
        var configuration = queue.description
        configuration.state = .idle
        configuration.accepting = true
        configuration.reasons = []
        configuration.stateMessage = nil
        configuration.jobs = 0
        let owner = queue.description
        let state = [owner.state.rawValue, "\(owner.accepting)", "\(queue.isOnline)"] + owner.reasons
        guard var known = seen[queue.localName] else {
            let times = ChangeTimes(configuration: now, state: now)
            if seen.count < Self.most {
                seen[queue.localName] = Seen(configuration: configuration, state: state, times: times)
            }
            return times
        }
        if known.configuration != configuration {
            known.configuration = configuration
            known.times.configuration = now
            known.times.configurations &+= 1
        }
        if known.state != state {
            known.state = state
            known.times.state = now
        }
        seen[queue.localName] = known
        return known.times
    }
}
