import Crypto

/// How a file of a given size is cut: the block size is a function of the size alone, so a content has one
/// root, whoever computes it.
package struct BlockGeometry: Hashable, Sendable {
    package static let smallestBlock = 128 << 10
    package static let largestBlock = 16 << 20
    /// Blocks double until a file has no more than this many (or the largest block is reached).
    package static let aimedBlocks = 2048

    /// The file's size in bytes.
    package let size: Int64
    /// Bytes in each block but the last: a power of two, 128 KiB to 16 MiB.
    package let blockSize: Int

    package init(size: Int64) {
        var blockSize = Self.smallestBlock
        while blockSize < Self.largestBlock && size > Int64(blockSize) * Int64(Self.aimedBlocks) { blockSize *= 2 }
        self.size = size
        self.blockSize = blockSize
    }

    /// How many blocks there are; an empty file has none.
    package var count: Int { Int((size + Int64(blockSize) - 1) / Int64(blockSize)) }

    /// Where block `index` begins, in bytes.
    package func offset(of index: Int) -> Int64 { Int64(index) * Int64(blockSize) }

    /// How many bytes block `index` has: the last one may be short.
    package func length(of index: Int) -> Int { Int(min(Int64(blockSize), size - offset(of: index))) }
}

/// The SHA-256 Merkle tree over a file's blocks.
///
/// A leaf is the SHA-256 of a block's bytes. A level's nodes are hashed in pairs as
/// SHA-256(0x01 ‖ left ‖ right); an odd last one goes up as it is. The root is
/// SHA-256("officeshare root 1" ‖ size as 8 bytes big-endian ‖ top), with 32 zero bytes as the top of an
/// empty file: bound to the size, no inner node can pass for a file.
package enum MerkleTree {
    package static func root(size: Int64, leaves: [Digest256]) -> ContentRoot {
        var level = leaves
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count ? parent(level[index], level[index + 1]) : level[index]
            }
        }
        var hasher = SHA256()
        hasher.update(data: Array("officeshare root 1".utf8))
        hasher.update(data: (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * Int64($0))) })
        hasher.update(data: level.first?.bytes ?? [UInt8](repeating: 0, count: Digest256.byteCount))
        return ContentRoot(Digest256(hasher.finalize()))
    }

    private static func parent(_ left: Digest256, _ right: Digest256) -> Digest256 {
        var hasher = SHA256()
        hasher.update(data: [1])
        hasher.update(data: left.bytes)
        hasher.update(data: right.bytes)
        return Digest256(hasher.finalize())
    }
}
