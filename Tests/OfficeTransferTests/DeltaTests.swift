import Foundation
import OfficeCore
import Testing

@testable import OfficeTransfer

/// Chunks whose ends the content decides, and what is made of them.
@Suite struct DeltaTests {
    private let geometry = ChunkGeometry(size: 1 << 20)

    @Test func chunksAreTheContentAndHaveTheirLengths() {
        let content = Self.noise(1 << 20, seed: 1)
        let chunks = Self.chunks(of: content, geometry)
        #expect(chunks.reduce(0) { $0 + $1.length } == content.count)
        #expect(chunks.dropLast().allSatisfy { (geometry.shortest...geometry.longest).contains($0.length) })
        #expect(chunks.count <= geometry.most(of: Int64(content.count)))
        let mean = content.count / chunks.count
        #expect((geometry.middle / 2...geometry.middle * 2).contains(mean), "\(mean)")
    }

    /// However the stream is cut into reads.
    @Test func theReadsDecideNothing() {
        let content = Self.noise(300_000, seed: 2)
        let whole = Self.chunks(of: content, geometry)
        for step in [1_000, 4_096, 65_537] { #expect(Self.chunks(of: content, geometry, step: step) == whole) }
    }

    @Test func whatIsInsertedLeavesTheRestAsItIs() {
        let content = Self.noise(1 << 20, seed: 3)
        let before = Set(Self.chunks(of: content, geometry))
        let after = Self.chunks(of: Self.noise(5_000, seed: 4) + content, geometry)
        let new = after.filter { !before.contains($0) }.reduce(0) { $0 + $1.length }
        #expect(new < 5_000 + 3 * geometry.longest)
    }

    /// Without an end in its content a chunk ends at the longest.
    @Test func sameBytesAreCutByLength() {
        let chunks = Self.chunks(of: [UInt8](repeating: 0, count: 10 * geometry.longest), geometry)
        #expect(chunks == [ContentChunk](repeating: chunks[0], count: chunks.count))
    }

    /// What the plan says gives the file, for any edit and anything that is held already.
    @Test(arguments: 0..<40)
    func aPlanGivesTheFile(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        let old = Self.noise(Int.random(in: 0...600_000, using: &random), seed: seed)
        let new = Self.edited(old, &random)
        guard !new.isEmpty else { return }
        let blocks = BlockGeometry(size: Int64(new.count))
        let held = Set((0..<blocks.count).filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
        let sizes = ChunkGeometry(size: Int64(new.count))
        let most = Int.random(in: 1...6, using: &random)
        let plan = DeltaPlan(
            of: blocks, chunks: Self.chunks(of: new, sizes), here: Self.chunks(of: old, sizes),
            isMissing: { !held.contains($0) }, mostRanges: most)
        #expect(plan.pages.count <= most)
        var made = [UInt8?](repeating: nil, count: new.count)
        for index in held {
            let offset = Int(blocks.offset(of: index))
            for place in offset..<offset + blocks.length(of: index) { made[place] = new[place] }
        }
        for copy in plan.copies {
            for step in 0..<copy.length { made[Int(copy.to) + step] = old[Int(copy.from) + step] }
        }
        for range in plan.pages {
            let pages = Int(DeltaPlan.pageBytes)
            for place in (range.lowerBound * pages)..<min(range.upperBound * pages, new.count) {
                made[place] = new[place]
            }
        }
        #expect(made == new.map { Optional($0) })
        #expect(plan.fetched(of: 0..<Int64(new.count)) == plan.fetched)
    }

    @Test func aNewFileIsNotWorthAPlan() {
        let old = Self.noise(500_000, seed: 5)
        let new = Self.noise(500_000, seed: 6)
        let plan = DeltaPlan(
            of: BlockGeometry(size: 500_000), chunks: Self.chunks(of: new, geometry),
            here: Self.chunks(of: old, geometry), isMissing: { _ in true }, mostRanges: 4_096)
        #expect(plan.copies.isEmpty && plan.fetched == 500_000 && !plan.isWorthwhile)
    }

    // MARK: Content

    private static func chunks(of content: [UInt8], _ geometry: ChunkGeometry, step: Int = 1 << 18) -> [ContentChunk] {
        var cutter = ChunkCutter(geometry)
        var chunks: [ContentChunk] = []
        for begin in stride(from: 0, to: content.count, by: step) {
            content[begin..<min(begin + step, content.count)].withUnsafeBytes { chunks += cutter.cut($0) }
        }
        if let last = cutter.finish() { chunks.append(last) }
        return chunks
    }

    private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix(state: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// Some stretches are inserted, removed, overwritten.
    private static func edited(_ old: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var new = old
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...new.count, using: &random)
            let end = min(place + Int.random(in: 0...50_000, using: &random), new.count)
            let fresh = noise(Int.random(in: 0...50_000, using: &random), seed: random.next())
            new.replaceSubrange(place..<(Bool.random(using: &random) ? end : place), with: fresh)
        }
        return new
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
