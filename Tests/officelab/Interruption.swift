internal import Dispatch
internal import Glibc

/// Being asked to stop: Ctrl-C or SIGTERM.
enum Interruption {
    /// Waits for SIGINT or SIGTERM, which from now on no longer end the process by themselves.
    static func wait() async {
        for await _ in signals() { return }
    }

    /// Runs `body`; at Ctrl-C or SIGTERM its task is cancelled, so that it can take down what it has raised.
    static func cancelling(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let work = Task { try await body() }
        let watch = Task {
            await wait()
            work.cancel()
        }
        defer { watch.cancel() }
        try await work.value
    }

    private static func signals() -> AsyncStream<Int32> {
        AsyncStream { continuation in
            let queue = DispatchQueue(label: "officelab.signals")
            let sources = [SIGINT, SIGTERM].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler { continuation.yield(number) }
                source.activate()
                return source
            }
            let held = Held(sources)
            continuation.onTermination = { _ in held.cancel() }
        }
    }

    /// Unchecked: sources are thread-safe objects of libdispatch; this one only cancels them.
    private struct Held: @unchecked Sendable {
        private let sources: [any DispatchSourceSignal]
        init(_ sources: [any DispatchSourceSignal]) { self.sources = sources }
        func cancel() { for source in sources { source.cancel() } }
    }
}
