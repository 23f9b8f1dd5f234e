import CLinux
@preconcurrency import Dispatch
import NIOPosix
import OfficeCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#endif

/// Accepts connections of this machine's programs, each with whose it is.
///
/// Not through NIO, because the kernel has to be asked about the caller by the descriptor, before a byte is read: of a
/// socket whose owner has closed it since, it may no longer tell.
struct LocalAcceptor<Caller: Sendable>: Sendable {
    /// For the queue on which it accepts.
    let label: String
    /// Listening, and its own from now on.
    let sockets: [CInt]
    let counts: CallerCounts
    /// Who is at the other end; nil for somebody who isn't served.
    let caller: @Sendable (CInt) -> Caller?
    let userID: @Sendable (Caller) -> UInt32

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
                        counts.end(userID(caller))
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
                guard descriptor >= 0 else { return }
                guard let caller = caller(descriptor), counts.begin(userID(caller)) else {
                    close(descriptor)
                    continue
                }
                accepted.yield((descriptor, caller))
            }
        }
        source.setCancelHandler {
            close(socket)
            accepted.finish()
        }
        source.activate()
        return source
    }
}
