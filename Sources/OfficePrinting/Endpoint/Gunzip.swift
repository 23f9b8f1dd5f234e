import CZlib
import NIOCore
import OfficeCore

/// A document that comes compressed by gzip (RFC 1952), as it was before: piece by piece, in flat memory.
///
/// What comes out is bounded by whoever reads it, who stops reading; a stream that is corrupt, or ends before its time,
/// throws `.malformed`.
struct Gunzipped: AsyncSequence, Sendable {
    /// Bytes that come out at once.
    static let pieceBytes = 128 << 10

    let base: EndpointRequest.Document

    init(_ base: EndpointRequest.Document) { self.base = base }

    struct AsyncIterator: AsyncIteratorProtocol {
        private var base: any AsyncIteratorProtocol<ByteBuffer, any Error>
        private let inflater: Inflater
        private var pending = ByteBuffer()

        init(_ base: any AsyncIteratorProtocol<ByteBuffer, any Error>) {
            self.base = base
            inflater = Inflater()
        }

        mutating func next() async throws -> ByteBuffer? { try await next(isolation: nil) }

        mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> ByteBuffer? {
            while true {
                if pending.readableBytes > 0 || inflater.holdsOutput {
                    let piece = try inflater.inflate(&pending)
                    if piece.readableBytes > 0 { return piece }
                    continue
                }
                guard let next = try await base.next(isolation: actor) else {
                    guard inflater.isAtEnd else { throw Inflater.corrupt }
                    return nil
                }
                pending = next
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base.makeAsyncIterator()) }
}

/// zlib's state; used by one iterator, and so by one task at a time.
private final class Inflater {
    static let corrupt = OfficeError(.malformed, "document", "it isn't what gzip makes")

    private var stream = z_stream()
    private let isReady: Bool
    private var hasBegun = false
    /// Whether a whole member has come out, and nothing of another has come yet.
    private(set) var isAtEnd = false
    /// Whether more may come out of what went in already.
    private(set) var holdsOutput = false

    init() { isReady = os_gunzip_begin(&stream) == Z_OK }

    deinit { if isReady { inflateEnd(&stream) } }

    /// Takes of the input what it can use, and gives what comes out of it: perhaps nothing yet.
    func inflate(_ input: inout ByteBuffer) throws(OfficeError) -> ByteBuffer {
        guard isReady else { throw OfficeError(.io, "document", "there is no memory to unpack it") }
        if isAtEnd {
            // gzip's files may be several in a row.
            guard inflateReset(&stream) == Z_OK else { throw Self.corrupt }
            isAtEnd = false
        }
        var output = ByteBufferAllocator().buffer(capacity: Gunzipped.pieceBytes)
        var status = Z_OK
        let before = input.readableBytes
        var rest = 0
        input.withUnsafeReadableBytes { bytes in
            stream.next_in = UnsafeMutablePointer(
                mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(bytes.count)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: Gunzipped.pieceBytes) { room in
                stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(Gunzipped.pieceBytes)
                status = CZlib.inflate(&stream, Z_NO_FLUSH)
                return Gunzipped.pieceBytes - Int(stream.avail_out)
            }
            rest = Int(stream.avail_in)
        }
        stream.next_in = nil
        stream.next_out = nil
        input.moveReaderIndex(forwardBy: before - rest)
        holdsOutput = status == Z_OK && output.readableBytes == Gunzipped.pieceBytes
        switch status {
        case Z_STREAM_END: isAtEnd = true
        case Z_OK: break
        // Nothing went in and nothing came out: more input is wanted.
        case Z_BUF_ERROR where rest == 0: holdsOutput = false
        default: throw Self.corrupt
        }
        return output
    }
}
