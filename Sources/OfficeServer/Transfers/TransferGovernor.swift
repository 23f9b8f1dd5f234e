import NIOConcurrencyHelpers
import NIOCore
import OfficeConfiguration
import OfficeCore
import OfficeTransfer

#if canImport(Glibc)
    import Glibc
#endif

/// Says how fast this node's exchanges with members may go: in all, with each of them, and pins behind people.
///
/// Each exchange asks for a little at a time, and is served in turn: where there is less than all want, all get the
/// same. Both ways are counted by themselves, as links have both.
final class TransferGovernor: Sendable {
    enum Way: Sendable, Hashable { case out, `in` }
    /// For whom something moves.
    enum Load: Sendable { case people, pin }

    /// Bytes let through at once where anything is limited.
    static let step = 16 << 10
    /// A limit below that would make the others think that this node is gone.
    static let leastLimit = 16 << 10
    /// What pins get while people's transfers move: enough to show that they are alive.
    static let trickle = 64 << 10
    /// How long after its last bytes a person's transfer still counts as moving.
    fileprivate static let attention = Duration.seconds(1)

    /// When what was let through is paid for.
    fileprivate struct Account {
        private static let burst = Duration.milliseconds(100)
        private var paidUntil = Duration.zero

        /// When `bytes` may go.
        mutating func take(_ bytes: Int, at now: Duration, _ bytesPerSecond: Int) -> Duration {
            guard bytesPerSecond > 0 else { return now }
            paidUntil = max(paidUntil, now - Self.burst)
            paidUntil += .seconds(Double(bytes) / Double(bytesPerSecond))
            return paidUntil
        }
    }

    fileprivate struct Link: Hashable {
        let node: NodeID
        let way: Way
    }

    fileprivate struct State {
        var settings: Settings.Transfers
        var all: [Way: Account] = [:]
        var peers: [Link: Account] = [:]
        var pins: [Way: Account] = [:]
        /// When people's transfers moved something last.
        var people: Duration?
    }

    private let clock: TransferClock
    private let minuteOfDay: @Sendable () -> Int
    private let state: NIOLockedValueBox<State>

    init(
        _ settings: Settings.Transfers, clock: TransferClock = .continuous,
        minuteOfDay: @escaping @Sendable () -> Int = TransferGovernor.localMinute
    ) {
        self.clock = clock
        self.minuteOfDay = minuteOfDay
        state = NIOLockedValueBox(State(settings: settings))
    }

    /// From now on these limits hold.
    func apply(_ settings: Settings.Transfers) { state.withLockedValue { $0.settings = settings } }

    /// Returns when `bytes` may go.
    func pass(_ bytes: Int, _ way: Way, with node: NodeID, for load: Load) async throws {
        var rest = bytes
        while rest > 0 {
            let part = min(rest, Self.step)
            let (free, isLimited) = ticket(for: part, way, node, load)
            rest = isLimited ? rest - part : 0
            while case let left = free - clock.now(), left > .zero { try await clock.sleep(min(left, .seconds(1))) }
        }
    }

    /// Passes a piece on, no faster than may be.
    func write(
        _ piece: ByteBuffer, by write: BodyWriter, _ way: Way, with node: NodeID, for load: Load = .people
    ) async throws {
        var rest = piece
        while rest.readableBytes > 0 {
            let most = isLimited(load) ? Self.step : rest.readableBytes
            guard let part = rest.readSlice(length: min(most, rest.readableBytes)) else { return }
            try await pass(part.readableBytes, way, with: node, for: load)
            try await write(part)
        }
    }

    /// A writer that passes pieces on no faster than may be.
    func paced(
        _ write: @escaping BodyWriter, _ way: Way, with node: NodeID, for load: Load = .people
    ) -> BodyWriter {
        { try await self.write($0, by: write, way, with: node, for: load) }
    }

    /// A body that is read no faster than may be.
    func paced<S: AsyncSequence>(
        _ body: S, _ way: Way, with node: NodeID, for load: Load = .people
    ) -> BodyStream where S.Element == ByteBuffer {
        BodyStream(
            body.map { piece in
                try await self.pass(piece.readableBytes, way, with: node, for: load)
                return piece
            })
    }

    private func isLimited(_ load: Load) -> Bool {
        let now = clock.now()
        return state.withLockedValue { $0.limits(at: now, minuteOfDay, load).contains { $0 > 0 } }
    }

    /// When a part may go, and whether what follows it has to ask again.
    private func ticket(
        for part: Int, _ way: Way, _ node: NodeID, _ load: Load
    ) -> (free: Duration, isLimited: Bool) {
        let now = clock.now()
        return state.withLockedValue { state in
            let limits = state.limits(at: now, minuteOfDay, load)
            if load == .people { state.people = now }
            guard limits.contains(where: { $0 > 0 }) else { return (now, false) }
            let free = max(
                state.all[way, default: Account()].take(part, at: now, limits[0]),
                state.peers[Link(node: node, way: way), default: Account()].take(part, at: now, limits[1]),
                state.pins[way, default: Account()].take(part, at: now, limits[2]))
            return (free, true)
        }
    }

    /// The minute of the day by this machine's clock and time zone.
    static func localMinute() -> Int {
        var (seconds, parts) = (time(nil), tm())
        localtime_r(&seconds, &parts)
        return Int(parts.tm_hour * 60 + parts.tm_min)
    }
}

extension TransferGovernor.State {
    /// In all, with one member, and of pins; 0: none.
    fileprivate func limits(
        at now: Duration, _ minuteOfDay: () -> Int, _ load: TransferGovernor.Load
    ) -> [Int] {
        func bounded(_ limit: Int) -> Int { limit > 0 ? max(limit, TransferGovernor.leastLimit) : 0 }
        let yields = load == .pin && people.map { now - $0 < TransferGovernor.attention } == true
        return [
            bounded(settings.schedule.isEmpty ? settings.limit : settings.limit(atMinute: minuteOfDay())),
            bounded(settings.limitPerPeer),
            yields ? TransferGovernor.trickle : 0,
        ]
    }
}
