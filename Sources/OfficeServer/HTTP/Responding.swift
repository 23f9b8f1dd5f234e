import AsyncAlgorithms
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Response {
    /// A value as JSON.
    static func json(_ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let body = ByteBuffer(bytes: try encoder.encode(value))
        return Response(
            status: .ok, headers: [.contentType: "application/json", .contentLength: String(body.readableBytes)],
            body: ResponseBody(byteBuffer: body))
    }

    static var nothing: Response { Response(status: .noContent) }

    /// An error as its status and its JSON.
    static func failure(_ error: OfficeError) -> Response {
        let body = ErrorBody.encode(error)
        return Response(
            status: .init(code: error.code.httpStatus),
            headers: [.contentType: "application/json", .contentLength: String(body.readableBytes)],
            body: ResponseBody(byteBuffer: body))
    }

    /// A body that is made while it is sent. When `produce` throws, the connection is closed: the answer is cut
    /// off visibly. When the caller goes away, `produce` is cancelled.
    ///
    /// - Parameter begin: Called before the first byte. What it returns is called when the last one was handed to the
    ///   connection, or the answer was given up.
    static func streaming(
        _ contentType: String, begin: @escaping @Sendable () -> @Sendable () -> Void = { {} },
        _ produce: @escaping @Sendable (_ write: @escaping BodyWriter) async throws -> Void
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: contentType],
            body: ResponseBody { writer in
                let end = begin()
                defer { end() }
                let pieces = AsyncThrowingChannel<ByteBuffer, any Error>()
                let isGone = NIOLockedValueBox(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        do {
                            try await produce { piece in
                                await pieces.send(piece)
                                if isGone.withLockedValue({ $0 }) { throw CancellationError() }
                            }
                            pieces.finish()
                        } catch {
                            pieces.fail(error)
                        }
                    }
                    // A piece may wait in a task that is not ours to cancel (a peer connection's own): nobody takes it
                    // any more, and it has to hear so.
                    defer {
                        isGone.withLockedValue { $0 = true }
                        pieces.finish()
                        group.cancelAll()
                    }
                    for try await piece in pieces { try await writer.write(piece) }
                }
                try await writer.finish(nil)
            })
    }
}

/// Counts one connection's requests.
final class RequestCount: Sendable {
    private let value = NIOLockedValueBox(0)

    /// The number of this request, from 1.
    func next() -> Int {
        value.withLockedValue { value in
            value += 1
            return value
        }
    }
}

/// Runs a router's answer for one request: errors become answers, an upload that nobody reads any more ends the
/// connection.
struct RequestAnswerer<Context: RequestContext>: Sendable {
    let responder: RouterResponder<Context>
    /// Requests on one connection before it is closed.
    let mostRequests: @Sendable () -> Int
    let logger: Logger

    @concurrent
    func answer(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel, context: Context,
        count: RequestCount
    ) async throws {
        let loop = channel.eventLoop
        let budget = try await loop.submit {
            let handler = try channel.pipeline.syncOperations.handler(type: ServerBudgetHandler.self)
            return (taken: handler.taken, handed: handler.handed)
        }.get()
        var request = request
        request.body = RequestBody(asyncSequence: BudgetedBody(body: request.body, taken: budget.taken))
        var response = await response(to: request, context: context)
        // What was refused may still be sending gigabytes.
        let isRefusedUpload = response.status.code >= 400 && request.headers[.transferEncoding] != nil
        let isLast = count.next() >= mostRequests() || isRefusedUpload
        if isLast { response.headers[.connection] = "close" }
        let body = response.body
        let paced = ResponseBody(contentLength: body.contentLength) { writer in
            try await body.write(BudgetedWriter(writer: writer, handed: budget.handed))
        }
        defer {
            loop.execute {
                try? channel.pipeline.syncOperations.handler(type: ServerBudgetHandler.self).passOver()
            }
        }
        try await writer.write(response: response.head, body: paced)
        if isLast {
            channel.eventLoop.scheduleTask(in: Self.lastWords) { channel.close(mode: .all, promise: nil) }
        }
    }

    /// Time for an answer to leave before its connection is closed.
    private static var lastWords: TimeAmount { .milliseconds(500) }

    private func response(to request: Request, context: Context) async -> Response {
        do {
            return try await responder.respond(to: request, context: context)
        } catch let error as OfficeError {
            return .failure(error)
        } catch let error as HTTPError {
            return .failure(
                OfficeError(.init(httpStatus: error.status.code), "request", error.body ?? "it was refused"))
        } catch {
            logger.error("a request failed", metadata: [LogKey.error: "\(error)"])
            return .failure(OfficeError(.fault, "request", "officeshared could not answer it", mend: "See its log."))
        }
    }
}

/// Writes a body no faster than its connection may hold.
private struct BudgetedWriter: ResponseBodyWriter {
    var writer: any ResponseBodyWriter
    let handed: ByteBudget.Account

    @concurrent mutating func write(_ buffer: ByteBuffer) async throws {
        handed.hold(buffer.readableBytes)
        try await writer.write(buffer)
        try await handed.settle()
    }

    @concurrent consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await writer.finish(trailingHeaders)
    }
}

/// A request's body: who asks for the next piece is done with the last.
private struct BudgetedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let body: RequestBody
    let taken: ByteBudget.Account

    struct AsyncIterator: AsyncIteratorProtocol {
        var pieces: RequestBody.AsyncIterator
        let taken: ByteBudget.Account
        var given = 0

        mutating func next() async throws -> ByteBuffer? {
            taken.release(given)
            given = 0
            let piece = try await pieces.next(isolation: #isolation)
            given = piece?.readableBytes ?? 0
            return piece
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: body.makeAsyncIterator(), taken: taken) }
}

extension Parameters {
    /// A path parameter as a name: percent-decoded once, checked once.
    func label(_ key: String) throws -> Label {
        guard let raw = self.get(key) else { throw OfficeError(.malformed, key, "it is missing") }
        return try Label(bytes: try percentDecoded(raw))
    }
}

extension Request {
    /// The body as JSON, at most `limit` bytes.
    func decoded<Value: Decodable>(as type: Value.Type, limit: Int) async throws -> Value {
        try await body.decoded(as: type, limit: limit)
    }
}
