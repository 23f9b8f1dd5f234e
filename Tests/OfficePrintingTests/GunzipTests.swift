import Foundation
import NIOCore
import OfficeCore
import OfficeLab
import Testing

@testable import OfficePrinting

/// Documents that come compressed: whole, or refused.
@Suite("A compressed document") struct GunzipTests {
    /// What gzip makes of some bytes.
    private func gzipped(_ bytes: Data) async throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gunzip-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "document")
        try bytes.write(to: file)
        try await Command.run(["gzip", file.path]).checked()
        return [UInt8](try Data(contentsOf: folder.appending(path: "document.gz")))
    }

    /// What comes out of pieces of so many bytes; stops past `limit`.
    private func gunzipped(_ bytes: [UInt8], pieces: Int, limit: Int = .max) async throws -> Data {
        let stream = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
            var rest = bytes[...]
            while !rest.isEmpty {
                continuation.yield(ByteBuffer(bytes: rest.prefix(pieces)))
                rest = rest.dropFirst(pieces)
            }
            continuation.finish()
        }
        var out = Data()
        for try await piece in Gunzipped(stream) {
            #expect(piece.readableBytes <= Gunzipped.pieceBytes)
            out += Data(piece.readableBytesView)
            if out.count > limit { break }
        }
        return out
    }

    @Test(
        "is what it was before, in pieces of any size, also where it is several in a row",
        arguments: [1, 7, 4_096, .max])
    func whole(_ pieces: Int) async throws {
        let document = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 5) })
        let packed = try await gzipped(document)
        #expect(try await gunzipped(packed, pieces: pieces) == document)
        #expect(try await gunzipped(packed + packed, pieces: pieces) == document + document)
    }

    @Test("that is cut, damaged or something else is refused")
    func refused() async throws {
        let packed = try await gzipped(Data("a page of text, and some more of it".utf8))
        for length in packed.indices {
            await #expect(throws: OfficeError.self) { try await gunzipped(Array(packed[..<length]), pieces: 5) }
        }
        await #expect(throws: OfficeError.self) { try await gunzipped(Array("%PDF-1.4".utf8), pieces: 5) }
        for place in packed.indices {
            var bad = packed
            bad[place] ^= 0x55
            // Damage of what means nothing (a time, a flag) is none.
            let out = try? await gunzipped(bad, pieces: 9)
            #expect(out == nil || out == Data("a page of text, and some more of it".utf8), "\(place)")
        }
    }

    @Test("that swells a thousandfold comes out piece by piece, and can be left at any of them")
    func swells() async throws {
        let packed = try await gzipped(Data(count: 64 << 20))
        #expect(packed.count < 128 << 10)
        let out = try await gunzipped(packed, pieces: .max, limit: 1 << 20)
        #expect(out.count <= 1 << 20 + Gunzipped.pieceBytes)
    }
}
