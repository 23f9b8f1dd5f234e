import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOPosix
import NIOSSL
import NIOTLS
import OfficeConfiguration
import OfficeControl
import OfficeCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// The members' face: HTTP/1.1 over TLS 1.3, on IPv4 and IPv6.
///
/// Who connects is decided by its key before a byte of HTTP is read: an active member on the members' ALPN, a
/// stranger only on the joining one and only while an invitation is open. Everybody else hears a TLS alert.
struct PeerListener: Service {
    /// What a connection is for, once its handshake is done.
    enum Purpose: Sendable {
        case member
        case joining
    }

    /// Decides by the key alone; called on an event loop, so it must not block.
    struct Admission: Sendable {
        var isMember: @Sendable (NodeID) -> Bool
        var isInviting: @Sendable () -> Bool
        init(isMember: @escaping @Sendable (NodeID) -> Bool, isInviting: @escaping @Sendable () -> Bool) {
            self.isMember = isMember
            self.isInviting = isInviting
        }
    }

    /// One accepted connection: its answerer knows who it is.
    typealias Responder =
        @Sendable (_ purpose: Purpose, _ peer: PeerTLS.Presented, _ remote: SocketAddress?) ->
        HTTPChannelHandler.Responder

    private struct Accepted: Sendable {
        let purpose: Purpose
        let peer: PeerTLS.Presented
        let channel: HTTP1Channel.Value
    }

    /// What needs a restart: where it listens.
    let settings: Settings
    let live: LiveSettings
    let tls: PeerTLS
    let group: any EventLoopGroup
    let registry: ConnectionRegistry
    let budget: ByteBudget
    let admission: Admission
    let responder: Responder
    let logger: Logger
    /// Told the port once it listens: another than configured when that was 0.
    let listening: @Sendable (_ port: Int) async -> Void

    init(
        live: LiveSettings, tls: PeerTLS, group: any EventLoopGroup, registry: ConnectionRegistry, budget: ByteBudget,
        admission: Admission, logger: Logger, listening: @escaping @Sendable (_ port: Int) async -> Void,
        responder: @escaping Responder
    ) {
        settings = live.current
        self.live = live
        self.tls = tls
        self.group = group
        self.registry = registry
        self.budget = budget
        self.admission = admission
        self.logger = logger
        self.listening = listening
        self.responder = responder
    }

    func run() async throws {
        let servers = try await bind()
        await listening(servers[0].channel.localAddress?.port ?? Int(settings.port))
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for server in servers {
                    group.addTask { await serve(server) }
                }
            }
        } onGracefulShutdown: {
            for server in servers { server.channel.close(mode: .all, promise: nil) }
            registry.closeAll { _ in false }
        }
    }

    private typealias Listening = NIOAsyncChannel<EventLoopFuture<Accepted>, Never>

    /// All addresses of the settings; with none, every address: IPv6 with IPv4 in it, or IPv4 alone without IPv6.
    private func bind() async throws -> [Listening] {
        let hosts = settings.listenAddresses.isEmpty ? ["::"] : settings.listenAddresses
        var servers: [Listening] = []
        for host in hosts {
            do {
                servers.append(try await bind(host))
            } catch {
                if settings.listenAddresses.isEmpty, let fallback = try? await bind("0.0.0.0") {
                    servers.append(fallback)
                    continue
                }
                for server in servers { try? await server.channel.close() }
                throw OfficeError(
                    .unavailable, "port \(settings.port)", "it can't be listened on at \(host) (\(error))",
                    mend: "Stop what uses it, or set 'port' in the configuration.")
            }
        }
        return servers
    }

    private func bind(_ host: String) async throws -> Listening {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_USER_TIMEOUT)),
                value: PeerConnector.userTimeout
            )
            .childChannelOption(.recvAllocator, value: .peers)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 512 << 10, high: 2 << 20))
            .bind(host: host, port: Int(settings.port)) { channel in accept(channel) }
    }

    /// Sets up a connection that has just been accepted; the inner future is done when the handshake is.
    private func accept(_ channel: any Channel) -> EventLoopFuture<EventLoopFuture<Accepted>> {
        channel.eventLoop.makeCompletedFuture {
            let source = PendingConnections.Source(channel.remoteAddress)
            guard registry.beginHandshake(channel, from: source) else { throw ChannelError.ioOnClosedChannel }
            let handshake = channel.eventLoop.makePromise(of: Void.self)
            let id = ObjectIdentifier(channel)
            handshake.futureResult.whenComplete { _ in registry.endHandshake(id, from: source) }
            do {
                return try secure(channel, handshake)
            } catch {
                handshake.fail(error)
                throw error
            }
        }
    }

    private func secure(
        _ channel: any Channel, _ handshake: EventLoopPromise<Void>
    ) throws -> EventLoopFuture<Accepted> {
        let presented = PresentedBox()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            tls.serverHandler(presented: presented) { admission.isMember($0) || admission.isInviting() })
        let negotiation = NIOTypedApplicationProtocolNegotiationHandler<Accepted> { result, channel in
            admit(result, presented.presented, channel)
        }
        try pipeline.addHandler(
            HandshakeHandler(promise: handshake, deadline: .seconds(Int64(live.limits.handshakeSeconds))))
        try pipeline.addHandler(negotiation)
        return negotiation.protocolNegotiationResult
    }

    /// After the handshake and before HTTP: the protocol asked for and the key decide together.
    private func admit(
        _ negotiated: ALPNResult, _ presented: PeerTLS.Presented?, _ channel: any Channel
    ) -> EventLoopFuture<Accepted> {
        let purpose: Purpose
        switch (negotiated, presented) {
        case (.negotiated(PeerTLS.memberProtocol), let peer?) where admission.isMember(peer.nodeID):
            guard registry.admit(channel, of: peer.nodeID) else { return refuse(channel) }
            purpose = .member
        case (.negotiated(PeerTLS.joinProtocol), .some) where admission.isInviting():
            registry.admitJoining(channel, from: .init(channel.remoteAddress))
            purpose = .joining
        default:
            return refuse(channel)
        }
        guard let presented else { return refuse(channel) }
        return http(purpose, presented, channel.remoteAddress).setup(channel: channel, logger: logger).map {
            Accepted(purpose: purpose, peer: presented, channel: $0)
        }
    }

    private func refuse(_ channel: any Channel) -> EventLoopFuture<Accepted> {
        channel.close(mode: .all, promise: nil)
        return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
    }

    private func http(_ purpose: Purpose, _ peer: PeerTLS.Presented, _ remote: SocketAddress?) -> HTTP1Channel {
        HTTP1Channel(responder: responder(purpose, peer, remote), configuration: .bounded(by: live.limits, budget))
    }

    private func serve(_ server: Listening) async {
        do {
            try await server.executeThenClose { connections in
                await withDiscardingTaskGroup { tasks in
                    do {
                        for try await connection in connections {
                            tasks.addTask { await serve(connection) }
                        }
                    } catch {
                        logger.debug("accepting connections ended", metadata: [LogKey.error: "\(error)"])
                    }
                    tasks.cancelAll()
                }
            }
        } catch {
            logger.debug("the listening socket was closed", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func serve(_ connection: EventLoopFuture<Accepted>) async {
        // A handshake that fails is a stranger's matter: nothing to say and nothing to do.
        guard let accepted = try? await connection.get() else { return }
        await http(accepted.purpose, accepted.peer, accepted.channel.channel.remoteAddress)
            .handle(value: accepted.channel, logger: logger)
    }
}
