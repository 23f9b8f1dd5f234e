import BoothDesk
import Foundation
import NIOCore
import OfficeCore
import OfficeLab
import Testing

@testable import OfficePrinting

/// Documents that come packed, packed by gzip(1).
@Suite("Packed documents") struct GunzipTests {
    private static let gzip = IPPAttribute("compression", .keyword("gzip"))
    private static let text = Array(
        String(repeating: "All work and no play makes Jack a dull boy. ", count: 9_000).utf8)

    /// As gzip packs it.
    private static func packed(_ script: String = "cat", of bytes: [UInt8] = []) async throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "osgzip-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(bytes).write(to: folder.appending(path: "in"))
        try await Command.run(["sh", "-c", "cd '\(folder.path)' && { \(script); } < in | gzip > out"]).checked()
        return Array(try Data(contentsOf: folder.appending(path: "out")))
    }

    /// What comes out of packed bytes that come in pieces of that size.
    private func unpacked(_ packed: [UInt8], piece: Int = 64 << 10) throws(Gunzip.Corruption) -> [UInt8] {
        let gunzip = Gunzip()
        var made: [UInt8] = []
        for start in stride(from: 0, to: packed.count, by: piece) {
            gunzip.take(ByteBuffer(bytes: packed[start..<min(start + piece, packed.count)]))
            while let more = try gunzip.next() {
                #expect((1...(64 << 10)).contains(more.readableBytes))
                made += more.readableBytesView
            }
        }
        try gunzip.finish()
        return made
    }

    @Test("The same comes out, however the pieces lie", arguments: [1, 7, 1_000, 1 << 20])
    func whole(_ piece: Int) async throws {
        let one = try await Self.packed(of: Self.text)
        #expect(try unpacked(one, piece: piece) == Self.text)
        // Members one after the other, an empty one among them.
        let two = try await one + Self.packed() + Self.packed(of: Array("the end".utf8))
        #expect(try unpacked(two, piece: piece) == Self.text + Array("the end".utf8))
        #expect(try await unpacked(Self.packed(), piece: piece) == [])
    }

    @Test("What is cut off anywhere, has something else behind it or isn't gzip is refused")
    func corrupt() async throws {
        let good = try await Self.packed(of: Array(Self.text.prefix(500)))
        for length in 0..<good.count {
            #expect(throws: Gunzip.Corruption.self) { try unpacked(Array(good.prefix(length))) }
        }
        #expect(throws: Gunzip.Corruption.self) { try unpacked(good + Array("more".utf8)) }
        #expect(throws: Gunzip.Corruption.self) { try unpacked(good + [0]) }
        #expect(throws: Gunzip.Corruption.self) { try unpacked(Array("%PDF-1.4".utf8)) }
    }

    @Test("Any byte may be any other: it is refused, or the same comes out")
    func fuzz() async throws {
        let text = Array(Self.text.prefix(500))
        let good = try await Self.packed(of: text)
        for place in good.indices {
            for change in UInt8(1)...255 {
                var bad = good
                bad[place] ^= change
                // The header has bytes that nothing depends on: a time, a name.
                if let made = try? unpacked(bad, piece: 100) { #expect(made == text || place < 10) }
            }
        }
    }

    private func print(_ booth: EndpointFixture, _ packed: [UInt8], piece: Int = 4_096) async -> IPPMessage {
        let document = AsyncThrowingStream<ByteBuffer, any Error> { stream in
            for start in Swift.stride(from: 0, to: packed.count, by: piece) {
                stream.yield(ByteBuffer(bytes: packed[start..<min(start + piece, packed.count)]))
            }
            stream.finish()
        }
        return await booth.endpoint.answer(
            EndpointRequest(
                message: EndpointFixture.message(IPPOperation.printJob.rawValue, [Self.gzip]), document: document,
                caller: booth.alice, queueName: BoothQueue.laserName, authority: "localhost"))
    }

    @Test("The desk gets it unpacked, and its size is that")
    func printed() async throws {
        let booth = try EndpointFixture()
        defer { booth.remove() }
        #expect(await print(booth, try await Self.packed(of: Self.text)).status == .ok)
        let record = try #require(await booth.desk.allRecords().first)
        #expect(booth.desk.document(of: record.report.id) == Self.text)
        #expect(record.report.size == Int64(Self.text.count))
    }

    @Test("A bomb, a stream without end and a broken one leave nothing")
    func refused() async throws {
        let booth = try EndpointFixture(limits: EndpointLimits(documentBytes: 1 << 20))
        defer { booth.remove() }
        let bomb = try await Self.packed("head -c 500M /dev/zero; cat")
        #expect(bomb.count < 1 << 20)
        #expect(await print(booth, bomb).status == .entityTooLarge)
        let empty = try await Self.packed()
        let endless = Array(repeatElement(empty, count: (1 << 20) / empty.count + 1).joined())
        #expect(await print(booth, endless).status == .entityTooLarge)
        #expect(await print(booth, Array("%PDF".utf8)).status == .compressionError)
        #expect(await print(booth, Array(try await Self.packed(of: Self.text).dropLast())).status == .compressionError)
        #expect(await booth.desk.isEmpty)
    }
}
