import NIOCore
import OfficeCore
import Testing

@testable import OfficeTransfer

@Suite struct FrameTests {
    static let digest = Digest256.of([1, 2, 3])
    static let samples: [Frame] = {
        do {
            let path = try RelativePath(parsing: [0x61, 0x2F, 0xFF, 0xFE, 0x2F, 0x0A])
            let time = FileTime(seconds: -5, nanoseconds: 999_999_999)
            return [
                .ping,
                .list(ListRequest(path: path, recursive: true, withSelf: true, pattern: [0x2A], limit: 7)),
                .list(ListRequest(path: .root)),
                .want(Want(item: 3, path: path, token: "1.2.3", purpose: .hashes, ranges: [0..<4, 9..<10])),
                .offer(
                    Offer(
                        item: 1, path: path, kind: .symlink, size: 0, modified: time, executable: false, force: true,
                        key: "k", target: [0x2E])),
                .offer(
                    Offer(
                        item: 1, path: path, kind: .file, size: 1 << 40, modified: time, executable: true, force: false,
                        key: "k")),
                .store(
                    StoreHead(
                        item: 9, path: path, size: 5, modified: time, executable: true, key: "k",
                        condition: .ifUnchanged("1.2"))),
                .change(item: 0, .makeFolder(path, parents: true)),
                .change(item: 1, .move(path, to: path, force: true)),
                .change(item: 2, .remove(path, recursive: true)),
                .change(item: 3, .setModified(path, time)),
                .change(item: 4, .setExecutable(path, true)),
                .change(item: 5, .mark(path, key: "k", .clear)),
                .entries([
                    Entry(path: path, kind: .file, size: 5, modified: time, executable: true),
                    Entry(path: path, kind: .symlink, size: 1, modified: time, executable: false, target: [0x78]),
                    Entry(path: .root, kind: .directory, size: 0, modified: time, executable: true),
                ]),
                .begin(FileHead(item: 2, size: 77, modified: time, executable: false, token: "t")),
                .block(index: 4, length: 131_072), .data(ByteBuffer(bytes: [1, 2, 3])),
                .blockEnd(index: 4, digest: digest), .hole(index: 8),
                .manifest(item: 1, first: 6, digests: [digest, digest]),
                .held(item: 1, [BlockDigest(index: 3, digest: digest)]),
                .need(Need(item: 4)), .need(Need(item: 4, existing: .init(size: 3, token: "x"))),
                .keep([BlockDigest(index: 0, digest: digest)]), .done(item: 1, wasThere: true),
                .committed(item: 5, root: ContentRoot(digest)), .progress(bytes: 1 << 50), .end(item: 1, root: nil),
                .end(item: Frame.wholeExchange, root: ContentRoot(digest)),
                .fail(item: 7, OfficeError(.notFound, "a/b", "it is not there", mend: "Look elsewhere.")),
                .fail(item: 7, OfficeError(.io, "ä", "b")),
            ]
        } catch {
            return []
        }
    }()

    private func decoded(_ pieces: [ByteBuffer]) throws -> [Frame] {
        var decoder = FrameDecoder()
        var frames: [Frame] = []
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next() { frames.append(frame) }
        }
        #expect(decoder.isAtBoundary)
        return frames
    }

    @Test(arguments: samples) func survivesTheWire(_ frame: Frame) throws {
        #expect(try decoded([FrameEncoder.encoded(frame)]) == [frame])
    }

    @Test func mayBeCutAnywhere() throws {
        var encoder = FrameEncoder()
        let frames = Self.samples.filter { if case .data = $0 { false } else { true } }
        for frame in frames { encoder.write(frame) }
        let whole = encoder.take()
        let pieces = (0..<whole.readableBytes).compactMap { whole.getSlice(at: $0, length: 1) }
        #expect(try decoded(pieces) == frames)
    }

    @Test func dataIsHandedOnAsItComes() throws {
        let bytes = ByteBuffer(bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        var wire = FrameEncoder.encoded(.data(bytes))
        var decoder = FrameDecoder()
        var out = ByteBuffer()
        while let piece = wire.readSlice(length: min(999, wire.readableBytes)), piece.readableBytes > 0 {
            decoder.append(piece)
            while case .data(var slice)? = try decoder.next() { out.writeBuffer(&slice) }
        }
        #expect(out == bytes)
    }

    @Test func anythingElseIsMalformedAndNeverACrash() {
        var generator = Seeded(42)
        for round in 0..<20_000 {
            var bytes = [UInt8]()
            if round % 2 == 0, let frame = Self.samples.randomElement(using: &generator) {
                bytes = Array(FrameEncoder.encoded(frame).readableBytesView)
                for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
            } else {
                bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                    .random(in: 0...255, using: &generator)
                }
            }
            var decoder = FrameDecoder()
            decoder.append(ByteBuffer(bytes: bytes))
            do throws(OfficeError) {
                while try decoder.next() != nil {}
            } catch {
                #expect(error.code == .malformed || error.code == .notFound)
            }
        }
    }

    @Test func limitsHoldAtThemAndPast() throws {
        func decode(_ frame: Frame, _ change: (inout TransferLimits) -> Void) throws(OfficeError) -> Frame? {
            var limits = TransferLimits()
            change(&limits)
            var decoder = FrameDecoder(limits: limits)
            decoder.append(FrameEncoder.encoded(frame))
            return try decoder.next()
        }
        let path = try RelativePath(parsing: "abc")
        let want = Frame.want(Want(item: 1, path: path, token: "tok", ranges: [0..<1, 2..<3]))
        let manifest = Frame.manifest(item: 0, first: 0, digests: [Self.digest, Self.digest])
        let head = Frame.begin(
            FileHead(item: 0, size: 9, modified: FileTime(seconds: 0, nanoseconds: 0), executable: false, token: ""))
        #expect(try decode(want) { $0.pathBytes = 3 } == want)
        #expect(throws: OfficeError.self) { try decode(want) { $0.pathBytes = 2 } }
        #expect(try decode(want) { $0.tokenBytes = 3 } == want)
        #expect(throws: OfficeError.self) { try decode(want) { $0.tokenBytes = 2 } }
        #expect(try decode(want) { $0.ranges = 2 } == want)
        #expect(throws: OfficeError.self) { try decode(want) { $0.ranges = 1 } }
        #expect(try decode(manifest) { $0.digests = 2 } == manifest)
        #expect(throws: OfficeError.self) { try decode(manifest) { $0.digests = 1 } }
        #expect(try decode(manifest) { $0.frameBytes = 76 } == manifest)
        #expect(throws: OfficeError.self) { try decode(manifest) { $0.frameBytes = 75 } }
        #expect(try decode(head) { $0.fileBytes = 9 } == head)
        #expect(throws: OfficeError.self) { try decode(head) { $0.fileBytes = 8 } }
    }

    /// A path as it would have to be forged: the encoder can't make these.
    @Test(arguments: ["..", "a/../b", "/etc", "a//b", "a/", ".", "a/.", ".officeshare-part-1", "a\0b"])
    func hostilePathsAreRefused(_ path: String) {
        var payload = ByteBuffer()
        payload.writeInteger(UInt8(0))
        payload.writeInteger(UInt16(path.utf8.count))
        payload.writeString(path)
        payload.writeInteger(UInt16(0))
        payload.writeInteger(UInt32(0))
        var wire = ByteBuffer()
        wire.writeInteger(UInt8(0x01))
        wire.writeInteger(UInt32(payload.readableBytes))
        wire.writeBuffer(&payload)
        var decoder = FrameDecoder()
        decoder.append(wire)
        #expect(throws: OfficeError.self) { try decoder.next() }
    }

    @Test func longTextsAreCut() throws {
        let error = OfficeError(.io, String(repeating: "ä", count: 5000), "b")
        guard case .fail(_, let back) = try decoded([FrameEncoder.encoded(.fail(item: 0, error))]).first else {
            Issue.record("no FAIL")
            return
        }
        #expect(back.what.utf8.count == TransferLimits().textBytes)
        #expect(back.what.allSatisfy { $0 == "ä" })
    }
}
