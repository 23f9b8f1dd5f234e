import NIOConcurrencyHelpers
import OfficeCore

/// How long this node runs, in milliseconds: what its tickets go by.
struct RunningTime: Sendable {
    private let start = ContinuousClock.now

    var now: Int64 { Self.milliseconds(start.duration(to: .now)) }

    static func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    }
}

/// The running times of other nodes, as measured when they last told them: by this machine's monotonic time, so that a
/// wrong clock opens and closes nothing.
final class OriginClocks: Sendable {
    private struct Reading {
        let incarnation: String
        let time: Int64
        let at: ContinuousClock.Instant
    }

    private static let most = 1024

    private let readings = NIOLockedValueBox<[NodeID: Reading]>([:])

    /// A node told its running time in an answer to what was asked at `sent`: it was that in the middle of the way.
    func told(_ time: Int64, incarnation: String, by node: NodeID, sent: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let middle = sent + sent.duration(to: now) / 2
        readings.withLockedValue { readings in
            if readings.count >= Self.most, readings[node] == nil { readings = [:] }
            readings[node] = Reading(incarnation: incarnation, time: time, at: middle)
        }
    }

    /// A node told its running time by itself: it is later by now, by as much as that took on its way. What is known to be
    /// later stays.
    func heard(_ time: Int64, incarnation: String, from node: NodeID) {
        guard now(of: node, incarnation: incarnation).map({ $0 < time }) ?? true else { return }
        told(time, incarnation: incarnation, by: node, sent: .now)
    }

    /// A node's running time now; nil where it was not heard of in this run of its.
    func now(of node: NodeID, incarnation: String) -> Int64? {
        guard let reading = readings.withLockedValue({ $0[node] }), reading.incarnation == incarnation else {
            return nil
        }
        return reading.time + RunningTime.milliseconds(reading.at.duration(to: .now))
    }
}
