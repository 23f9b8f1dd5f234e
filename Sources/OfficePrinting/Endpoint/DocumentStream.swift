import NIOCore
import OfficeCore
import Synchronization

/// A document on its way to the desk, counted, cut off where it is past the limit or its job was canceled.
struct DocumentStream: AsyncSequence, Sendable {
    let base: EndpointRequest.Document
    let limit: Int64
    let stop: StopFlag
    let count = ByteCount()

    init(_ base: EndpointRequest.Document, limit: Int64, stop: StopFlag) {
        self.base = base
        self.limit = limit
        self.stop = stop
    }

    final class ByteCount: Sendable {
        private let state = Mutex(Int64(0))
        func add(_ more: Int) -> Int64 {
            state.withLock { count in
                count += Int64(more)
                return count
            }
        }
        var value: Int64 { state.withLock { $0 } }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: any AsyncIteratorProtocol<ByteBuffer, any Error>
        let limit: Int64
        let stop: StopFlag
        let count: ByteCount

        mutating func next() async throws -> ByteBuffer? {
            try await next(isolation: nil)
        }

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
            guard !stop.isSet else { throw OfficeError(.changed, "job", "it was canceled") }
            guard let piece = try await base.next(isolation: actor) else { return nil }
            guard count.add(piece.readableBytes) <= limit else {
                throw OfficeError(.limit, "document", "it is over \(limit) bytes")
            }
            return piece
        }
    }

    /// Why the desk didn't get all of it, where that was decided here.
    var refusal: IPPRefusal? {
        if stop.isSet { return IPPRefusal(.jobCanceled, "the job was canceled") }
        guard count.value > limit else { return nil }
        return IPPRefusal(.entityTooLarge, "the document is over \(limit) bytes, the most there may be")
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: base.makeAsyncIterator(), limit: limit, stop: stop, count: count)
    }
}
