import Crypto
import NIOCore
import OfficeCore
import OfficeFolders

/// A file while its blocks come in: each is written in place into the partial file, verified, and recorded in the
/// journal. Blocking code, used by one thread at a time; knows nothing of frames, peers or requests.
final class FileReception {
    let partial: PartialFile
    private(set) var geometry: BlockGeometry
    /// The version of the source that the blocks are of; nil until it is known.
    private(set) var token: String?
    private(set) var held: BlockSet
    private var leaves: [Digest256?]
    private var open: OpenBlock?
    /// Blocks into which unverified bytes may have been written: no hole can be taken for granted there.
    private var touched: BlockSet
    private var zeros = ZeroDigests()
    private let isNew: Bool

    private struct OpenBlock {
        let index: Int
        var filled = 0
        var hasher = SHA256()
    }

    /// Opens what an earlier attempt left: every block that the journal names is read back and hashed against it.
    /// - Parameter verified: Blocks that this process has read back already.
    init(partial: PartialFile, verified: [BlockDigest] = [], stop: StopFlag) throws(OfficeError) {
        self.partial = partial
        isNew = partial.isNew
        let journal = partial.isNew ? nil : Journal(parsing: try partial.journal())
        geometry = BlockGeometry(size: journal?.size ?? 0)
        token = journal?.token
        held = BlockSet(capacity: geometry.count)
        touched = BlockSet(capacity: geometry.count, 0..<geometry.count)
        leaves = [Digest256?](repeating: nil, count: geometry.count)
        guard let journal else { return }
        let reader = BlockReader()
        let known = Set(verified)
        for block in journal.blocks where leaves[block.index] != block.digest {
            try stop.check()
            if !known.contains(block) {
                guard try reader.digest(of: block.index, in: geometry, from: partial) == block.digest else { continue }
            }
            leaves[block.index] = block.digest
            held.insert(block.index)
        }
    }

    var isComplete: Bool { token != nil && held.isFull }

    /// The content's name, once every block is there.
    var root: ContentRoot? {
        let known = leaves.compactMap { $0 }
        return isComplete && known.count == geometry.count ? MerkleTree.root(size: geometry.size, leaves: known) : nil
    }

    /// Bytes of the blocks that are held.
    var heldBytes: Int64 {
        guard geometry.count > 0 else { return 0 }
        let last = geometry.count - 1
        let full = Int64(held.count) * Int64(geometry.blockSize)
        return held.contains(last) ? full - Int64(geometry.blockSize - geometry.length(of: last)) : full
    }

    /// The blocks held, with their digests, ascending.
    var heldBlocks: [BlockDigest] {
        leaves.enumerated().compactMap { index, digest in digest.map { BlockDigest(index: index, digest: $0) } }
    }

    func digest(of index: Int) -> Digest256? { leaves.indices.contains(index) ? leaves[index] : nil }

    // MARK: Which version

    /// Begins with a version of the source. If it is the one that the journal names, everything that is held stays;
    /// of another, the blocks of the same length for which `isUnchanged` says so.
    func begin(
        size: Int64, token: String, keeping isUnchanged: (Int, Digest256) -> Bool = { _, _ in false }
    ) throws(OfficeError) {
        open = nil
        if self.token == token, geometry.size == size { return }
        let old = (geometry: geometry, leaves: leaves)
        geometry = BlockGeometry(size: size)
        self.token = token
        held = BlockSet(capacity: geometry.count)
        leaves = [Digest256?](repeating: nil, count: geometry.count)
        touched = BlockSet(capacity: geometry.count, isNew && old.geometry.size == 0 ? 0..<0 : 0..<geometry.count)
        if old.geometry.blockSize == geometry.blockSize {
            for (index, digest) in old.leaves.prefix(geometry.count).enumerated() {
                guard let digest, old.geometry.length(of: index) == geometry.length(of: index),
                    isUnchanged(index, digest)
                else { continue }
                leaves[index] = digest
                held.insert(index)
            }
        }
        // A new partial is empty: one block written in order makes a file of its size.
        if !isNew || old.geometry.size > 0 || geometry.count > 1 { try partial.setSize(size) }
        guard isJournaled else { return }
        try partial.resetJournal()
        try partial.appendJournal(Journal(size: size, token: token, blocks: heldBlocks).bytes)
    }

    /// A file of one block either arrives or doesn't: it needs no journal.
    private var isJournaled: Bool { geometry.count > 1 }

    private func record(_ index: Int, _ digest: Digest256) throws(OfficeError) {
        leaves[index] = digest
        held.insert(index)
        if isJournaled { try partial.appendJournal(Journal.record(BlockDigest(index: index, digest: digest))) }
    }

    /// A block that is held is no longer what it should be.
    func forget(_ index: Int) {
        guard held.remove(index) else { return }
        leaves[index] = nil
        touched.insert(index)
    }

    // MARK: Blocks

    /// A block follows. What is not expected here is refused: it could only do harm.
    func beginBlock(_ index: Int, length: Int) throws(OfficeError) {
        guard token != nil, open == nil else { throw malformed("a block out of place") }
        guard index >= 0, index < geometry.count, length == geometry.length(of: index) else {
            throw malformed("a block that the file does not have")
        }
        guard !held.contains(index) else { throw malformed("a block that was not asked for") }
        open = OpenBlock(index: index)
    }

    /// Writes a piece of the open block in place.
    func add(_ piece: ByteBuffer) throws(OfficeError) {
        guard let index = open?.index, let filled = open?.filled else { throw malformed("data outside of a block") }
        guard filled + piece.readableBytes <= geometry.length(of: index) else {
            throw malformed("more data than the block has")
        }
        let result: Result<Void, OfficeError> = piece.withUnsafeReadableBytes { bytes in
            open?.hasher.update(bufferPointer: bytes)
            return Result { () throws(OfficeError) in try place(bytes, in: index, at: filled) }
        }
        try result.get()
        open?.filled += piece.readableBytes
    }

    // MARK: Blocks of several sources

    /// Writes a piece of a block in place: `filled` bytes of it are before. Whoever has several sources sees to it that
    /// one writes a block at a time, and that none writes one that is held.
    func place(_ bytes: UnsafeRawBufferPointer, in index: Int, at filled: Int) throws(OfficeError) {
        // A run of zeros in a file that is new stays a hole.
        if isJournaled, !touched.contains(index), isAllZero(bytes) { return }
        try partial.write(bytes, at: geometry.offset(of: index) + Int64(filled))
    }

    /// A block whose bytes are in place is right: it is held from now on.
    func take(_ index: Int, _ digest: Digest256) throws(OfficeError) {
        if geometry.count == 1 { try partial.setSize(geometry.size) }
        try record(index, digest)
    }

    /// A block that is a hole in a source: held from now on, if zeros are what it has to be.
    func fillHole(_ index: Int, digest: Digest256) throws(OfficeError) -> Bool {
        let length = geometry.length(of: index)
        guard zeros.digest(length: length) == digest else { return false }
        if geometry.count == 1 { try partial.setSize(geometry.size) }
        if touched.contains(index), try BlockReader().digest(of: index, in: geometry, from: partial) != digest {
            try writeZeros(index)
        }
        try record(index, digest)
        return true
    }

    /// Bytes that are not the block's may be in its place.
    func spoil(_ index: Int) { touched.insert(index) }

    /// The open block is over: true where its bytes have that digest. It is held from now on.
    func endBlock(_ index: Int, digest: Digest256) throws(OfficeError) -> Bool {
        guard let block = open, block.index == index, block.filled == geometry.length(of: index) else {
            throw malformed("a block that ends out of place")
        }
        open = nil
        guard Digest256(block.hasher.finalize()) == digest else {
            touched.insert(index)
            return false
        }
        try record(index, digest)
        return true
    }

    /// The open block, if any, will not be finished. Whether some of it had come.
    @discardableResult
    func abandonBlock() -> Bool {
        guard let block = open else { return false }
        touched.insert(block.index)
        open = nil
        return block.filled > 0
    }

    /// A block that is a hole in the source.
    func addHole(_ index: Int) throws(OfficeError) {
        guard index >= 0, index < geometry.count else { throw malformed("a block that the file does not have") }
        try beginBlock(index, length: geometry.length(of: index))
        open = nil
        _ = try fillHole(index, digest: zeros.digest(length: geometry.length(of: index)))
    }

    private func writeZeros(_ index: Int) throws(OfficeError) {
        let zeros = [UInt8](repeating: 0, count: min(readChunk, geometry.length(of: index)))
        var offset = geometry.offset(of: index)
        let end = offset + Int64(geometry.length(of: index))
        while offset < end {
            let count = Int(min(Int64(zeros.count), end - offset))
            let result = zeros.withUnsafeBytes { raw in
                Result { () throws(OfficeError) in
                    try partial.write(UnsafeRawBufferPointer(rebasing: raw[..<count]), at: offset)
                }
            }
            try result.get()
            offset += Int64(count)
        }
    }

    /// Takes a block from a file that is here already, if it is what `digest` says. Where the file system can, both
    /// have it on the disk once; else it is hashed as it is copied.
    func copyBlock(_ index: Int, digest: Digest256, from file: ReadableFile) throws(OfficeError) -> Bool {
        guard token != nil, index >= 0, index < geometry.count else {
            throw malformed("a block that the file does not have")
        }
        guard BlockGeometry(size: file.identity.size).blockSize == geometry.blockSize else { return false }
        let partial = self.partial
        touched.insert(index)
        let start = geometry.offset(of: index)
        if isJournaled, try partial.share(start..<(start + Int64(geometry.length(of: index))), with: file),
            try BlockReader().digest(of: index, in: geometry, from: partial) == digest
        {
            try record(index, digest)
            return true
        }
        let found = try BlockReader().digest(of: index, in: geometry, from: file) { bytes, offset throws(OfficeError) in
            try partial.write(bytes, at: offset)
        }
        guard found == digest else { return false }
        try record(index, digest)
        return true
    }
}
