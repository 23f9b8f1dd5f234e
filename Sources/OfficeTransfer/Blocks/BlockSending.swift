import Crypto
import OfficeCore
import OfficeFolders

/// A file's blocks on their way out: read, hashed while they are read, and written as frames, a piece at a time.
///
/// Before and after each block the open file is compared with what it was: what changed ends by `.changed`, and
/// the receiver never takes a mixture for a block. Blocking code, used by one thread at a time.
final class BlockSending {
    let file: ReadableFile
    let geometry: BlockGeometry
    /// Leaves as they are known: from before, or from sending.
    private(set) var leaves: [Digest256?]
    /// Known from before: a block that was hashed is not hashed again, and the receiver checks what we read now
    /// against what we knew.
    private let known: [Digest256?]
    /// The block being sent; nil after the last.
    private(set) var block: Int?
    private var filled = 0
    private var hasher = SHA256()
    private var zeros = ZeroDigests()
    private var ranges: ArraySlice<Range<Int>>
    /// Where the next data is, as last looked up; everything between is a hole.
    private var dataFrom: Int64 = -1

    /// - Parameter ranges: The blocks to send, ascending and apart; empty: none.
    init(_ file: ReadableFile, ranges: [Range<Int>], known: [Digest256?]) {
        self.file = file
        geometry = BlockGeometry(size: file.identity.size)
        self.known = known.count == geometry.count ? known : [Digest256?](repeating: nil, count: geometry.count)
        leaves = self.known
        self.ranges = ranges[...]
        block = ranges.first.flatMap { $0.isEmpty ? nil : $0.lowerBound }
    }

    /// The name of the content; nil unless every leaf is known.
    var root: ContentRoot? {
        let leaves = self.leaves.compactMap { $0 }
        return leaves.count == geometry.count ? MerkleTree.root(size: geometry.size, leaves: leaves) : nil
    }

    /// All leaves, where every block was hashed now.
    var freshLeaves: [Digest256]? {
        let fresh = leaves.compactMap { $0 }
        return fresh.count == geometry.count && known.allSatisfy { $0 == nil } ? fresh : nil
    }

    /// The next piece: at most one DATA frame, and what belongs around it.
    /// - Returns: Bytes of content written; nil when there is nothing more.
    func step(into encoder: inout FrameEncoder, pieceBytes: Int) throws(OfficeError) -> Int? {
        guard let block else { return nil }
        let length = geometry.length(of: block)
        if filled == 0 {
            try checkUnchanged()
            guard !isHole(block) else {
                encoder.write(.hole(index: block))
                leaves[block] = zeros.digest(length: length)
                advance()
                return 0
            }
            encoder.write(.block(index: block, length: length))
        }
        let count = min(pieceBytes, length - filled)
        try read(count, of: block, into: &encoder)
        if filled == length {
            try checkUnchanged()
            let digest = known[block] ?? Digest256(hasher.finalize())
            encoder.write(.blockEnd(index: block, digest: digest))
            leaves[block] = digest
            advance()
        }
        return count
    }

    private func read(_ count: Int, of block: Int, into encoder: inout FrameEncoder) throws(OfficeError) {
        let offset = geometry.offset(of: block) + Int64(filled)
        try encoder.writeData(count: count) { raw throws(OfficeError) in
            guard try file.read(into: raw, at: offset) == count else { throw changedWhileRead() }
            if known[block] == nil { hasher.update(bufferPointer: UnsafeRawBufferPointer(raw)) }
        }
        filled += count
    }

    private func advance() {
        filled = 0
        hasher = SHA256()
        guard let current = block, let range = ranges.first else { return }
        if current + 1 < range.upperBound {
            block = current + 1
        } else {
            ranges = ranges.dropFirst()
            block = ranges.first?.lowerBound
        }
    }

    /// Whether the block has no data on the disk. Asks the file system once for each stretch of data.
    private func isHole(_ block: Int) -> Bool {
        let start = geometry.offset(of: block)
        let end = start + Int64(geometry.length(of: block))
        if dataFrom < start { dataFrom = file.nextData(from: start) ?? geometry.size }
        return dataFrom >= end
    }

    func checkUnchanged() throws(OfficeError) {
        guard try file.isUnchanged() else { throw changedWhileRead() }
    }
}
