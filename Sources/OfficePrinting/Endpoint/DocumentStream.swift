import NIOCore
import OfficeCore
import Synchronization

/// A document on its way to the desk: unpacked where it comes packed, counted, cut off where it is past the limit or its
/// job was canceled. The limit is of what is unpacked and of what arrives, for neither is bounded by the other: a packed
/// stream may unfold a thousandfold, or go on for ever without a byte in it.
struct DocumentStream: AsyncSequence, Sendable {
    let base: EndpointRequest.Document
    let compression: Compression
    let limit: Int64
    let stop: StopFlag
    private let progress = Progress()

    init(_ base: EndpointRequest.Document, compression: Compression = .none, limit: Int64, stop: StopFlag) {
        self.base = base
        self.compression = compression
        self.limit = limit
        self.stop = stop
    }

    /// `compression-supported` (RFC 8011, section 5.4.32).
    enum Compression: String, Sendable, CaseIterable { case none, gzip }

    /// What is known of it outside, once the desk has given up.
    fileprivate final class Progress: Sendable {
        private struct State {
            var arrived: Int64 = 0
            var unpacked: Int64 = 0
            var isCorrupt = false
        }
        private let state = Mutex(State())

        func arrive(_ more: Int) { state.withLock { $0.arrived += Int64(more) } }
        func unpack(_ more: Int) { state.withLock { $0.unpacked += Int64(more) } }
        func corrupt() { state.withLock { $0.isCorrupt = true } }
        var most: Int64 { state.withLock { Swift.max($0.arrived, $0.unpacked) } }
        var isCorrupt: Bool { state.withLock { $0.isCorrupt } }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: any AsyncIteratorProtocol<ByteBuffer, any Error>
        fileprivate let gunzip: Gunzip?
        fileprivate let limit: Int64
        fileprivate let stop: StopFlag
        fileprivate let progress: Progress

        mutating func next() async throws -> ByteBuffer? {
            try await next(isolation: nil)
        }

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
            while true {
                guard !stop.isSet else { throw OfficeError(.changed, "job", "it was canceled") }
                if let piece = try unpacked({ gunzip throws(Gunzip.Corruption) in try gunzip.next() }) {
                    progress.unpack(piece.readableBytes)
                    try check()
                    return piece
                }
                guard let piece = try await base.next(isolation: actor) else {
                    try unpacked { gunzip throws(Gunzip.Corruption) in try gunzip.finish() }
                    return nil
                }
                progress.arrive(piece.readableBytes)
                try check()
                guard let gunzip else { return piece }
                gunzip.take(piece)
            }
        }

        private func unpacked<Result>(
            _ step: (Gunzip) throws(Gunzip.Corruption) -> Result?
        ) throws(OfficeError) -> Result? {
            guard let gunzip else { return nil }
            do { return try step(gunzip) } catch {
                progress.corrupt()
                throw OfficeError(.malformed, "document", "it can't be unpacked")
            }
        }

        private func check() throws(OfficeError) {
            guard progress.most <= limit else { throw OfficeError(.limit, "document", "it is over \(limit) bytes") }
        }
    }

    /// Why the desk didn't get all of it, where that was decided here.
    var refusal: IPPRefusal? {
        if stop.isSet { return IPPRefusal(.jobCanceled, "the job was canceled") }
        if progress.isCorrupt { return IPPRefusal(.compressionError, "the document is no whole \(compression)") }
        guard progress.most > limit else { return nil }
        return IPPRefusal(.entityTooLarge, "the document is over \(limit) bytes, the most there may be")
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            base: base.makeAsyncIterator(), gunzip: compression == .gzip ? Gunzip() : nil, limit: limit, stop: stop,
            progress: progress)
    }
}
