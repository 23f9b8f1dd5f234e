package import NIOCore
package import OfficeCore

/// What can be asked of a share. Every verb is one exchange: frames in, frames out (`docs/protocol.md`).
package enum ShareVerb: String, Sendable, CaseIterable {
    /// Entries of a folder, streamed.
    case list
    /// Contents: wanted items in, blocks out.
    case fetch
    /// Uploads offered: items in, what the receiver still misses out.
    case offer
    /// Uploads carried out: blocks in, receipts out.
    case store
    /// Changes of names: make folder, move, remove.
    case change

    /// Whether it needs the share to be `rw` for the caller.
    package var writes: Bool {
        switch self {
        case .list, .fetch: false
        case .offer, .store, .change: true
        }
    }
}

/// Takes the next piece of a body; returns when there is room for another (back pressure).
package typealias BodyWriter = @Sendable (ByteBuffer) async throws -> Void

/// A body as it arrives: pieces of any size, none empty, each handed over once there is demand for it.
package struct BodyStream: AsyncSequence {
    package typealias Element = ByteBuffer
    package typealias Failure = any Error

    private let makeNext: () -> () async throws -> ByteBuffer?

    package init<S: AsyncSequence>(_ base: S) where S.Element == ByteBuffer {
        makeNext = {
            var iterator = base.makeAsyncIterator()
            return { try await iterator.next(isolation: #isolation) }
        }
    }

    /// The whole body at once.
    package init(_ buffer: ByteBuffer) {
        makeNext = {
            var rest: ByteBuffer? = buffer
            return {
                defer { rest = nil }
                return rest
            }
        }
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let nextPiece: () async throws -> ByteBuffer?
        package mutating func next() async throws -> ByteBuffer? { try await nextPiece() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextPiece: makeNext()) }
}

/// Carries one exchange to a share, wherever it is.
///
/// Real implementations: the CLI's, over the control socket; and the tests', which calls a `ShareResponder`
/// in the same process and can cut, stall and corrupt what it carries.
package protocol ShareTransport: Sendable {
    /// Sends a body and receives the answer's, both at the same time: `receive` may read while `send` still
    /// writes. Returns what `receive` returns once both are done; if `receive` returns or throws before `send`
    /// has finished, `send` is cancelled. Throws the error the other side answered with, or
    /// `.unavailable`/`.temporary` where it can't be reached or is lost on the way.
    ///
    /// - Parameter server: The node that is to answer: the share's own, or one that keeps a copy. nil: the owner, or
    ///   where it can't be reached whoever has a copy.
    func exchange<Answer: Sendable>(
        node: Label,
        share: Label,
        verb: ShareVerb,
        server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer

    /// The nodes besides the owner that could serve a share's contents now.
    func copies(node: Label, share: Label) async -> [Label]

    /// Says what is being read of a share, and hears whether others read the same: nil where nobody does.
    func reading(_ reading: ContentReading, node: Label, share: Label) async -> ContentDemand?

    /// A fetch of a content that others read too: what comes is kept here for them.
    func fetchShared<Answer: Sendable>(
        _ content: ContentRoot, node: Label, share: Label, from source: SharedSource,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer
}

extension ShareTransport {
    package func copies(node: Label, share: Label) async -> [Label] { [] }

    package func reading(_ reading: ContentReading, node: Label, share: Label) async -> ContentDemand? { nil }

    package func fetchShared<Answer: Sendable>(
        _ content: ContentRoot, node: Label, share: Label, from source: SharedSource,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        guard case .keeper(let server) = source else {
            throw OfficeError(.notFound, "transfer", "nobody holds it in passing")
        }
        return try await exchange(
            node: node, share: share, verb: .fetch, server: server, send: send, receive: receive)
    }

    /// With whoever answers for the share now.
    package func exchange<Answer: Sendable>(
        node: Label,
        share: Label,
        verb: ShareVerb,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        try await exchange(node: node, share: share, verb: verb, server: nil, send: send, receive: receive)
    }
}
