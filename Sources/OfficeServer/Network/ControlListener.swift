import CLinux
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import OfficeConfiguration
import OfficeControl
import OfficeCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// This machine's face: HTTP/1.1 on the control socket, every connection with its caller's credentials.
///
/// The socket is open to every local user (mode 0666): who may do what is decided by who calls.
struct ControlListener: Service {
    typealias Responder = @Sendable (LocalCaller) -> HTTPChannelHandler.Responder

    let path: String
    let live: LiveSettings
    let group: any EventLoopGroup
    let budget: ByteBudget
    let logger: Logger
    /// Told once it listens.
    let listening: @Sendable () async -> Void
    let responder: Responder

    init(
        path: String, live: LiveSettings, group: any EventLoopGroup, budget: ByteBudget, logger: Logger,
        listening: @escaping @Sendable () async -> Void, responder: @escaping Responder
    ) {
        self.path = path
        self.live = live
        self.group = group
        self.budget = budget
        self.logger = logger
        self.listening = listening
        self.responder = responder
    }

    func run() async throws {
        let socket = try Self.listen(on: path)
        let callers = CallerCounts { [live] in
            let limits = live.limits
            return .init(total: limits.controlConnections, perUser: limits.controlConnectionsPerUser)
        }
        let acceptor = LocalAcceptor(
            label: "officeshare.control.accept", sockets: [socket], counts: callers, logger: logger
        ) {
            LocalCaller(ofSocket: $0)
        }
        await acceptor.run {
            await listening()
        } serve: {
            await serve($0, $1)
        }
        unlink(path)
    }

    private func serve(_ descriptor: CInt, _ caller: LocalCaller) async {
        let http = HTTP1Channel(responder: responder(caller), configuration: .bounded(by: live.limits, budget))
        do {
            let channel = try await ClientBootstrap(group: group)
                .channelOption(.recvAllocator, value: .peers)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.writeBufferWaterMark, value: .init(low: 512 << 10, high: 2 << 20))
                .withConnectedSocket(descriptor) { http.setup(channel: $0, logger: logger) }
            await http.handle(value: channel, logger: logger)
        } catch {
            logger.debug("a control connection ended early", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// A listening socket at `path`, in place of one that a killed daemon left behind.
    private static func listen(on path: String) throws(OfficeError) -> CInt {
        func failure(_ why: String) -> OfficeError {
            OfficeError(.unavailable, path, "\(why) (\(String(cString: strerror(errno))))")
        }
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        if !directory.isEmpty { mkdir(directory, 0o755) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw OfficeError(
                .configuration, path, "the socket's path is \(bytes.count) bytes long, at most 107 are possible",
                mend: "Set 'controlSocket' to a shorter path.")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(
            AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("a socket can't be made") }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        func withAddress(_ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, length) }
            }
        }
        // Somebody who answers there is another daemon; nobody is the rest of one that was killed.
        if withAddress({ connect(descriptor, $0, $1) }) == 0 {
            close(descriptor)
            throw OfficeError(
                .exists, path, "another officeshared is running there",
                mend: "Stop it with 'systemctl stop officeshared'.")
        }
        unlink(path)
        guard withAddress({ bind(descriptor, $0, $1) }) == 0 else { throw failure("the control socket can't be made") }
        chmod(path, 0o666)
        guard Glibc.listen(descriptor, 128) == 0 else { throw failure("the control socket can't be listened on") }
        return descriptor
    }
}
