import CLinux
@preconcurrency import Dispatch
import Logging
import NIOPosix
import OfficeCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// Who has a share of the connections that this machine's programs may have.
protocol CountedCaller: Sendable {
    var userID: UInt32 { get }
    /// Whether this is somebody for whom some connections are kept.
    var manages: Bool { get }
}

/// Accepts connections of this machine's programs, each with whose it is.
///
/// Not through NIO, because the kernel has to be asked about the caller by the descriptor, before a byte is read: of a
/// socket whose owner has closed it since, it may no longer tell.
struct LocalAcceptor<Caller: CountedCaller>: Sendable {
    /// How long nothing is accepted after the process, or the machine, ran out of descriptors or memory. Who calls
    /// waits in the kernel's queue meanwhile: without the pause the socket would be ready, and fail, for ever.
    private static var pause: DispatchTimeInterval { .milliseconds(100) }

    /// For the queue on which it accepts.
    let label: String
    /// Listening, and its own from now on.
    let sockets: [CInt]
    let counts: CallerCounts
    let logger: Logger
    /// Who is at the other end; nil for somebody who isn't served.
    let caller: @Sendable (CInt) -> Caller?

    /// Serves connections until a graceful shutdown, and ends what is still being served then.
    ///
    /// - Parameters:
    ///   - listening: Called once connections are accepted.
    ///   - beside: What has to be done meanwhile.
    func run(
        listening: () async -> Void, beside: @escaping @Sendable () async -> Void = {},
        serve: @escaping @Sendable (CInt, Caller) async -> Void
    ) async {
        let (connections, accepted) = AsyncStream.makeStream(of: (CInt, Caller).self)
        let queue = DispatchQueue(label: label)
        let sources = sockets.map { source(on: $0, queue, accepted) }
        await listening()
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await beside() }
                for await (descriptor, caller) in connections {
                    tasks.addTask {
                        await serve(descriptor, caller)
                        counts.end(caller.userID)
                    }
                }
                tasks.cancelAll()
            }
        } onGracefulShutdown: {
            for source in sources { source.cancel() }
        }
        for source in sources { source.cancel() }
    }

    private func source(
        on socket: CInt, _ queue: DispatchQueue, _ accepted: AsyncStream<(CInt, Caller)>.Continuation
    ) -> any DispatchSourceRead {
        let source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: queue)
        source.setEventHandler {
            while true {
                let descriptor = os_accept(socket)
                if descriptor >= 0 {
                    take(descriptor, accepted)
                    continue
                }
                let reason = errno
                // Who hung up before it was accepted says nothing of who comes next.
                if reason == EINTR || reason == ECONNABORTED { continue }
                if Self.isShortage(reason) {
                    logger.warning(
                        "a connection has to wait", metadata: [LogKey.error: "\(String(cString: strerror(reason)))"])
                    source.suspend()
                    queue.asyncAfter(deadline: .now() + Self.pause) { source.resume() }
                }
                return
            }
        }
        source.setCancelHandler {
            close(socket)
            accepted.finish()
        }
        source.activate()
        return source
    }

    private func take(_ descriptor: CInt, _ accepted: AsyncStream<(CInt, Caller)>.Continuation) {
        guard let caller = caller(descriptor), counts.begin(caller.userID, manages: caller.manages) else {
            close(descriptor)
            return
        }
        accepted.yield((descriptor, caller))
    }

    private static func isShortage(_ reason: CInt) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(reason)
    }
}
