import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@testable import OfficeTransfer

/// Chunks whose ends the content decides, and what is made of them.
@Suite struct DeltaTests {
    private let geometry = ChunkGeometry(size: 1 << 20)

    @Test func chunksAreTheContentAndHaveTheirLengths() {
        let content = bytes(1 << 20, seed: 1)
        let chunks = Self.chunks(of: content, geometry)
        #expect(chunks.reduce(0) { $0 + $1.length } == content.count)
        #expect(chunks.dropLast().allSatisfy { (geometry.shortest...geometry.longest).contains($0.length) })
        #expect(chunks.count <= geometry.most(of: Int64(content.count)))
        let mean = content.count / chunks.count
        #expect((geometry.middle / 2...geometry.middle * 2).contains(mean), "\(mean)")
    }

    /// However the stream is cut into reads.
    @Test func theReadsDecideNothing() {
        let content = bytes(300_000, seed: 2)
        let whole = Self.chunks(of: content, geometry)
        for step in [1_000, 4_096, 65_537] { #expect(Self.chunks(of: content, geometry, step: step) == whole) }
    }

    @Test func whatIsInsertedLeavesTheRestAsItIs() {
        let content = bytes(1 << 20, seed: 3)
        let before = Set(Self.chunks(of: content, geometry))
        let after = Self.chunks(of: bytes(5_000, seed: 4) + content, geometry)
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
        var random = Seeded(seed)
        let old = bytes(Int.random(in: 0...600_000, using: &random), seed: seed)
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
        let old = bytes(500_000, seed: 5)
        let new = bytes(500_000, seed: 6)
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

    /// Some stretches are inserted, removed, overwritten.
    private static func edited(_ old: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var new = old
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...new.count, using: &random)
            let end = min(place + Int.random(in: 0...50_000, using: &random), new.count)
            let fresh = bytes(Int.random(in: 0...50_000, using: &random), seed: random.next())
            new.replaceSubrange(place..<(Bool.random(using: &random) ? end : place), with: fresh)
        }
        return new
    }
}

private func bytes(_ count: Int, seed: UInt64) -> [UInt8] { [UInt8](noise(count, seed: seed)) }

/// A newer version of a file that is here already.
@Suite struct DeltaDownloadTests {
    private static let size = 6 << 20
    private static let inserted = 256 << 10
    private static let block = Int64(BlockGeometry.smallestBlock)
    /// What is inserted, and half of it: the chunks at its ends, and those told.
    private static let most = Int64(inserted) * 3 / 2

    /// A file in the share that has something before what the one here has.
    private func office() throws -> TestOffice {
        let office = try TestOffice()
        let older = noise(Self.size)
        try write(older, to: office.here + "/file")
        try write(noise(Self.inserted, seed: 2) + older, to: office.share + "/file")
        return office
    }

    private func expectNew(_ office: TestOffice) throws {
        #expect(try content(office.here + "/file") == content(office.share + "/file"))
    }

    @Test func whatIsInsertedAtItsFrontMovesAlone() async throws {
        let office = try office()
        let summary = try await office.get("file") { $0.force = true }
        #expect(summary.failure == nil, "\(summary.failed)")
        try expectNew(office)
        #expect(summary.bytes < Self.most, "\(summary.bytes)")
        #expect(summary.resumedBytes + summary.bytes >= Int64(Self.size + Self.inserted))
        #expect(summary.resentBlocks == 0)
    }

    @Test func aBrokenConnectionCostsNoMoreThanABlock() async throws {
        let office = try office()
        let seen = Counter()
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer, carried.offset > 100_000, seen.next() < 2 else {
                return .none
            }
            return .reset(after: 1_000)
        }
        let summary = try await office.get("file", to: "", transport) { $0.force = true }
        #expect(summary.failure == nil)
        try expectNew(office)
        #expect(summary.bytes < Self.most + 3 * Self.block, "\(summary.bytes)")
        #expect(summary.resentBlocks <= 2)
    }

    /// Parts that arrive damaged: the blocks they are of are fetched whole.
    @Test func damagedPartsAreNeverTaken() async throws {
        let office = try office()
        let seen = Counter()
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer, carried.offset > 100_000, seen.next() < 1 else {
                return .none
            }
            var piece = carried.piece
            let middle = piece.readerIndex + piece.readableBytes / 2
            piece.setInteger(~(piece.getInteger(at: middle, as: UInt8.self) ?? 0), at: middle)
            return .replaced(piece)
        }
        let summary = try await office.get("file", to: "", transport) { $0.force = true }
        #expect(summary.failure == nil)
        try expectNew(office)
        #expect(summary.bytes < Self.most + 2 * Self.block, "\(summary.bytes)")
    }

    @Test func chunksOfAHugeFileAreNotTold() async throws {
        let office = try TestOffice()
        try shell("truncate -s 40G huge", in: office.share)
        let want = Want(item: 0, path: try RelativePath(parsing: "huge"), purpose: .chunks)
        let maker = FetchMaker(
            wants: [want], folder: try Folder(at: Array(office.share.utf8)), cache: NoHashCache(),
            limits: TransferLimits(), stop: StopFlag())
        var decoder = FrameDecoder(limits: TransferLimits())
        while let piece = maker.next() { decoder.append(piece) }
        guard case .begin? = try decoder.next(), case .fail(0, let error)? = try decoder.next() else {
            Issue.record("it is answered")
            return
        }
        #expect(error.code == .malformed)
    }
}

/// How often something was asked.
private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count - 1
        }
    }
}
