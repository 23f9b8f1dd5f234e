import NIOCore
import OfficeCore
import OfficeFolders

/// What is told to somebody who has an older version of a file. Blocking code, used by one thread at a time.
protocol DeltaSending {
    var file: ReadableFile { get }

    /// The next frames; true after the last.
    func step(into encoder: inout FrameEncoder, item: UInt32, pieceBytes: Int) throws(OfficeError) -> Bool
}

/// A file's chunks on their way out, as they are cut.
final class ChunkSending: DeltaSending {
    /// Bytes that are cut before what there is of them leaves.
    private static let stretch = 16 << 20

    let file: ReadableFile
    private let limits: TransferLimits
    private let reading: ChunkReading<ReadableFile>

    /// Throws `.malformed` for a file whose chunks aren't told: nobody asks for those.
    init(_ file: ReadableFile, _ limits: TransferLimits) throws(OfficeError) {
        let size = file.identity.size
        guard size <= ChunkGeometry.largestFile else {
            throw malformed("a question for the chunks of too large a file")
        }
        self.file = file
        self.limits = limits
        reading = ChunkReading(file, size: size, geometry: ChunkGeometry(size: size))
    }

    func step(into encoder: inout FrameEncoder, item: UInt32, pieceBytes: Int) throws(OfficeError) -> Bool {
        var rest = try reading.next(Self.stretch)[...]
        while !rest.isEmpty {
            encoder.write(.chunks(item: item, Array(rest.prefix(limits.digests))))
            rest = rest.dropFirst(limits.digests)
        }
        return reading.isOver
    }
}

/// Pages of a file on their way out.
final class PartSending: DeltaSending {
    let file: ReadableFile
    private var pages: ArraySlice<Range<Int>>
    /// Where the next byte is.
    private var offset: Int64

    init(_ file: ReadableFile, pages: [Range<Int>]) {
        self.file = file
        self.pages = pages[...]
        offset = Int64(pages.first?.lowerBound ?? 0) * DeltaPlan.pageBytes
    }

    func step(into encoder: inout FrameEncoder, item: UInt32, pieceBytes: Int) throws(OfficeError) -> Bool {
        guard let range = pages.first else { return true }
        let end = min(Int64(range.upperBound) * DeltaPlan.pageBytes, file.identity.size)
        let count = Int(min(Int64(pieceBytes), end - offset))
        try encoder.writeData(count: count) { raw throws(OfficeError) in
            guard try file.read(into: raw, at: offset) == count else { throw changedWhileRead() }
        }
        offset += Int64(count)
        if offset >= end {
            pages.removeFirst()
            offset = Int64(pages.first?.lowerBound ?? 0) * DeltaPlan.pageBytes
        }
        return pages.isEmpty
    }
}
