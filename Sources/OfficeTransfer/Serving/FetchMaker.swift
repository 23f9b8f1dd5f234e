import Crypto
import NIOCore
import OfficeCore
import OfficeFolders

/// Makes the answer to WANT frames, a buffer at a time: reads and hashes blocks while earlier ones are sent.
///
/// A block never waits to be hashed whole: its bytes leave as they are read, its digest follows. Blocking code,
/// called by one thread at a time.
final class FetchMaker {
    /// Bytes in one buffer: two DATA frames. Three such buffers are all that an exchange keeps in memory.
    private static let bufferBytes = 512 << 10
    /// Bytes hashed without a frame, after which what there is leaves: a sign of life.
    private static let silentBytes = 64 << 20

    private let folder: Folder
    private let cache: any HashCache
    private let limits: TransferLimits
    private let stop: StopFlag
    private var wants: ArraySlice<Want>
    private var current: Serving?
    private var encoder: FrameEncoder

    init(wants: [Want], folder: Folder, cache: any HashCache, limits: TransferLimits, stop: StopFlag) {
        self.stop = stop
        self.wants = wants[...]
        self.folder = folder
        self.cache = cache
        self.limits = limits
        encoder = FrameEncoder(limits: limits)
    }

    /// The next buffer of frames; nil when every want is answered.
    func next() -> ByteBuffer? {
        encoder.reserve(Self.bufferBytes + 4096)
        var silent = 0
        while encoder.readableBytes < Self.bufferBytes - limits.dataBytes, silent < Self.silentBytes {
            guard let item = current?.want.item ?? wants.first?.item else { break }
            do throws(OfficeError) {
                try stop.check()
                if current == nil {
                    try start()
                } else {
                    silent += try step()
                }
            } catch {
                current = nil
                encoder.write(.fail(item: item, error))
            }
        }
        return encoder.isEmpty ? (current == nil && wants.isEmpty ? nil : ByteBuffer()) : encoder.take()
    }

    private func start() throws(OfficeError) {
        guard let want = wants.popFirst() else { return }
        let file = try folder.open(want.path)
        outwaitTick(of: file.identity.changed)
        let serving = Serving(want: want, file: file, known: cache.leaves(of: file.identity))
        guard want.token.isEmpty || want.token == file.identity.token else { throw changedWhileRead() }
        guard (want.ranges.last?.upperBound ?? 0) <= serving.geometry.count else {
            throw OfficeError(
                .malformed, want.path.description, "the file does not have the blocks that were asked for")
        }
        let head = FileHead(
            item: want.item, size: file.identity.size, modified: file.identity.modified, executable: file.executable,
            token: file.identity.token)
        encoder.write(.begin(head))
        if serving.geometry.count > 4 { file.adviseSequential() }
        current = serving
    }

    /// One piece of work; returns the bytes that were read without a frame to show for it.
    private func step() throws(OfficeError) -> Int {
        guard let serving = current else { return 0 }
        guard let block = serving.block else {
            try finish(serving)
            return 0
        }
        if serving.want.hashesOnly { return try hash(block, of: serving) }
        if serving.filled == 0 { try beginBlock(block, of: serving) }
        if serving.block == block { try sendPiece(of: block, of: serving) }
        return 0
    }

    private func beginBlock(_ block: Int, of serving: Serving) throws(OfficeError) {
        try serving.checkUnchanged()
        let length = serving.geometry.length(of: block)
        if serving.isHole(block) {
            encoder.write(.hole(index: block))
            serving.leaves[block] = serving.zeros.digest(length: length)
            serving.advance()
        } else {
            encoder.write(.block(index: block, length: length))
        }
    }

    private func sendPiece(of block: Int, of serving: Serving) throws(OfficeError) {
        let length = serving.geometry.length(of: block)
        let count = min(limits.dataBytes, length - serving.filled)
        let offset = serving.geometry.offset(of: block) + Int64(serving.filled)
        try encoder.writeData(count: count) { raw throws(OfficeError) in
            guard try serving.file.read(into: raw, at: offset) == count else { throw changedWhileRead() }
            // A file hashed before is not hashed again: the receiver checks what we read against what we knew.
            if serving.known == nil { serving.hasher.update(bufferPointer: UnsafeRawBufferPointer(raw)) }
        }
        serving.filled += count
        guard serving.filled == length else { return }
        try serving.checkUnchanged()
        let digest = serving.known?[block] ?? Digest256(serving.hasher.finalize())
        encoder.write(.blockEnd(index: block, digest: digest))
        serving.leaves[block] = digest
        serving.advance()
    }

    /// A block of a manifest: its digest goes into the list that leaves in chunks.
    private func hash(_ block: Int, of serving: Serving) throws(OfficeError) -> Int {
        var read = 0
        if let digest = serving.known?[block] {
            serving.leaves[block] = digest
        } else {
            if serving.filled == 0 { try serving.checkUnchanged() }
            guard
                let digest = try BlockReader().digest(of: block, in: serving.geometry, from: serving.file)
            else { throw changedWhileRead() }
            serving.leaves[block] = digest
            read = serving.geometry.length(of: block)
        }
        serving.advance()
        serving.unsent += 1
        serving.silent += read
        if serving.unsent == min(limits.digests, 4096) || serving.block == nil || serving.silent >= Self.silentBytes {
            flushManifest(serving)
        }
        return read
    }

    private func flushManifest(_ serving: Serving) {
        let end = serving.block ?? serving.geometry.count
        let first = end - serving.unsent
        encoder.write(
            .manifest(item: serving.want.item, first: first, digests: serving.leaves[first..<end].compactMap { $0 }))
        serving.unsent = 0
        serving.silent = 0
    }

    private func finish(_ serving: Serving) throws(OfficeError) {
        try serving.checkUnchanged()
        current = nil
        let leaves = serving.known ?? serving.leaves.compactMap { $0 }
        let isWhole = leaves.count == serving.geometry.count
        encoder.write(
            .end(
                item: serving.want.item,
                root: isWhole ? MerkleTree.root(size: serving.geometry.size, leaves: leaves) : nil))
        if isWhole, serving.known == nil, serving.file.identity.isSettled(now: .now) {
            cache.remember(leaves, of: serving.file.identity)
        }
    }
}

/// A file that is being sent: where in which of the wanted blocks.
private final class Serving {
    let want: Want
    let file: ReadableFile
    let geometry: BlockGeometry
    /// The leaves, where the file was hashed before.
    let known: [Digest256]?
    /// The leaves as they become known now.
    var leaves: [Digest256?]
    var zeros = ZeroDigests()
    /// The block being sent; nil after the last.
    private(set) var block: Int?
    /// Its bytes that were sent, and their hash.
    var filled = 0
    var hasher = SHA256()
    /// Digests found and not yet sent in a manifest, and bytes read for them.
    var unsent = 0
    var silent = 0
    private var ranges: ArraySlice<Range<Int>>
    /// Where the next data is, as last looked up; everything between is a hole.
    private var dataFrom: Int64 = -1

    init(want: Want, file: ReadableFile, known: [Digest256]?) {
        self.want = want
        self.file = file
        geometry = BlockGeometry(size: file.identity.size)
        self.known = known?.count == geometry.count ? known : nil
        leaves = [Digest256?](repeating: nil, count: geometry.count)
        ranges = want.ranges.isEmpty || want.hashesOnly ? [0..<geometry.count] : want.ranges[...]
        block = ranges.first.flatMap { $0.isEmpty ? nil : $0.lowerBound }
    }

    func advance() {
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

    /// Whether the block has no data on disk. Asks the file system once for each stretch of data.
    func isHole(_ block: Int) -> Bool {
        let start = geometry.offset(of: block)
        let end = start + Int64(geometry.length(of: block))
        if dataFrom < start { dataFrom = file.nextData(from: start) ?? geometry.size }
        return dataFrom >= end && dataFrom > start
    }

    func checkUnchanged() throws(OfficeError) {
        guard try file.currentIdentity() == file.identity else { throw changedWhileRead() }
    }
}
