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
        var handshakes = 0
        var open: [NodeID: [ObjectIdentifier: any Channel]] = [:]
        var joining = 0
        var count: Int { open.values.reduce(0) { $0 + $1.count } + joining }
    }

    private let state: NIOLockedValueBox<State>

    init(caps: Caps) { state = NIOLockedValueBox(State(caps: caps)) }

    /// Whether another connection may begin its handshake; if so it counts until `endHandshake`.
    func beginHandshake() -> Bool {
        state.withLockedValue { state in
            guard state.handshakes < state.caps.handshakes, state.handshakes + state.count < state.caps.connections
            else {
                return false
            }
            state.handshakes += 1
            return true
        }
    }

    func endHandshake() { state.withLockedValue { $0.handshakes -= 1 } }

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

    /// Whether one more stranger may ask to join at the same time.
    func admitJoining(_ channel: any Channel) -> Bool {
        let admitted = state.withLockedValue { state in
            guard state.joining < Self.mostJoining else { return false }
            state.joining += 1
            return true
        }
        if admitted {
            channel.closeFuture.whenComplete { [weak self] _ in self?.state.withLockedValue { $0.joining -= 1 } }
        }
        return admitted
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
