import NIOCore
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads changes and their contents for the standby: on threads of its own, for all others may be waiting for it.
struct StandbyReader: Sendable {
    private static let pieceBytes = 256 << 10
    private static let gatheredBytes = 256 << 10

    private let pool = WorkPool(threads: 2, syncThreads: 1)

    func write(_ head: ChangesHead, _ batch: [ChangeFeed.Noted], to write: BodyWriter) async throws {
        var buffer = ByteBuffer()
        try Self.add(head, to: &buffer)
        for noted in batch {
            try Self.add(ChangeHead(number: noted.number, change: noted.change), to: &buffer)
            var offset: Int64 = 0
            let size = noted.change.contentBytes
            while offset < size {
                guard let content = noted.content else { throw Self.gone }
                let (start, wanted) = (offset, Int(min(Int64(Self.pieceBytes), size - offset)))
                let piece = try await pool.run { try Self.read(content, at: start, wanted) }
                buffer.writeImmutableBuffer(piece)
                offset += Int64(wanted)
                if buffer.readableBytes >= Self.gatheredBytes {
                    try await write(buffer)
                    buffer = ByteBuffer()
                }
            }
        }
        if buffer.readableBytes > 0 { try await write(buffer) }
    }

    private static func read(
        _ content: ReadableFile, at offset: Int64, _ count: Int
    ) throws(OfficeError) -> ByteBuffer {
        var piece = ByteBuffer()
        var failure: OfficeError?
        var read = 0
        piece.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { raw in
            do throws(OfficeError) {
                read = try content.read(into: UnsafeMutableRawBufferPointer(rebasing: raw[..<count]), at: offset)
            } catch {
                failure = error
            }
            return read
        }
        if let failure { throw failure }
        guard read == count else { throw gone }
        return piece
    }

    private static func add(_ value: some Encodable, to buffer: inout ByteBuffer) throws {
        let bytes = try JSONEncoder().encode(value)
        buffer.writeInteger(UInt32(bytes.count))
        buffer.writeBytes(bytes)
    }

    private static let gone = OfficeError(.changed, "the store", "a file isn't what it was when it was written")
}
