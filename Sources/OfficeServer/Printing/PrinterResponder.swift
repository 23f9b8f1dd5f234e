import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import OfficeCore
import OfficePrinting

/// HTTP of the printers: what isn't IPP, posted to a printer under this machine's own names, ends here.
struct PrinterResponder: Sendable {
    /// Time for an answer to leave before its connection is closed.
    private static let lastWords = TimeAmount.milliseconds(500)
    private static let mediaType = "application/ipp"

    let endpoint: PrintEndpoint
    let caller: EndpointCaller
    let mostSeconds: Int
    let logger: Logger

    private struct Refusal: Error {
        let status: HTTPResponse.Status
        let why: String
    }

    @concurrent
    func answer(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(Int64(mostSeconds))) {
            channel.close(mode: .all, promise: nil)
        }
        defer { deadline.cancel() }
        let response: Response
        do throws(Refusal) {
            let (queue, authority) = try check(request)
            if queue == nil {
                response = Self.icon
            } else {
                if request.headers[.expect]?.lowercased() == "100-continue" {
                    do { try await writer.writeInformationalHead(HTTPResponse(status: .continue)) } catch {
                        throw Refusal(status: .badRequest, why: "The connection ended.")
                    }
                }
                response = try await print(request, on: queue ?? "", at: authority)
            }
        } catch {
            // What was refused may still be sending gigabytes.
            channel.eventLoop.scheduleTask(in: Self.lastWords) { channel.close(mode: .all, promise: nil) }
            try await Self.write(Self.plain(error.status, error.why), writer)
            return
        }
        try await Self.write(response, writer)
    }

    // MARK: HTTP

    /// The queue that the path names, nil for the picture; and the authority that the caller used.
    private func check(_ request: Request) throws(Refusal) -> (queue: String?, authority: String) {
        guard let authority = request.head.authority, Self.isLocal(authority) else {
            throw Refusal(status: .misdirectedRequest, why: "The printers of this machine are at localhost.")
        }
        let path = request.head.path ?? ""
        if path == PrinterIcon.path {
            guard request.method == .get else { throw Refusal(status: .methodNotAllowed, why: "GET it.") }
            return (nil, authority)
        }
        guard let place = EndpointURI(path: path) else {
            throw Refusal(status: .notFound, why: "There is nothing here. Printers are at /printers/NAME.")
        }
        guard request.method == .post else {
            throw Refusal(status: .methodNotAllowed, why: "This is a printer: it takes IPP by POST.")
        }
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.filter { $0 != " " } }
        guard type?.lowercased() == Self.mediaType, request.headers[.contentEncoding] == nil else {
            throw Refusal(status: .unsupportedMediaType, why: "A printer takes \(Self.mediaType).")
        }
        return (place.queue, authority)
    }

    /// Only names that no DNS server has a say in: a page of the Web whose name is made to point here sends its own.
    static func isLocal(_ authority: String) -> Bool {
        var host = authority[...]
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") {
            let port = host[host.index(after: colon)...]
            guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return false
            }
            host = host[..<colon]
        }
        return ["localhost", "127.0.0.1", "[::1]"].contains(host.lowercased())
    }

    // MARK: IPP

    private func print(_ request: Request, on queue: String, at authority: String) async throws(Refusal) -> Response {
        let message: IPPMessage
        let document: EndpointRequest.Document?
        do {
            (message, document) = try await Self.read(request.body)
        } catch let error as OfficeError {
            let status: HTTPResponse.Status = error.code == .limit ? .contentTooLarge : .badRequest
            throw Refusal(status: status, why: error.description)
        } catch {
            throw Refusal(status: .badRequest, why: "The request ended early.")
        }
        let answer = await endpoint.answer(
            EndpointRequest(
                message: message, document: document, caller: caller, queueName: queue, authority: authority))
        do throws(OfficeError) {
            return Self.ok(Self.mediaType, try IPPCodec.encode(answer))
        } catch {
            logger.error("an IPP answer can't be written", metadata: [LogKey.error: "\(error)"])
            throw Refusal(status: .internalServerError, why: "The answer can't be written.")
        }
    }

    /// The message, and what follows it where anything does.
    @concurrent
    private static func read(_ body: RequestBody) async throws -> (IPPMessage, EndpointRequest.Document?) {
        var head = ByteBuffer()
        let pieces = BodyPieces(body)
        while let piece = try await pieces.next() {
            head.writeImmutableBuffer(piece)
            guard let decoded = try IPPCodec.decode(Array(head.readableBytesView)) else { continue }
            head.moveReaderIndex(forwardBy: decoded.length)
            while head.readableBytes == 0 {
                guard let next = try await pieces.next() else { return (decoded.message, nil) }
                head = next
            }
            return (decoded.message, PostedDocument(first: head, rest: pieces))
        }
        throw OfficeError(.malformed, "request", "there is no IPP message in it")
    }

    // MARK: Answers

    private static var icon: Response { ok("image/png", PrinterIcon.png) }

    private static func ok(_ type: String, _ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .contentLength: String(bytes.count), .cacheControl: "no-cache"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static func plain(_ status: HTTPResponse.Status, _ text: String) -> Response {
        let body = ByteBuffer(string: text + "\n")
        return Response(
            status: status,
            headers: [
                .contentType: "text/plain; charset=utf-8", .contentLength: String(body.readableBytes),
                .connection: "close",
            ], body: ResponseBody(byteBuffer: body))
    }

    @concurrent
    private static func write(_ response: Response, _ writer: consuming ResponseWriter) async throws {
        try await writer.write(response: response.head, body: response.body)
    }
}

/// What follows an IPP message in its request: the bytes that came with its end, then the rest of the body. It can be
/// read once.
private struct PostedDocument: AsyncSequence, Sendable {
    let first: ByteBuffer
    let rest: BodyPieces

    struct AsyncIterator: AsyncIteratorProtocol {
        var first: ByteBuffer?
        let rest: BodyPieces

        mutating func next() async throws -> ByteBuffer? {
            if let first {
                self.first = nil
                return first
            }
            return try await rest.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(first: first, rest: rest) }
}

/// A request's body, whose only iterator (it gives no second one) passes from who reads the message to who takes the
/// document.
///
/// `@unchecked`, because it is read by one task at a time: the responder's until it calls the endpoint, then whatever
/// task the desk receives in, which the responder awaits.
private final class BodyPieces: @unchecked Sendable {
    private var iterator: RequestBody.AsyncIterator

    init(_ body: RequestBody) { iterator = body.makeAsyncIterator() }

    @concurrent
    func next() async throws -> ByteBuffer? { try await iterator.next() }
}
