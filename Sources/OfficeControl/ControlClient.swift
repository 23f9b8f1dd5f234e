package import HTTPTypes
package import NIOCore
import NIOPosix
package import OfficeCore
package import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The daemon on this machine, over its control socket: all that the command line knows of the office.
///
/// Each call has a connection of its own: on a Unix socket one costs microseconds.
package struct ControlClient: Sendable {
    package static let defaultSocket = "/run/officeshare/control.sock"
    /// Bytes of an answer that is read whole.
    private static let largestAnswer = 64 << 20

    private let socketPath: String
    private let group: any EventLoopGroup

    package init(socketPath: String, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) {
        self.socketPath = socketPath
        self.group = group
    }

    /// Asks for JSON.
    package func get<Answer: Decodable & Sendable>(_ path: String, as type: Answer.Type = Answer.self) async throws
        -> Answer
    {
        try await call(.get, path, body: nil)
    }

    /// Sends JSON, and decodes the JSON that comes back.
    package func send<Answer: Decodable & Sendable>(
        _ method: HTTPRequest.Method, _ path: String, _ body: (some Encodable & Sendable)?,
        as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        try await call(method, path, body: try body.map { ByteBuffer(bytes: try JSONEncoder().encode($0)) })
    }

    /// Sends JSON; the answer has no body.
    package func perform(_ method: HTTPRequest.Method, _ path: String, _ body: (some Encodable & Sendable)?)
        async throws
    {
        let bytes = try body.map { ByteBuffer(bytes: try JSONEncoder().encode($0)) }
        _ = try await bytesOf(method, path, body: bytes)
    }

    /// Follows a stream of lines until it ends or `take` throws.
    package func lines(_ path: String, _ take: @escaping @Sendable (String) async throws -> Void) async throws {
        try await exchange(.get, path, contentType: nil, send: nil) { body in
            try await Self.follow(body, take)
        }
    }

    /// Sends a stream of lines and follows another, both at the same time, until the answer ends or either throws.
    package func converse(
        _ path: String, send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        _ take: @escaping @Sendable (String) async throws -> Void
    ) async throws {
        try await exchange(.post, path, contentType: "application/x-ndjson", send: send) { body in
            try await Self.follow(body, take)
        }
    }

    private static func follow(_ body: BodyStream, _ take: (String) async throws -> Void) async throws {
        var splitter = LineSplitter(limit: 1 << 20)
        for try await piece in body {
            for line in try splitter.feed(piece) { try await take(line) }
        }
    }

    /// Sends a body of any length; the answer has none.
    package func upload(
        _ method: HTTPRequest.Method, _ path: String,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void
    ) async throws {
        try await exchange(method, path, contentType: "application/octet-stream", send: send) { body in
            for try await _ in body {}
        }
    }

    private func call<Answer: Decodable & Sendable>(
        _ method: HTTPRequest.Method, _ path: String, body: ByteBuffer?
    ) async throws -> Answer {
        let bytes = try await bytesOf(method, path, body: body)
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(bytes.readableBytesView))
        } catch {
            throw OfficeError(
                .fault, path, "the daemon's answer can't be read",
                mend: "Check that officeshare and officeshared are of one version.")
        }
    }

    private func bytesOf(_ method: HTTPRequest.Method, _ path: String, body: ByteBuffer?) async throws -> ByteBuffer {
        let sendWhole: @Sendable (BodyWriter) async throws -> Void = { write in
            if let body { try await write(body) }
        }
        return try await exchange(
            method, path, contentType: body == nil ? nil : "application/json", contentLength: body?.readableBytes,
            send: body == nil ? nil : sendWhole
        ) { stream in
            var whole = ByteBuffer()
            for try await piece in stream {
                guard whole.readableBytes + piece.readableBytes <= Self.largestAnswer else {
                    throw OfficeError(.limit, path, "the daemon's answer is over \(Self.largestAnswer) bytes")
                }
                whole.writeImmutableBuffer(piece)
            }
            return whole
        }
    }

    private func exchange<Answer: Sendable>(
        _ method: HTTPRequest.Method, _ path: String, contentType: String?, contentLength: Int? = nil,
        send: (@Sendable (_ write: BodyWriter) async throws -> Void)?,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let connection = try await connect()
        var request = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path)
        if let contentType { request.headerFields[.contentType] = contentType }
        if send != nil {
            if let contentLength {
                request.headerFields[.contentLength] = String(contentLength)
            } else {
                request.headerFields[.transferEncoding] = "chunked"
            }
        }
        let head = request
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await connection.run() }
            defer { connection.close() }
            return try await connection.exchange(head, send: send) { _, body in try await receive(body) }
        }
    }

    private func connect() async throws -> HTTPConnection {
        do {
            let prepared = try await ClientBootstrap(group: group)
                .channelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 16 << 10, initial: 256 << 10, maximum: 1 << 20)
                )
                .connect(unixDomainSocketPath: socketPath) { channel in
                    channel.eventLoop.makeCompletedFuture { try HTTPConnection.addHandlers(to: channel) }
                }
            return HTTPConnection(prepared)
        } catch {
            throw OfficeError(
                .unavailable, "officeshared", "it doesn't answer on \(socketPath)",
                mend: "Start it with 'systemctl start officeshared'.")
        }
    }
}

extension ControlClient: ShareTransport {
    package func exchange<Answer: Sendable>(
        node: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let server = server.map { "?server=\(percentEncoded($0.bytes))" } ?? ""
        return try await exchange(
            .post, "\(Self.path(node, share))/\(verb.rawValue)\(server)", contentType: FrameMediaType.name, send: send,
            receive: receive)
    }

    package func copies(node: Label, share: Label) async -> [Label] {
        let names: [String]? = try? await get(Self.path(node, share) + "/copies")
        return (names ?? []).compactMap { try? Label($0) }
    }

    package func reading(_ reading: ContentReading, node: Label, share: Label) async -> ContentDemand? {
        let path = "/v1/readings/\(percentEncoded(node.bytes))/\(percentEncoded(share.bytes))"
        let answer: DemandModel? = try? await send(.post, path, ReadingModel(reading))
        return answer?.demand
    }

    package func fetchShared<Answer: Sendable>(
        _ content: ContentRoot, node: Label, share: Label, from source: SharedSource,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let query =
            switch source {
            case .keeper(let name): "server=\(percentEncoded(name.bytes))"
            case .holder(let name): "holder=\(percentEncoded(name.bytes))"
            }
        return try await exchange(
            .post, "\(Self.path(node, share))/\(ShareVerb.fetch.rawValue)?\(query)&content=\(content)",
            contentType: FrameMediaType.name, send: send, receive: receive)
    }

    private static func path(_ node: Label, _ share: Label) -> String {
        "/v1/nodes/\(percentEncoded(node.bytes))/shares/\(percentEncoded(share.bytes))"
    }

    /// An exchange of frames with whatever is at a path.
    func exchangeFrames<Answer: Sendable>(
        _ path: String, send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        try await exchange(.post, path, contentType: FrameMediaType.name, send: send, receive: receive)
    }
}

/// The media type of share exchanges.
package enum FrameMediaType {
    package static let name = "application/x-officeshare-frames"
}
