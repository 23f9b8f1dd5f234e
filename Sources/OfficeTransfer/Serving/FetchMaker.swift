import NIOCore
import OfficeCore
import OfficeFolders

/// Makes the answer to WANT frames, a buffer at a time: reads and hashes blocks while earlier ones are sent.
///
/// A block never waits to be hashed whole: its bytes leave as they are read, its digest follows. Blocking code,
/// called by one thread at a time.
final class FetchMaker {
    /// Bytes in one buffer, of which an exchange keeps a few in memory. With what HTTP and TLS add it still fits into a
    /// quarter of a mebibyte: buffers grow by doubling.
    static let bufferBytes = 240 << 10
    /// Less than that isn't worth a frame at a buffer's end.
    private static let leastPiece = 16 << 10

    /// Bytes of content that a buffer still has room for; nil: it is as good as full.
    static func room(in encoder: FrameEncoder, _ limits: TransferLimits) -> Int? {
        let room = bufferBytes - encoder.readableBytes
        return room < leastPiece ? nil : min(limits.dataBytes, room)
    }
    /// Bytes hashed for a manifest before what there is of it leaves.
    private static let silentBytes = 64 << 20

    private enum Answer {
        case blocks(Want, BlockSending)
        case hashes(Hashing)
        case chunks(Want, ChunkSending)
        case parts(Want, PartSending)
    }

    private let folder: Folder
    private let cache: any HashCache
    private let limits: TransferLimits
    private let stop: StopFlag
    private var wants: ArraySlice<Want>
    private var current: Answer?
    private var encoder: FrameEncoder

    init(wants: [Want], folder: Folder, cache: any HashCache, limits: TransferLimits, stop: StopFlag) {
        self.wants = wants[...]
        self.folder = folder
        self.cache = cache
        self.limits = limits
        self.stop = stop
        encoder = FrameEncoder(limits: limits)
    }

    /// The next buffer of frames; nil when every want is answered.
    func next() -> ByteBuffer? {
        if current != nil || !wants.isEmpty { encoder.reserve(Self.bufferBytes + 4096) }
        while let room = Self.room(in: encoder, limits) {
            guard let item = item ?? wants.first?.item else { break }
            do throws(OfficeError) {
                try stop.check()
                switch current {
                case .blocks(let want, let sending): try send(want, sending, room)
                case .hashes(let hashing): try hash(hashing)
                case .chunks(let want, let sending): try send(want, sending, room)
                case .parts(let want, let sending): try send(want, sending, room)
                case nil: try start()
                }
            } catch {
                current = nil
                encoder.write(.fail(item: item, error))
            }
        }
        return encoder.isEmpty ? nil : encoder.takeRecycling()
    }

    private var item: UInt32? {
        switch current {
        case .blocks(let want, _), .chunks(let want, _), .parts(let want, _): want.item
        case .hashes(let hashing): hashing.want.item
        case nil: nil
        }
    }

    private func start() throws(OfficeError) {
        guard let want = wants.popFirst() else { return }
        let file = try folder.open(want.path)
        outwaitTick(of: file.identity.changed)
        guard try isWanted(file, by: want) else { throw changedWhileRead() }
        let geometry = BlockGeometry(size: file.identity.size)
        let most = want.purpose == .parts ? DeltaPlan.pages(of: geometry.size) : geometry.count
        guard (want.ranges.last?.upperBound ?? 0) <= most else {
            throw OfficeError(
                .malformed, want.path.description, "the file does not have the blocks that were asked for")
        }
        let head = FileHead(
            item: want.item, size: file.identity.size, modified: file.identity.modified, executable: file.executable,
            token: file.identity.token)
        encoder.write(.begin(head))
        if geometry.count > 4 { file.adviseSequential() }
        let known = cache.leaves(of: file.identity).flatMap { $0.count == geometry.count ? $0 : nil }
        switch want.purpose {
        case .hashes:
            current = .hashes(Hashing(want: want, file: file, geometry: geometry, leaves: known ?? [], known: known))
        case .chunks: current = .chunks(want, try ChunkSending(file, limits))
        case .parts: current = .parts(want, PartSending(file, pages: want.ranges))
        case .blocks:
            let ranges = want.ranges.isEmpty ? [0..<geometry.count] : want.ranges
            current = .blocks(want, BlockSending(file, ranges: ranges, known: known ?? []))
        }
    }

    /// Whether the file is the version that is wanted: any, the one with that token, or one with that content.
    private func isWanted(_ file: ReadableFile, by want: Want) throws(OfficeError) -> Bool {
        if want.token.isEmpty || want.token == file.identity.token { return true }
        guard let root = ContentToken.root(of: want.token) else { return false }
        return MerkleTree.root(
            size: file.identity.size, leaves: try leaves(of: file, cache: cache, stop: stop)) == root
    }

    private func send(_ want: Want, _ sending: BlockSending, _ room: Int) throws(OfficeError) {
        guard try sending.step(into: &encoder, pieceBytes: room) == nil else { return }
        try sending.checkUnchanged()
        current = nil
        encoder.write(.end(item: want.item, root: sending.root))
        if let leaves = sending.freshLeaves, sending.file.identity.isSettled(now: .now) {
            cache.remember(leaves, of: sending.file.identity)
        }
    }

    private func send(_ want: Want, _ sending: some DeltaSending, _ room: Int) throws(OfficeError) {
        guard try sending.step(into: &encoder, item: want.item, pieceBytes: room) else { return }
        guard try sending.file.isUnchanged() else { throw changedWhileRead() }
        current = nil
        encoder.write(.end(item: want.item, root: nil))
    }

    private func hash(_ hashing: Hashing) throws(OfficeError) {
        var hashed = 0
        while hashing.leaves.count < hashing.geometry.count, hashed < Self.silentBytes {
            try stop.check()
            let index = hashing.leaves.count
            guard let digest = try hashing.reader.digest(of: index, in: hashing.geometry, from: hashing.file) else {
                throw changedWhileRead()
            }
            hashing.leaves.append(digest)
            hashed += hashing.geometry.length(of: index)
        }
        let end = min(hashing.leaves.count, hashing.sent + 4096)
        if end > hashing.sent {
            let digests = Array(hashing.leaves[hashing.sent..<end])
            encoder.write(.manifest(item: hashing.want.item, first: hashing.sent, digests: digests))
            hashing.sent = end
        }
        guard hashing.sent == hashing.geometry.count else { return }
        guard try hashing.file.isUnchanged() else { throw changedWhileRead() }
        current = nil
        encoder.write(
            .end(
                item: hashing.want.item,
                root: MerkleTree.root(size: hashing.geometry.size, leaves: hashing.leaves)))
        if hashing.known == nil, hashing.file.identity.isSettled(now: .now) {
            cache.remember(hashing.leaves, of: hashing.file.identity)
        }
    }
}

/// A file whose hashes alone are wanted.
private final class Hashing {
    let want: Want
    let file: ReadableFile
    let geometry: BlockGeometry
    let known: [Digest256]?
    let reader = BlockReader()
    var leaves: [Digest256]
    /// Leaves that have left.
    var sent = 0

    init(want: Want, file: ReadableFile, geometry: BlockGeometry, leaves: [Digest256], known: [Digest256]?) {
        self.want = want
        self.file = file
        self.geometry = geometry
        self.leaves = leaves
        self.known = known
    }
}
