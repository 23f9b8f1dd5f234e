import OfficeCore

/// Where the bytes of a file's missing blocks come from: what an older version here has of them, by its chunks, and
/// what has to be fetched. Pure; nothing in it is trusted, for every block is verified when it is put together.
struct DeltaPlan: Equatable {
    /// Bytes that are here.
    struct Copy: Equatable {
        /// Where in the older version.
        var from: Int64
        /// Where in the file that is fetched.
        var to: Int64
        var length: Int
    }

    /// Parts are fetched by these: small enough to waste little, and a file's pages can be numbered by 32 bits.
    static let pageBytes: Int64 = 4096

    /// Pages of a file of that size, the last one short.
    static func pages(of size: Int64) -> Int { Int((size + pageBytes - 1) / pageBytes) }

    /// Ascending, and apart.
    private(set) var copies: [Copy] = []
    /// Pages to fetch, ascending and apart.
    private(set) var pages: [Range<Int>] = []
    /// Bytes of these pages.
    private(set) var fetched: Int64 = 0
    /// Bytes of the missing blocks.
    private(set) var missing: Int64 = 0

    /// - Parameters:
    ///   - chunks: The file's, in order.
    ///   - here: The chunks of the older version, in order.
    ///   - isMissing: Whether a block isn't there yet.
    ///   - mostRanges: Ranges of pages that may be asked for at once.
    init(
        of geometry: BlockGeometry, chunks: [ContentChunk], here: [ContentChunk], isMissing: (Int) -> Bool,
        mostRanges: Int
    ) {
        var places: [ContentChunk: Int64] = [:]
        var offset: Int64 = 0
        for chunk in here {
            places[chunk] = places[chunk] ?? offset
            offset += Int64(chunk.length)
        }
        var stretches = Self.stretches(of: geometry, where: isMissing)[...]
        missing = stretches.reduce(0) { $0 + Int64($1.count) }
        var begin: Int64 = 0
        var absent: [Range<Int64>] = []
        for chunk in chunks {
            let end = begin + Int64(chunk.length)
            defer { begin = end }
            while let stretch = stretches.first, stretch.lowerBound < end {
                let part = stretch.clamped(to: begin..<end)
                if let place = places[chunk] {
                    copies.append(Copy(from: place + part.lowerBound - begin, to: part.lowerBound, length: part.count))
                } else {
                    absent.append(part)
                }
                guard stretch.upperBound <= end else {
                    stretches[stretches.startIndex] = end..<stretch.upperBound
                    break
                }
                stretches.removeFirst()
            }
        }
        pages = Self.pages(absent, atMost: mostRanges)
        fetched = pages.reduce(0) { sum, range in
            sum + min(Int64(range.upperBound) * Self.pageBytes, geometry.size) - Int64(range.lowerBound)
                * Self.pageBytes
        }
    }

    /// Whether it saves enough to be worth another question: a tenth of what is missing.
    var isWorthwhile: Bool { fetched < missing / 10 * 9 }

    /// Bytes that are fetched of what lies there.
    func fetched(of bytes: Range<Int64>) -> Int64 {
        pages.reduce(0) { sum, range in
            let part = (Int64(range.lowerBound) * Self.pageBytes)..<(Int64(range.upperBound) * Self.pageBytes)
            return sum + Int64(part.clamped(to: bytes).count)
        }
    }

    /// The bytes of the blocks that are missing, those beside each other together.
    private static func stretches(of geometry: BlockGeometry, where isMissing: (Int) -> Bool) -> [Range<Int64>] {
        var found: [Range<Int64>] = []
        for index in 0..<geometry.count where isMissing(index) {
            let begin = geometry.offset(of: index)
            let end = begin + Int64(geometry.length(of: index))
            if let last = found.last, last.upperBound == begin {
                found[found.count - 1] = last.lowerBound..<end
            } else {
                found.append(begin..<end)
            }
        }
        return found
    }

    /// The pages that cover these bytes. Are they in too many places, what lies between the nearest is fetched as well.
    private static func pages(_ bytes: [Range<Int64>], atMost most: Int) -> [Range<Int>] {
        var gap = 0
        while true {
            var pages: [Range<Int>] = []
            for part in bytes {
                let begin = Int(part.lowerBound / pageBytes)
                let end = Int((part.upperBound + pageBytes - 1) / pageBytes)
                if let last = pages.last, begin <= last.upperBound + gap {
                    pages[pages.count - 1] = last.lowerBound..<max(end, last.upperBound)
                } else {
                    pages.append(begin..<end)
                }
            }
            if pages.count <= most { return pages }
            gap = max(gap * 2, 1)
        }
    }
}
