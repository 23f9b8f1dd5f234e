import NIOConcurrencyHelpers
import NIOCore
import OfficeCore

/// Counts what is connected to the members' port and holds the caps: in all, per member, and of handshakes.
///
/// Also the hand that closes a removed member's connections.
final class ConnectionRegistry: Sendable {
    struct Caps: Sendable {
        var connections: Int
        var perPeer: Int
        var handshakes: Int
        init(connections: Int, perPeer: Int, handshakes: Int) {
            self.connections = connections
            self.perPeer = perPeer
            self.handshakes = handshakes
        }
    }

    /// Strangers that are asking to join at the same time.
    static let mostJoining = 8

    private struct State {
        var caps: Caps
        var handshakes = PendingConnections()
        var joining = PendingConnections()
        var open: [NodeID: [ObjectIdentifier: any Channel]] = [:]
        var count: Int { open.values.reduce(0) { $0 + $1.count } + joining.count }
    }

    private let state: NIOLockedValueBox<State>

    init(caps: Caps) { state = NIOLockedValueBox(State(caps: caps)) }

    /// Caps for what comes from now on.
    func configure(_ caps: Caps) { state.withLockedValue { $0.caps = caps } }

    /// Whether another connection may begin its handshake; if so it counts until `endHandshake`. In its favour one
    /// may have to go that has not done its own.
    func beginHandshake(_ channel: any Channel, from source: PendingConnections.Source) -> Bool {
        let (admitted, evicted) = state.withLockedValue { state -> (Bool, (any Channel)?) in
            var evicted: (any Channel)?
            if state.handshakes.count >= state.caps.handshakes
                || state.handshakes.count + state.count >= state.caps.connections
            {
                evicted = state.handshakes.evict(for: source)
                guard evicted != nil else { return (false, nil) }
            }
            state.handshakes.add(channel, from: source)
            return (true, evicted)
        }
        evicted?.close(mode: .all, promise: nil)
        return admitted
    }

    func endHandshake(_ channel: ObjectIdentifier, from source: PendingConnections.Source) {
        state.withLockedValue { $0.handshakes.remove(channel, from: source) }
    }

    /// Whether this member may have one more connection; if so it counts until the channel closes.
    func admit(_ channel: any Channel, of node: NodeID) -> Bool {
        let admitted = state.withLockedValue { state in
            guard state.open[node, default: [:]].count < state.caps.perPeer else { return false }
            state.open[node, default: [:]][ObjectIdentifier(channel)] = channel
            return true
        }
        if admitted {
            channel.closeFuture.whenComplete { [weak self] _ in self?.forget(ObjectIdentifier(channel), of: node) }
        }
        return admitted
    }

    /// Takes a stranger's connection that asks to join. When there are too many, the oldest of who has the most goes.
    func admitJoining(_ channel: any Channel, from source: PendingConnections.Source) {
        let evicted = state.withLockedValue { state in
            let evicted = state.joining.count >= Self.mostJoining ? state.joining.evict(for: source) : nil
            state.joining.add(channel, from: source)
            return evicted
        }
        evicted?.close(mode: .all, promise: nil)
        let id = ObjectIdentifier(channel)
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLockedValue { $0.joining.remove(id, from: source) }
        }
    }

    private func forget(_ channel: ObjectIdentifier, of node: NodeID) {
        state.withLockedValue { state in
            state.open[node]?[channel] = nil
            if state.open[node]?.isEmpty == true { state.open[node] = nil }
        }
    }

    /// Closes every connection of every node that `isMember` does not confirm.
    func closeAll(except isMember: (NodeID) -> Bool) {
        let closing = state.withLockedValue { state in
            state.open.filter { !isMember($0.key) }.values.flatMap(\.values)
        }
        for channel in closing { channel.close(mode: .all, promise: nil) }
    }
}
