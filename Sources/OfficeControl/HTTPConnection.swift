package import HTTPTypes
import NIOConcurrencyHelpers
package import NIOCore
import NIOHTTP1
package import NIOHTTPTypes
import NIOHTTPTypesHTTP1
package import OfficeCore
package import OfficeTransfer

/// One HTTP/1.1 connection as a client sees it: exchanges one after another, each with a streamed body both ways.
///
/// Used by the command line over the control socket and by the daemon over TLS to its peers. `run()` carries
/// the connection and has to be running while `exchange` is called; when it returns the connection is closed.
package final class HTTPConnection: Sendable {
    package typealias Wrapped = NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>

    /// Bytes of an error's body that are read; the rest is nothing we would show.
    private static let largestErrorBody = 64 << 10

    /// A channel that turns bytes into HTTP parts, and what it holds of its node's budget.
    package struct Prepared: Sendable {
        fileprivate let wrapped: Wrapped
        fileprivate let taken: ByteBudget.Account
        fileprivate let handed: ByteBudget.Account
    }

    private let wrapped: Wrapped
    private let taken: ByteBudget.Account
    private let handed: ByteBudget.Account
    private let jobs: AsyncStream<Job>
    private let queue: AsyncStream<Job>.Continuation
    private let spent = Flag()

    /// One exchange: runs in the connection's own task and says whether the connection can carry another.
    private struct Job: Sendable {
        let run: @Sendable (Inbound, NIOAsyncChannelOutboundWriter<HTTPRequestPart>) async -> Bool
        let refuse: @Sendable () -> Void
    }

    package init(_ prepared: Prepared) {
        wrapped = prepared.wrapped
        taken = prepared.taken
        handed = prepared.handed
        (jobs, queue) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .unbounded)
    }

    /// Adds what turns bytes into HTTP parts to a connected (and, for TLS, verified) channel. On its event loop.
    package static func addHandlers(
        to channel: any Channel, budget: ByteBudget = ByteBudget()
    ) throws -> Prepared {
        try channel.pipeline.syncOperations.addHTTPClientHandlers(enableOutboundHeaderValidation: false)
        try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPClientCodec())
        let handler = ClientBudgetHandler(budget)
        try channel.pipeline.syncOperations.addHandler(handler)
        let wrapped = try Wrapped(
            wrappingChannelSynchronously: channel,
            configuration: .init(
                backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8), isOutboundHalfClosureEnabled: false))
        return Prepared(wrapped: wrapped, taken: handler.taken, handed: handler.handed)
    }

    package var isActive: Bool { wrapped.channel.isActive }

    /// Whether another exchange can follow: the last one was sent and answered whole.
    package var isReusable: Bool { wrapped.channel.isActive && !spent.isSet }

    /// Closes at once; what runs fails.
    package func close() {
        queue.finish()
        wrapped.channel.close(mode: .all, promise: nil)
    }

    /// Carries the connection until it is closed by either side.
    package func run() async {
        do {
            try await wrapped.executeThenClose { parts, outbound in
                let inbound = Inbound(parts.makeAsyncIterator(), taken)
                for await job in jobs {
                    guard await job.run(inbound, outbound) else { break }
                }
            }
        } catch {
            // How a connection ends is told to the exchange that was running on it.
        }
        queue.finish()
        for await job in jobs { job.refuse() }
    }

    /// Sends a request and receives its answer, both at the same time; see `ShareTransport.exchange`.
    ///
    /// Cancelling the calling task closes the connection. Throws what the other side answered, or `.temporary`
    /// where the connection was lost.
    package func exchange<Answer: Sendable>(
        _ request: HTTPRequest,
        send: (@Sendable (_ write: BodyWriter) async throws -> Void)?,
        receive: @escaping @Sendable (_ response: HTTPResponse, _ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let (spent, handed) = (self.spent, self.handed)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let job = Job(
                    run: { inbound, outbound in
                        let outcome = await Self.perform(request, send, receive, inbound, outbound, handed)
                        if !outcome.reusable { spent.set() }
                        continuation.resume(with: outcome.answer)
                        return outcome.reusable
                    },
                    refuse: { continuation.resume(throwing: HTTPConnection.lost) }
                )
                if case .terminated = queue.yield(job) { job.refuse() }
            }
        } onCancel: {
            close()
        }
    }

    package static let lost = OfficeError(.temporary, "connection", "it was lost", mend: "Run the same again.")

    private static func perform<Answer: Sendable>(
        _ request: HTTPRequest,
        _ send: (@Sendable (BodyWriter) async throws -> Void)?,
        _ receive: @escaping @Sendable (HTTPResponse, BodyStream) async throws -> Answer,
        _ inbound: Inbound,
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPRequestPart>,
        _ handed: ByteBudget.Account
    ) async -> (answer: Result<Answer, any Error>, reusable: Bool) {
        do {
            return try await withThrowingTaskGroup(of: Void.self) { group in
                let sent = Flag()
                group.addTask {
                    try await outbound.write(.head(request))
                    if let send { try await Self.sendBody(send, outbound, handed) }
                    try await outbound.write(.end(nil))
                    sent.set()
                }
                let answer: Answer
                do {
                    answer = try await Self.readAnswer(inbound, receive)
                } catch {
                    // What the sender met says more than "the connection was lost", unless it was cancelled.
                    group.cancelAll()
                    if let sending = await Self.failure(of: &group), !(error is OfficeError) { throw sending }
                    throw error
                }
                let complete = sent.isSet && inbound.isComplete
                group.cancelAll()
                while (try? await group.next()) != nil {}
                return (.success(answer), complete)
            }
        } catch let error as OfficeError {
            return (.failure(error), inbound.isComplete && inbound.wasWhole)
        } catch {
            return (.failure(error is CancellationError ? error : HTTPConnection.lost), false)
        }
    }

    private static func sendBody(
        _ send: (BodyWriter) async throws -> Void, _ outbound: NIOAsyncChannelOutboundWriter<HTTPRequestPart>,
        _ handed: ByteBudget.Account
    ) async throws {
        try await send { piece in
            handed.hold(piece.readableBytes)
            try await outbound.write(.body(piece))
            try await handed.settle()
        }
    }

    private static func failure(of group: inout ThrowingTaskGroup<Void, any Error>) async -> OfficeError? {
        do {
            while try await group.next() != nil {}
            return nil
        } catch {
            return error as? OfficeError
        }
    }

    private static func readAnswer<Answer>(
        _ inbound: Inbound, _ receive: (HTTPResponse, BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let response = try await inbound.head()
        let body = BodyStream(inbound)
        guard response.status.kind == .successful else {
            var bytes = ByteBuffer()
            for try await piece in body where bytes.readableBytes < Self.largestErrorBody {
                bytes.writeImmutableBuffer(piece)
            }
            throw ErrorBody.decode(bytes, status: response.status.code)
        }
        let answer = try await receive(response, body)
        // What is left of the body, if it is short, makes the connection usable again.
        try await inbound.drain()
        return answer
    }
}

/// Set once by one task, read by others.
private final class Flag: Sendable {
    private let value = NIOLockedValueBox(false)
    func set() { value.withLockedValue { $0 = true } }
    var isSet: Bool { value.withLockedValue { $0 } }
}

extension HTTPConnection {
    /// The answers' parts, one after another, for as long as the connection lives. Used by one task at a time:
    /// the connection's.
    package final class Inbound: AsyncSequence {
        package typealias Element = ByteBuffer

        private var parts: NIOAsyncChannelInboundStream<HTTPResponsePart>.AsyncIterator
        /// Whether the last answer was read to its end.
        private(set) var isComplete = true
        private(set) var wasWhole = true

        private let taken: ByteBudget.Account
        /// Bytes of the piece that was given out last.
        private var given = 0

        init(
            _ parts: NIOAsyncChannelInboundStream<HTTPResponsePart>.AsyncIterator, _ taken: ByteBudget.Account
        ) {
            self.parts = parts
            self.taken = taken
        }

        /// The next answer's head; informational ones (1xx) are passed over.
        func head() async throws -> HTTPResponse {
            isComplete = false
            wasWhole = false
            while let part = try await parts.next(isolation: #isolation) {
                guard case .head(let response) = part else { continue }
                if response.status.kind != .informational { return response }
            }
            throw HTTPConnection.lost
        }

        fileprivate func nextPiece() async throws -> ByteBuffer? {
            // Who asks for the next is done with the last.
            taken.release(given)
            given = 0
            guard !isComplete else { return nil }
            while let part = try await parts.next(isolation: #isolation) {
                switch part {
                case .body(let buffer) where buffer.readableBytes > 0:
                    given = buffer.readableBytes
                    return buffer
                case .end:
                    isComplete = true
                    wasWhole = true
                    return nil
                default: continue
                }
            }
            isComplete = true
            throw HTTPConnection.lost
        }

        /// Reads a short rest; a long one costs more than a new connection.
        func drain() async throws {
            var rest = 64 << 10
            while rest > 0, let piece = try await nextPiece() { rest -= piece.readableBytes }
        }

        package struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate let inbound: Inbound
            package mutating func next() async throws -> ByteBuffer? { try await inbound.nextPiece() }
        }

        package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbound: self) }
    }
}
