import NIOCore
import OfficeCore
import OfficeFolders

/// The missing blocks of a file of which an older version is here, put together of what that has of them and of the parts
/// that only the source has. Blocking code, used by one thread at a time.
///
/// Nothing of it counts before a whole block has the digest that the source's manifest says.
final class DeltaDownload {
    /// Bytes that have to be missing for a delta to be worth its questions; and of the file, at least a 64th.
    private static let least: Int64 = 1 << 20

    private let reception: FileReception
    private let manifest: [Digest256]
    private let older: ReadableFile
    private let stop: StopFlag
    private let mostRanges: Int
    private var geometry: BlockGeometry { reception.geometry }

    private var chunks: [ContentChunk] = []
    private var told: Int64 = 0
    private var plan: DeltaPlan?
    /// The pages are on their way.
    var isAskedForParts = false
    /// Pages that are still to come, and where the next byte belongs.
    private var expected: ArraySlice<Range<Int>> = []
    private var offset: Int64 = 0

    /// nil where the blocks themselves are as soon fetched.
    init?(
        _ reception: FileReception, manifest: [Digest256], older: ReadableFile, stop: StopFlag, limits: TransferLimits
    ) {
        let size = reception.geometry.size
        guard size <= ChunkGeometry.largestFile, older.identity.size >= Int64(BlockGeometry.smallestBlock),
            size - reception.heldBytes >= max(Self.least, size / 64)
        else { return nil }
        self.reception = reception
        self.manifest = manifest
        self.older = older
        self.stop = stop
        mostRanges = limits.ranges
    }

    // MARK: The source's chunks

    /// They are asked for anew.
    func beginChunks() {
        isAskedForParts = false
        chunks = []
        told = 0
    }

    func chunks(_ next: [ContentChunk]) throws(OfficeError) {
        for chunk in next { told += Int64(chunk.length) }
        guard told <= geometry.size, chunks.count + next.count <= ChunkGeometry(size: geometry.size).most(of: told)
        else {
            throw malformed("chunks that the file can't have")
        }
        chunks += next
    }

    /// All are told: what is here goes into its place. The pages that are to be fetched, none if nothing is; nil where
    /// that isn't worth it.
    func endChunks() throws(OfficeError) -> [Range<Int>]? {
        guard told == geometry.size else { throw malformed("chunks that are not the whole file") }
        let reading = ChunkReading(
            older, size: older.identity.size, geometry: ChunkGeometry(size: geometry.size))
        var here: [ContentChunk] = []
        while !reading.isOver {
            try stop.check()
            here += try reading.next(16 << 20)
        }
        let held = reception.held
        let plan = DeltaPlan(
            of: geometry, chunks: chunks, here: here, isMissing: { !held.contains($0) }, mostRanges: mostRanges)
        chunks = []
        guard plan.isWorthwhile else { return nil }
        self.plan = plan
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readChunk, alignment: 4096)
        defer { buffer.deallocate() }
        for copy in plan.copies { try take(copy, by: buffer) }
        expected = plan.pages[...]
        offset = Int64(plan.pages.first?.lowerBound ?? 0) * DeltaPlan.pageBytes
        return plan.pages
    }

    private func take(_ copy: DeltaPlan.Copy, by buffer: UnsafeMutableRawBufferPointer) throws(OfficeError) {
        var done = 0
        while done < copy.length {
            try stop.check()
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, copy.length - done)])
            // Cut short meanwhile: what is wrong then is fetched.
            guard try older.read(into: piece, at: copy.from + Int64(done)) == piece.count else { return }
            try place(UnsafeRawBufferPointer(piece), at: copy.to + Int64(done))
            done += piece.count
        }
    }

    /// Into the blocks that lie there.
    private func place(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(OfficeError) {
        var rest = bytes
        var offset = offset
        while !rest.isEmpty {
            let index = Int(offset / Int64(geometry.blockSize))
            let filled = Int(offset - geometry.offset(of: index))
            let count = min(rest.count, geometry.length(of: index) - filled)
            try reception.place(UnsafeRawBufferPointer(rebasing: rest[..<count]), in: index, at: filled)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            offset += Int64(count)
        }
    }

    // MARK: Parts

    /// Bytes of the pages that were asked for, in their order.
    func data(_ piece: ByteBuffer) throws(OfficeError) {
        var rest = piece
        while rest.readableBytes > 0 {
            guard let range = expected.first else { throw malformed("more than was asked for") }
            let end = min(Int64(range.upperBound) * DeltaPlan.pageBytes, geometry.size)
            guard let part = rest.readSlice(length: Int(min(Int64(rest.readableBytes), end - offset))) else { return }
            let result = part.withUnsafeReadableBytes { bytes in
                Result { () throws(OfficeError) in try place(bytes, at: offset) }
            }
            try result.get()
            offset += Int64(part.readableBytes)
            guard offset == end else { continue }
            expected.removeFirst()
            offset = Int64(expected.first?.lowerBound ?? 0) * DeltaPlan.pageBytes
        }
    }

    var isWhole: Bool { expected.isEmpty }

    /// A block of which bytes came that don't count, for others are missing.
    var isWithinBlock: Bool {
        guard let range = expected.first else { return false }
        return offset > Int64(range.lowerBound) * DeltaPlan.pageBytes
    }

    /// Takes what has become whole. Tells of each such block how many of its bytes came now, and how many were here.
    func settle(_ each: (_ fetched: Int64, _ here: Int64) -> Void) throws(OfficeError) {
        guard let plan else { return }
        let reader = BlockReader()
        for index in 0..<geometry.count where !reception.held.contains(index) {
            try stop.check()
            guard try reader.digest(of: index, in: geometry, from: reception.partial) == manifest[index] else {
                reception.spoil(index)
                continue
            }
            try reception.take(index, manifest[index])
            let begin = geometry.offset(of: index)
            let length = Int64(geometry.length(of: index))
            let fetched = plan.fetched(of: begin..<(begin + length))
            each(fetched, length - fetched)
        }
        self.plan = nil
    }
}
