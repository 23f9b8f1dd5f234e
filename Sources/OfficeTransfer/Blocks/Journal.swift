import NIOCore
import OfficeCore

/// What is written beside a partial file: which version of which source it is of, and which of its blocks have
/// arrived and been verified, each with its digest.
///
/// Append-only: a header (`OSJ1`, the file's size as 8 bytes, the token's length as 1 byte, the token), then one
/// record of 36 bytes for each block (its number as 4 bytes, its SHA-256). A crash can tear only the last record,
/// which is then not there. The journal proves nothing by itself: whoever resumes reads the blocks back and
/// hashes them against it, so that neither a lost page nor a forged journal can pass for content.
package struct Journal: Sendable, Equatable {
    /// The file's size when the journal was begun.
    package var size: Int64
    /// The source's version token; empty where the source is known in another way.
    package var token: String
    /// In the order they arrived.
    package var blocks: [BlockDigest]

    package init(size: Int64, token: String, blocks: [BlockDigest] = []) {
        self.size = size
        self.token = token
        self.blocks = blocks
    }

    private static let magic = Array("OSJ1".utf8)
    private static let recordBytes = 4 + Digest256.byteCount

    /// The header, and the records of the blocks there are.
    package var bytes: [UInt8] {
        let token = self.token.utf8.prefix(255)
        return Self.magic + Self.bigEndian(size) + [UInt8(token.count)] + token + blocks.flatMap(Self.record)
    }

    /// What is appended when one more block has been verified and written.
    package static func record(_ block: BlockDigest) -> [UInt8] {
        bigEndian(UInt32(block.index)) + block.digest.bytes
    }

    /// nil where the bytes are no journal: then nothing is held.
    package init?(parsing bytes: [UInt8]) {
        var buffer = ByteBuffer(bytes: bytes)
        guard buffer.readBytes(length: 4) == Self.magic, let size: Int64 = buffer.readInteger(), size >= 0,
            let length: UInt8 = buffer.readInteger(), let token = buffer.readBytes(length: Int(length))
        else { return nil }
        let geometry = BlockGeometry(size: size)
        var blocks: [BlockDigest] = []
        while let index: UInt32 = buffer.readInteger(), let raw = buffer.readBytes(length: Digest256.byteCount),
            let digest = Digest256(raw)
        {
            if index < geometry.count { blocks.append(BlockDigest(index: Int(index), digest: digest)) }
        }
        self.init(size: size, token: String(decoding: token, as: UTF8.self), blocks: blocks)
    }

    private static func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
