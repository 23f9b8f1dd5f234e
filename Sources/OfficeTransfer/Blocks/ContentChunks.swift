import Crypto
import OfficeCore

/// A piece of a file whose ends its content decides: what is inserted before it moves it, and leaves it as it is.
package struct ContentChunk: Sendable, Hashable {
    /// Bytes; at least 1.
    package var length: Int
    /// The first 8 bytes of its SHA-256, big-endian. A hint: what is put together by it is verified as blocks are.
    package var mark: UInt64

    package init(length: Int, mark: UInt64) {
        self.length = length
        self.mark = mark
    }
}

/// How long the chunks of a file are; both ends reckon it from the size of the file that is fetched.
package struct ChunkGeometry: Sendable, Hashable {
    /// Files above it have more blocks than `BlockGeometry` aims at, and their chunks aren't told.
    package static let largestFile = Int64(BlockGeometry.aimedBlocks) * Int64(BlockGeometry.largestBlock)

    /// Bytes, a power of two: as many chunks are to be shorter as longer.
    let middle: Int
    let shortest: Int
    let longest: Int

    /// - Parameter size: The file's, in bytes.
    package init(size: Int64) {
        middle = BlockGeometry(size: size).blockSize / 8
        shortest = middle / 4
        longest = middle * 4
    }

    /// Most chunks that a file of that size can have.
    package func most(of size: Int64) -> Int { Int(size / Int64(shortest)) + 1 }
}

/// Cuts a stream of bytes where a rolling hash of the last 64 of them says so (a gear hash, with a stricter condition
/// before the middle length than behind it, after Xia et al., FastCDC, USENIX ATC 2016).
struct ChunkCutter {
    /// One number for each value of a byte, of SplitMix64 from 0.
    private static let gear: [UInt64] = {
        var state: UInt64 = 0
        return (0..<256).map { _ in
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }()

    private let geometry: ChunkGeometry
    private let before: UInt64
    private let behind: UInt64
    private var length = 0
    private var rolling: UInt64 = 0
    private var hasher = SHA256()

    init(_ geometry: ChunkGeometry) {
        self.geometry = geometry
        let bits = geometry.middle.trailingZeroBitCount
        before = ~0 << (64 - UInt64(bits + 1))
        behind = ~0 << (64 - UInt64(bits - 1))
    }

    /// The chunks that end in `bytes`, which follow those of the call before.
    mutating func cut(_ bytes: UnsafeRawBufferPointer) -> [ContentChunk] {
        var chunks: [ContentChunk] = []
        var begin = 0
        var position = 0
        while position < bytes.count {
            if length < geometry.shortest {
                let passed = min(geometry.shortest - length, bytes.count - position)
                length += passed
                position += passed
                continue
            }
            guard let end = boundary(in: bytes, from: position) else {
                position = bytes.count
                break
            }
            position = end
            hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[begin..<position]))
            chunks.append(take())
            begin = position
        }
        hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[begin...]))
        return chunks
    }

    /// Where the chunk ends, at a byte of `bytes` from `position` on; nil where it goes on beyond them.
    private mutating func boundary(in bytes: UnsafeRawBufferPointer, from position: Int) -> Int? {
        var position = position
        while position < bytes.count {
            let isBefore = length < geometry.middle
            let mask = isBefore ? before : behind
            let room = (isBefore ? geometry.middle : geometry.longest) - length
            let end = min(position + room, bytes.count)
            let begin = position
            var rolling = self.rolling
            let isEnd = Self.gear.withUnsafeBufferPointer { gear in
                while position < end {
                    rolling = (rolling << 1) &+ gear[Int(bytes[position])]
                    position += 1
                    if rolling & mask == 0 { return true }
                }
                return false
            }
            self.rolling = rolling
            length += position - begin
            if isEnd || length == geometry.longest { return position }
        }
        return nil
    }

    /// The chunk that the end of the stream ends; nil where nothing is left.
    mutating func finish() -> ContentChunk? { length > 0 ? take() : nil }

    private mutating func take() -> ContentChunk {
        let digest = hasher.finalize()
        let mark = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        defer {
            length = 0
            rolling = 0
            hasher = SHA256()
        }
        return ContentChunk(length: length, mark: mark)
    }
}

/// Cuts a file into its chunks, a stretch at a time. Blocking code, used by one thread at a time.
final class ChunkReading<File: RandomReading> {
    private let file: File
    private let size: Int64
    private var cutter: ChunkCutter
    private var offset: Int64 = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readChunk, alignment: 4096)

    /// - Parameters:
    ///   - size: Bytes of `file`.
    ///   - geometry: Of the file that is fetched, be it this one or another.
    init(_ file: File, size: Int64, geometry: ChunkGeometry) {
        self.file = file
        self.size = size
        cutter = ChunkCutter(geometry)
    }

    deinit { buffer.deallocate() }

    var isOver: Bool { offset >= size }

    /// The chunks that end in the next bytes, at most `bytes` of them (a multiple of `readChunk`).
    func next(_ bytes: Int) throws(OfficeError) -> [ContentChunk] {
        var chunks: [ContentChunk] = []
        let end = min(offset + Int64(bytes), size)
        while offset < end {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(Int64(readChunk), end - offset))])
            guard try file.read(into: piece, at: offset) == piece.count else { throw changedWhileRead() }
            chunks += cutter.cut(UnsafeRawBufferPointer(piece))
            offset += Int64(piece.count)
        }
        if isOver, let last = cutter.finish() { chunks.append(last) }
        return chunks
    }
}
