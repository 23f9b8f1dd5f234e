import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@testable import OfficeTransfer

/// What a node holds in passing: verified, bounded, and handed out as it comes.
@Suite(.timeLimit(.minutes(1)))
struct BlockCacheTests {
    private static let block = BlockGeometry.smallestBlock
    private let pool = WorkPool(threads: 2, syncThreads: 1)
    private let directory = NSTemporaryDirectory()
    private let origin = NodeID(Digest256.of("origin".utf8))

    private struct Content {
        let bytes: Data
        let leaves: [Digest256]
        let key: BlockCache.Key

        init(_ blocks: Int, seed: UInt64, origin: NodeID) {
            bytes = noise(blocks * BlockCacheTests.block, seed: seed)
            leaves = (0..<blocks).map { [bytes] in
                Digest256.of(bytes[($0 * BlockCacheTests.block)..<(($0 + 1) * BlockCacheTests.block)])
            }
            key = .init(origin: origin, root: MerkleTree.root(size: Int64(bytes.count), leaves: leaves))
        }

        func frames(_ blocks: some Sequence<Int>) -> ByteBuffer {
            var encoder = FrameEncoder()
            for block in blocks {
                let part = bytes[(block * BlockCacheTests.block)..<((block + 1) * BlockCacheTests.block)]
                encoder.write(.block(index: block, length: part.count))
                encoder.write(.data(ByteBuffer(bytes: part)))
                encoder.write(.blockEnd(index: block, digest: leaves[block]))
            }
            return encoder.take()
        }
    }

    private func content(_ blocks: Int, seed: UInt64 = 1) -> Content { Content(blocks, seed: seed, origin: origin) }

    private func opened(_ content: Content, in cache: BlockCache) throws {
        try cache.open(content.key, size: Int64(content.bytes.count), leaves: content.leaves)
    }

    private func put(_ frames: ByteBuffer, _ content: Content, in cache: BlockCache) async {
        let tap = ContentTap(into: cache, content.key, pool: pool)
        var rest = frames
        while let piece = rest.readSlice(length: min(50_000, rest.readableBytes)), piece.readableBytes > 0 {
            await tap.take(piece)
        }
        await tap.finish()
    }

    private func held(_ content: Content, in cache: BlockCache) -> [Int] {
        cache.holds(content.key).map { $0.ranges().flatMap { Array($0) } } ?? []
    }

    @Test func onlyWhatIsVerifiedIsKept() async throws {
        let cache = BlockCache(in: directory, capacity: 64 << 20)
        let content = content(8)
        // Of what it has no manifest of nothing is kept.
        await put(content.frames(0..<8), content, in: cache)
        #expect(!cache.knows(content.key) && cache.bytes == 0)
        #expect(throws: OfficeError.self) {
            try cache.open(content.key, size: Int64(content.bytes.count), leaves: content.leaves.reversed())
        }
        try opened(content, in: cache)
        var frames = content.frames([0, 1, 2])
        frames.setInteger(
            frames.getInteger(at: Self.block + 100, as: UInt8.self).map { ~$0 } ?? 0, at: Self.block + 100)
        await put(frames, content, in: cache)
        #expect(held(content, in: cache).count == 2)
        // Cut off in the middle, and what is no block at all.
        var cut = content.frames([3])
        await put(cut.readSlice(length: 9000) ?? cut, content, in: cache)
        await put(ByteBuffer(string: "no frames of ours"), content, in: cache)
        #expect(held(content, in: cache).count == 2 && cache.bytes == Int64(2 * Self.block))
        await put(content.frames(0..<8), content, in: cache)
        #expect(held(content, in: cache) == Array(0..<8))
    }

    @Test func itsBoundHoldsAtItAndPast() async throws {
        let cache = BlockCache(in: directory, capacity: Int64(8 * Self.block))
        let content = content(12)
        try opened(content, in: cache)
        await put(content.frames(0..<8), content, in: cache)
        #expect(held(content, in: cache) == Array(0..<8) && cache.bytes == Int64(8 * Self.block))
        // One more: what was used longest ago goes.
        await put(content.frames([8]), content, in: cache)
        #expect(cache.bytes <= Int64(8 * Self.block))
        #expect(!held(content, in: cache).contains(0) && held(content, in: cache).contains(8))
        // What was read last stays.
        let before = try #require(held(content, in: cache).first)
        _ = try await read([before], of: content, in: cache)
        await put(content.frames([9, 10, 11]), content, in: cache)
        #expect(held(content, in: cache).contains(before) && cache.bytes <= Int64(8 * Self.block))
        cache.configure(capacity: Int64(2 * Self.block))
        #expect(cache.bytes <= Int64(2 * Self.block))
        cache.configure(capacity: 0)
        #expect(cache.bytes == 0 && !cache.knows(content.key))
        try opened(content, in: cache)
        #expect(!cache.knows(content.key))
    }

    @Test func contentsAreBounded() throws {
        let cache = BlockCache(in: directory, capacity: 64 << 20)
        let contents = (0...BlockCache.mostContents).map { content(1, seed: UInt64($0 + 1)) }
        for content in contents { try opened(content, in: cache) }
        #expect(contents.count { cache.knows($0.key) } == BlockCache.mostContents)
        #expect(!cache.knows(contents[0].key))
    }

    // MARK: Handing out

    private func read(_ blocks: [Int], of content: Content, in cache: BlockCache) async throws -> [Int: ByteBuffer] {
        var want = Want(item: 0, path: .root)
        want.token = ContentToken.token(of: content.key.root)
        want.ranges = blocks.sorted().map { $0..<($0 + 1) }
        let answer = Mutex(ByteBuffer())
        try await PassingAnswer(of: content.key, in: cache, pool: pool).answer(
            BodyStream(FrameEncoder.encoded(.want(want)))
        ) { piece in answer.withLock { _ = $0.writeImmutableBuffer(piece) } }
        var decoder = FrameDecoder()
        decoder.append(answer.withLock { $0 })
        var (got, open): ([Int: ByteBuffer], Int?) = ([:], nil)
        while let frame = try decoder.next() {
            if case .block(let index, _) = frame { (open, got[index]) = (index, ByteBuffer()) }
            if case .data(let piece) = frame, let open { got[open]?.writeImmutableBuffer(piece) }
        }
        return got
    }

    @Test func whatIsHereIsSentAndTheRestLeftOut() async throws {
        let cache = BlockCache(in: directory, capacity: 64 << 20)
        let content = content(8)
        try opened(content, in: cache)
        await put(content.frames([1, 5]), content, in: cache)
        // It has the rest, and not from here: nothing is waited for.
        cache.expect(content.key, held: BlockSet(capacity: 8, 0..<8))
        let got = try await read([1, 2, 5, 7], of: content, in: cache)
        #expect(got.keys.sorted() == [1, 5])
        #expect(got[5].map { Data($0.readableBytesView) } == Data(content.bytes[(5 * Self.block)..<(6 * Self.block)]))
        await #expect(throws: OfficeError.self) { try await read([8], of: content, in: cache) }
        await #expect(throws: OfficeError.self) { try await read([0], of: self.content(3, seed: 7), in: cache) }
    }

    @Test func whatIsOnItsWayIsWaitedFor() async throws {
        let cache = BlockCache(in: directory, capacity: 64 << 20)
        let content = content(8)
        try opened(content, in: cache)
        cache.expect(content.key, held: BlockSet(capacity: 8))
        async let got = read([2, 6], of: content, in: cache)
        await put(content.frames([6, 2]), content, in: cache)
        #expect(try await got.keys.sorted() == [2, 6])
    }

    @Test func whoWaitsIsWokenByWhatItWaitsForAlone() async throws {
        let cache = BlockCache(in: directory, capacity: 64 << 20)
        let content = content(8)
        try opened(content, in: cache)
        let (_, bell) = cache.listen(to: content.key, for: BlockSet(capacity: 8, [6]))
        await put(content.frames(0..<6), content, in: cache)
        #expect(await !bell.wait(for: .zero))
        await put(content.frames([6]), content, in: cache)
        #expect(await bell.wait())
    }
}
