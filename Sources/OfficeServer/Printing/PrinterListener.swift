import CLinux
import HummingbirdCore
package import Logging
package import NIOCore
import NIOPosix
import OfficeConfiguration
package import OfficeCore
package import OfficePrinting
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// The face to this machine's print dialogues: IPP over HTTP/1.1 on 127.0.0.1 and ::1, every connection with the user
/// whose socket it is.
package struct PrinterListener: Service {
    /// How often jobs are looked for whose documents never came.
    private static let sweep = Duration.seconds(30)

    let port: UInt16
    let live: LiveSettings
    let endpoint: PrintEndpoint
    let group: any EventLoopGroup
    let logger: Logger
    let listening: @Sendable (_ port: UInt16) async -> Void

    /// - Parameters:
    ///   - port: 0: a free one (that `printing.port` 0 means none is the composition's matter).
    ///   - cups: The local CUPS, which tells its jobs apart.
    ///   - listening: Told the port once it listens.
    package init(
        port: UInt16, live: LiveSettings, desk: any PrintDesk, node: NodeID, cups: CUPSScheduler?,
        group: any EventLoopGroup, logger: Logger,
        listening: @escaping @Sendable (_ port: UInt16) async -> Void
    ) {
        self.port = port
        self.live = live
        self.group = group
        self.logger = logger
        self.listening = listening
        endpoint = PrintEndpoint(
            desk: desk, node: node, limits: live.current.printing.endpointLimits,
            clock: EndpointClock(wall: { Timestamp.now }), cups: cups,
            identified: { queue in
                logger.notice("somebody wants to see this printer", metadata: [LogKey.queue: "\(queue.localName)"])
            })
    }

    package func run() async throws {
        let sockets = try Self.listen(on: port)
        let speakers = LoopbackCaller.speakers()
        let counts = CallerCounts(exempt: speakers) { [live] in
            let printing = live.current.printing
            return .init(total: printing.connections, perUser: printing.connectionsPerUser)
        }
        let acceptor = LocalAcceptor(
            label: "officeshare.printing.accept", sockets: sockets, counts: counts, logger: logger
        ) { socket in
            let caller = LoopbackCaller(ofSocket: socket, speakers: speakers)
            if caller == nil {
                // Who is gone already is the usual case; a kernel without sock_diag is not.
                let why = errno
                logger.log(
                    level: why == ENOENT ? .debug : .warning, "who prints can't be told",
                    metadata: [LogKey.error: "\(String(cString: strerror(why)))"])
            }
            return caller
        }
        let port = os_bound_port(sockets[0])
        await acceptor.run {
            await listening(port)
        } beside: {
            while (try? await Task.sleep(for: Self.sweep)) != nil { await endpoint.expire() }
        } serve: {
            await serve($0, $1)
        }
    }

    private func serve(_ descriptor: CInt, _ caller: LoopbackCaller) async {
        let responder = PrinterResponder(
            endpoint: endpoint, caller: caller.caller, mostSeconds: live.current.printing.documentSeconds,
            logger: logger)
        let http = HTTP1Channel(
            responder: { try await responder.answer($0, $1, $2) }, configuration: .bounded(by: live.limits))
        do {
            let channel = try await ClientBootstrap(group: group)
                .channelOption(.recvAllocator, value: .peers)
                .withConnectedSocket(descriptor) { http.setup(channel: $0, logger: logger) }
            await http.handle(value: channel, logger: logger)
        } catch {
            logger.debug("a program's connection ended early", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Both loopback addresses on one port; 127.0.0.1 alone on a machine without IPv6.
    private static func listen(on port: UInt16) throws(OfficeError) -> [CInt] {
        let four = os_listen_loopback(0, port, 128)
        guard four >= 0 else { throw failure(port) }
        let six = os_listen_loopback(1, os_bound_port(four), 128)
        guard six < 0 else { return [four, six] }
        guard errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL else {
            let error = failure(port)
            close(four)
            throw error
        }
        return [four]
    }

    private static func failure(_ port: UInt16) -> OfficeError {
        OfficeError(
            .unavailable, "port \(port) for programs that print",
            "it can't be listened on (\(String(cString: strerror(errno))))",
            mend: "Stop what uses it, or set 'printing.port' in the configuration.")
    }
}

extension Settings.Printing {
    var endpointLimits: EndpointLimits {
        EndpointLimits(
            documentBytes: Int64(documentMegabytes) << 20, openJobs: openJobs, openJobsPerUser: openJobsPerUser,
            patience: .seconds(jobSeconds))
    }
}
