internal import CZlib
import NIOCore

/// Unpacks gzip (RFC 1952) piece by piece: packed bytes in, pieces of at most 64 KiB out, whatever they unfold into. So
/// a bomb costs no memory, and who takes the pieces may stop at any of them. Members that follow one another are one
/// document, as the RFC has it; anything else behind the last one is an error.
///
/// Not `Sendable`: whoever reads the document has it alone.
final class Gunzip {
    /// These bytes aren't gzip, or not all of it.
    struct Corruption: Error {}

    private static let piece = 64 << 10

    /// zlib keeps a pointer to it, so it stays where it is.
    private let stream: UnsafeMutablePointer<z_stream>
    private var packed = ByteBuffer()
    /// Whether a member is at its end, and none has begun since.
    private var isAtEnd = false

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // It fails where memory ends, which Swift doesn't survive either, and for a zlib that isn't the header's.
        let status = os_gunzip_begin(stream)
        precondition(status == Z_OK, "zlib refuses to begin: \(status)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Takes packed bytes, once `next` has answered nil.
    func take(_ bytes: ByteBuffer) { packed = bytes }

    /// The next unpacked bytes; nil where more packed ones are needed. Throws where they can't be unpacked.
    func next() throws(Corruption) -> ByteBuffer? {
        var unpacked = ByteBuffer()
        while true {
            if isAtEnd {
                guard packed.readableBytes > 0 else { return nil }
                guard inflateReset(stream) == Z_OK else { throw Corruption() }
                isAtEnd = false
            }
            let before = packed.readableBytes
            switch inflate(into: &unpacked) {
            case Z_STREAM_END: isAtEnd = true
            // No progress: either there is nothing more to unpack from, or it would be tried for ever.
            case Z_BUF_ERROR where before > 0: throw Corruption()
            case Z_OK, Z_BUF_ERROR: break
            default: throw Corruption()
            }
            if unpacked.readableBytes > 0 { return unpacked }
            if packed.readableBytes == 0 { return nil }
        }
    }

    /// Throws where the packed bytes end in the midst, or there were none.
    func finish() throws(Corruption) {
        guard isAtEnd, packed.readableBytes == 0 else { throw Corruption() }
    }

    /// One step of zlib's, as far as the packed bytes and one piece reach.
    private func inflate(into unpacked: inout ByteBuffer) -> Int32 {
        var status = Z_OK
        packed.readWithUnsafeMutableReadableBytes { input in
            unpacked.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.piece) { output in
                stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.pointee.avail_in = uInt(clamping: input.count)
                stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.pointee.avail_out = uInt(Self.piece)
                status = CZlib.inflate(stream, Z_NO_FLUSH)
                return Self.piece - Int(stream.pointee.avail_out)
            }
            return min(input.count, Int(uInt.max)) - Int(stream.pointee.avail_in)
        }
        return status
    }
}
