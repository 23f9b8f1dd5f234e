import HTTPTypes
import Logging
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer
import ServiceLifecycle

/// Connections to members, made when wanted and kept for a while: one exchange at a time on each.
actor PeerPool: Service {
    /// Idle connections kept to one member.
    private static let mostIdle = 8
    /// How long one is kept idle: shorter than the other side's patience.
    private static let idleTime = Duration.seconds(15)
    /// How long a member that is there may be too busy for another connection.
    private static let patience = Duration.seconds(20)
    /// Connections that are made to one member at once. On a busy machine more handshakes make it busier, and meanwhile
    /// others are given back.
    private static let mostAtOnce = 2
    /// How long the address by which a member is there now is tried alone.
    private static let headStart = Duration.seconds(1)

    /// Connections to one member that are being made, and who waits for one.
    private struct Making {
        var count = 0
        var waiting: [CheckedContinuation<Turn, Never>] = []
    }

    private enum Turn: Sendable {
        case take(HTTPConnection)
        case make
        case failed(any Error)
    }

    private let connector: PeerConnector
    private let directory: PeerDirectory
    private let incarnation: String
    private var idle: [NodeID: [(connection: HTTPConnection, since: ContinuousClock.Instant)]] = [:]
    private var making: [NodeID: Making] = [:]
    private var open: [NodeID: [ObjectIdentifier: HTTPConnection]] = [:]
    private let connections: AsyncStream<(NodeID, HTTPConnection)>
    private let carry: AsyncStream<(NodeID, HTTPConnection)>.Continuation

    init(connector: PeerConnector, directory: PeerDirectory, incarnation: String) {
        self.connector = connector
        self.directory = directory
        self.incarnation = incarnation
        (connections, carry) = AsyncStream.makeStream()
    }

    /// Carries the connections; they end with it.
    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                for await (node, connection) in connections {
                    tasks.addTask {
                        await connection.run()
                        await self.ended(connection, of: node)
                    }
                }
                closeEverything()
            }
        } onGracefulShutdown: {
            self.carry.finish()
        }
    }

    /// One exchange with a member, over a connection that is there or a new one.
    ///
    /// Throws what the member answered; `.unavailable` where it can't be reached, `.temporary` where it was lost.
    func exchange<Answer: Sendable>(
        with node: NodeID, _ request: HTTPRequest,
        send: (@Sendable (_ write: BodyWriter) async throws -> Void)? = nil,
        receive: @escaping @Sendable (_ response: HTTPResponse, _ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        var request = request
        request.headerFields[.incarnation] = incarnation
        let connection = try await connection(to: node)
        do {
            let answer = try await connection.exchange(request, send: send, receive: receive)
            release(connection, of: node)
            return answer
        } catch {
            connection.close()
            throw error
        }
    }

    /// A connection of the caller's own, for an exchange that never ends; carried here, closed by the caller.
    func dedicatedConnection(to node: NodeID) async throws -> PeerConnector.Connected {
        let endpoints = await directory.endpoints(of: node)
        let isThere = await directory[node]?.presence == .online
        let connected = try await connector.connect(
            to: endpoints, headStart: isThere ? Self.headStart : PeerConnector.stagger
        ) { $0 == node }
        open[node, default: [:]][ObjectIdentifier(connected.connection)] = connected.connection
        if case .terminated = carry.yield((node, connected.connection)) { await connected.connection.discard() }
        return connected
    }

    /// Closes every connection to a member: it was lost, or is a member no longer.
    func close(_ node: NodeID) {
        idle[node] = nil
        for connection in (open[node] ?? [:]).values { connection.close() }
    }

    private func connection(to node: NodeID) async throws -> HTTPConnection {
        while true {
            if let connection = idleConnection(to: node) {
                wakeNext(node)
                return connection
            }
            guard making[node, default: Making()].count >= Self.mostAtOnce else { break }
            let turn = await withCheckedContinuation { making[node, default: Making()].waiting.append($0) }
            switch turn {
            case .take(let connection) where connection.isActive: return connection
            case .take, .make: continue
            case .failed(let error): throw error
            }
        }
        making[node, default: Making()].count += 1
        do {
            let connection = try await made(to: node)
            ended(node) { .make }
            return connection
        } catch {
            // Whoever waited for as long would fare no better.
            ended(node) { .failed(error) }
            throw error
        }
    }

    /// A connection was made, or can't be: who waits goes on, of those that may make one themselves the first.
    private func ended(_ node: NodeID, _ turn: () -> Turn) {
        guard var now = making.removeValue(forKey: node) else { return }
        now.count -= 1
        switch turn() {
        case .failed(let error):
            for waiter in now.waiting { waiter.resume(returning: .failed(error)) }
            now.waiting = []
        case .make, .take: if !now.waiting.isEmpty { now.waiting.removeFirst().resume(returning: .make) }
        }
        if now.count > 0 || !now.waiting.isEmpty { making[node] = now }
    }

    /// Whoever had a turn and needs none any more passes it on.
    private func wakeNext(_ node: NodeID) {
        guard let now = making[node], now.count < Self.mostAtOnce, !now.waiting.isEmpty else { return }
        making[node]?.waiting.removeFirst().resume(returning: .make)
    }

    private func made(to node: NodeID) async throws -> HTTPConnection {
        let end = ContinuousClock.now + Self.patience
        while true {
            do {
                return try await dedicatedConnection(to: node).connection
            } catch let error as OfficeError where error == PeerConnector.busy {
                // By its event stream it is there: a machine on which much goes on is no absent one.
                guard ContinuousClock.now < end, await directory[node]?.presence == .online else {
                    throw PeerConnector.unreachable
                }
            }
        }
    }

    private func idleConnection(to node: NodeID) -> HTTPConnection? {
        while let last = idle[node]?.popLast() {
            if last.connection.isActive, .now - last.since < Self.idleTime { return last.connection }
            last.connection.close()
        }
        return nil
    }

    private func release(_ connection: HTTPConnection, of node: NodeID) {
        guard connection.isReusable else { return connection.close() }
        if making[node]?.waiting.isEmpty == false {
            making[node]?.waiting.removeFirst().resume(returning: .take(connection))
            return
        }
        guard idle[node, default: []].count < Self.mostIdle else { return connection.close() }
        idle[node, default: []].append((connection, .now))
    }

    private func ended(_ connection: HTTPConnection, of node: NodeID) {
        open[node]?[ObjectIdentifier(connection)] = nil
        if open[node]?.isEmpty == true { open[node] = nil }
        idle[node]?.removeAll { $0.connection === connection }
    }

    private func closeEverything() {
        for connection in open.values.flatMap(\.values) { connection.close() }
    }
}

extension HTTPField.Name {
    /// The local user on whose behalf a member asks, percent-encoded.
    static let officeshareUser = Self.known("Officeshare-User")
    /// See `PeerHello.incarnation`.
    static let incarnation = Self.known("Officeshare-Incarnation")

    static func known(_ name: String) -> Self {
        // A literal of token characters always is a field name.
        guard let field = Self(name) else { preconditionFailure("not a field name: \(name)") }
        return field
    }
}
