import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import OfficeControl
import OfficeCore

#if canImport(Glibc)
    import Glibc
#endif

/// Makes a TLS connection to a node, over whichever of its addresses answers first (happy eyeballs, RFC 8305).
struct PeerConnector: Sendable {
    /// How long after one address the next is tried beside it.
    static let stagger = Duration.milliseconds(120)
    /// How long one address has to connect and shake hands.
    private static let patience = TimeAmount.seconds(3)
    /// Milliseconds after which unacknowledged bytes end a connection (TCP_USER_TIMEOUT, RFC 5482). Not shorter: it
    /// also ends one whose reader pauses. That a peer is gone is known earlier, from its event stream.
    static let userTimeout = 30_000
    /// Addresses that are tried of one node.
    private static let mostAddresses = 16

    static let unreachable = OfficeError(.unavailable, "node", "none of its addresses answers")
    /// Its machine takes connections; it, or this one, is too busy to shake hands in time, or it stands still.
    static let busy = OfficeError(.unavailable, "node", "it takes connections and doesn't answer in time")

    struct Connected: Sendable {
        let connection: HTTPConnection
        let endpoint: Endpoint
        let presented: PeerTLS.Presented
    }

    let tls: PeerTLS
    let group: any EventLoopGroup
    let names: NIOThreadPool
    let budget: ByteBudget

    init(tls: PeerTLS, group: any EventLoopGroup, names: NIOThreadPool, budget: ByteBudget) {
        self.budget = budget
        self.tls = tls
        self.group = group
        self.names = names
    }

    /// The first connection whose key `admit` confirms; the others are closed.
    ///
    /// - Parameter headStart: How long after the first address the second is tried beside it.
    ///
    /// Throws `unreachable` or `busy` where no address answers. The connection's `run()` is the caller's to call, always.
    func connect(
        to endpoints: [Endpoint], joining: Bool = false, headStart: Duration = stagger,
        admit: @escaping @Sendable (NodeID) -> Bool
    ) async throws -> Connected {
        let candidates = endpoints.prefix(Self.mostAddresses)
        return try await withThrowingTaskGroup(of: Connected?.self) { tasks in
            for (place, endpoint) in candidates.enumerated() {
                tasks.addTask {
                    if place > 0 { try await Task.sleep(for: headStart + Self.stagger * (place - 1)) }
                    do {
                        return try await self.connect(to: endpoint, joining: joining, admit: admit)
                    } catch let error as OfficeError where error == Self.busy {
                        throw error
                    } catch {
                        return nil
                    }
                }
            }
            var winner: Connected?
            var isBusy = false
            while let result = await tasks.nextResult() {
                if case .failure(let error as OfficeError) = result, error == Self.busy { isBusy = true }
                guard case .success(let connected?) = result else { continue }
                if winner == nil {
                    winner = connected
                    tasks.cancelAll()
                } else {
                    await connected.connection.discard()
                }
            }
            guard let winner else { throw isBusy ? Self.busy : Self.unreachable }
            return winner
        }
    }

    private func connect(
        to endpoint: Endpoint, joining: Bool, admit: @escaping @Sendable (NodeID) -> Bool
    ) async throws -> Connected {
        let address = try await names.runIfActive { try endpoint.resolved() }
        let presented = PresentedBox()
        let loop = group.next()
        let handshake = loop.makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: loop)
            .connectTimeout(Self.patience)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_USER_TIMEOUT)),
                value: Self.userTimeout
            )
            .channelOption(.recvAllocator, value: .peers)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try tls.clientHandler(joining: joining, presented: presented, admit: admit)
                    try channel.pipeline.syncOperations.addHandler(handler)
                    try channel.pipeline.syncOperations.addHandler(
                        HandshakeHandler(promise: handshake, deadline: Self.patience))
                }
            }
            .connect(to: address)
            .flatMapErrorThrowing { error in
                handshake.fail(error)
                throw error
            }.get()
        let connected = ContinuousClock.now
        do {
            try await handshake.futureResult.get()
            guard let peer = presented.presented else { throw HTTPConnection.lost }
            let prepared = try await channel.eventLoop.submit { [budget] in
                try HTTPConnection.addHandlers(to: channel, budget: budget)
            }.get()
            return Connected(connection: HTTPConnection(prepared), endpoint: endpoint, presented: peer)
        } catch {
            channel.close(mode: .all, promise: nil)
            if ContinuousClock.now - connected >= .nanoseconds(Self.patience.nanoseconds) { throw Self.busy }
            throw error
        }
    }
}

extension RecvByteBufferAllocator where Self == AdaptiveRecvByteBufferAllocator {
    /// Sized for blocks: TLS records come sixteen and more to a read. With one such read at a time (`maxMessagesPerRead`):
    /// what TLS decrypts of several is one piece, of up to a megabyte, that grows by copying.
    static var peers: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 64 << 10, maximum: 256 << 10)
    }
}

extension HTTPConnection {
    /// Ends a connection that nobody will use.
    func discard() async {
        close()
        await run()
    }
}

/// Tells when a TLS handshake is done, has failed, or took too long.
final class HandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = Any

    private let promise: EventLoopPromise<Void>
    private let deadline: TimeAmount
    private var timer: Scheduled<Void>?

    /// `promise` is completed exactly once, whatever happens to the channel it was added to.
    init(promise: EventLoopPromise<Void>, deadline: TimeAmount) {
        self.promise = promise
        self.deadline = deadline
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: deadline) { channel.close(mode: .all, promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            timer?.cancel()
            promise.succeed()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        promise.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        promise.fail(ChannelError.eof)
    }
}
