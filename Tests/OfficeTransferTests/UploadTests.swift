import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Testing

@testable import OfficeTransfer

extension TestOffice {
    func put(
        _ path: String, to destination: String = "", _ transport: LoopTransport? = nil,
        _ change: (inout TransferOptions) -> Void = { _ in }
    ) async throws -> TransferSummary {
        var options = TransferOptions()
        options.recursive = true
        change(&options)
        let uploader = Uploader(transport: try transport ?? self.transport(), pool: pool, options: options)
        return await uploader.put([Array((here + "/" + path).utf8)], to: try place(destination))
    }
}

@Suite struct UploadTests {
    @Test func copiesATreeExactly() async throws {
        let office = try TestOffice()
        try shell(
            #"""
            mkdir -p t/a/b/empty $'t/we\x01ird\n' t/a/$'\xff\xfe'
            printf x > t/a/one; : > t/a/nothing; chmod 755 t/a/one
            for n in 131071 131072 131073 262144 400000; do head -c $n /dev/urandom > "t/a/$n"; done
            ln -s ../t/a/one t/link; truncate -s 5M t/sparse; printf end >> t/sparse
            for i in $(seq 600); do echo $i > t/a/b/f$i; done
            find t -exec touch -h -d '2001-02-03 04:05:06.123456789' {} +
            """#, in: office.here)
        let summary = try await office.put("t")
        #expect(summary.failed == [])
        #expect(summary.failure == nil)
        #expect(try fingerprint(office.share + "/t") == fingerprint(office.here + "/t"))
        #expect(summary.bytes < 2_000_000)
        let again = try await office.put("t")
        #expect(again.failure == nil)
        #expect(again.bytes == 0)
        #expect(again.files == summary.files)
    }

    @Test func asTheDestinationAndAgainInto() async throws {
        let office = try TestOffice()
        try shell("mkdir t; echo x > t/f", in: office.here)
        #expect(try await office.put("t", to: "new").failure == nil)
        #expect(FileManager.default.fileExists(atPath: office.share + "/new/f"))
        #expect(try await office.put("t", to: "new").failure == nil)
        #expect(FileManager.default.fileExists(atPath: office.share + "/new/t/f"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: office.share) == ["new"])
        #expect(try await office.put("t", to: "no/such").failure == .cannotCreate)
    }

    @Test(arguments: ["", "new", "no/such", "no/such/folder"])
    func aShareThatIsNotThereIsNotFound(_ path: String) async throws {
        let office = try TestOffice()
        try shell("mkdir t; echo x > t/f", in: office.here)
        let place = RemotePlace(node: TestOffice.node, share: label("none"), path: try RelativePath(parsing: path))
        for source in ["t", "t/f"] {
            var options = TransferOptions()
            options.recursive = true
            let uploader = Uploader(transport: try office.transport(), pool: office.pool, options: options)
            let summary = await uploader.put([Array((office.here + "/" + source).utf8)], to: place)
            #expect(summary.failure == .notFound)
            #expect(summary.failed.map(\.error.what) == ["pc1/none"])
        }
    }

    @Test func differentIsLeftAloneAndForcedByItsBlocks() async throws {
        let office = try TestOffice()
        var data = noise(20 * 131_072)
        try write(data, to: office.here + "/file")
        #expect(try await office.put("file").failure == nil)
        data[5 * 131_072] ^= 1
        try write(data, to: office.here + "/file")
        #expect(try await office.put("file").failure == .exists)
        let forced = try await office.put("file") { $0.force = true }
        #expect(forced.failure == nil)
        #expect(forced.bytes == 131_072)
        #expect(try content(office.share + "/file") == data)
    }

    @Test func aLinkThatLeadsOutIsRefused() async throws {
        let office = try TestOffice()
        try shell("mkdir t; ln -s ../../etc t/out; ln -s /etc t/absolute; ln -s ../t t/inside", in: office.here)
        let summary = try await office.put("t")
        #expect(Set(summary.failed.map(\.error.code)) == [.notAllowed])
        #expect(summary.failed.count == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: office.share + "/t") == ["inside"])
    }

    @Test func aReadOnlyShareIsNotWrittenTo() async throws {
        let office = try TestOffice()
        try shell("echo x > f", in: office.here)
        let summary = try await office.put("f", office.transport(mayWrite: false))
        #expect(summary.failure == .notAllowed)
    }

    /// Cut anywhere, again and again: in the end the content is exact, and no run moved more than was missing and
    /// the block that was cut.
    @Test(arguments: 0..<6) func resumesWhereItWasCut(_ seed: Int) async throws {
        let office = try TestOffice()
        var generator = Seeded(UInt64(seed))
        let data = noise(40 * 131_072 + 777, seed: UInt64(seed))
        try write(data, to: office.here + "/file")
        var left = Int64(data.count)
        for _ in 0..<100 {
            let cut = Int.random(in: 1...2_000_000, using: &generator)
            let transport = try office.transport { carried in
                guard carried.verb == .store, carried.way == .request else { return .none }
                if carried.exchange > 1 { return .reset(after: 0) }
                let over = carried.offset + carried.piece.readableBytes - cut
                return over > 0 ? .reset(after: max(0, carried.piece.readableBytes - over)) : .none
            }
            let summary = try await office.put("file", transport) { $0.clock = HandClock().transferClock }
            #expect(summary.bytes <= left + 131_072 * 5)
            left = Int64(data.count) - summary.resumedBytes
            if summary.failure == nil { break }
            #expect(summary.failure == .temporary)
            #expect(!FileManager.default.fileExists(atPath: office.share + "/file"))
        }
        #expect(try content(office.share + "/file") == data)
    }

    @Test func linksThatBreakAreMendedByAskingAgain() async throws {
        let office = try TestOffice()
        try shell("mkdir t; for i in $(seq 300); do head -c 3000 /dev/urandom > t/$i; done", in: office.here)
        let transport = try office.transport { carried in
            guard carried.way == .request, carried.exchange % 3 == 1, carried.verb == .store else { return .none }
            return .reset(after: carried.piece.readableBytes / 2)
        }
        let summary = try await office.put("t", transport)
        #expect(summary.failure == nil)
        #expect(try fingerprint(office.share + "/t") == fingerprint(office.here + "/t"))
    }

    /// What was handed over and never arrived counts neither as moved nor as sent twice, but for the block that was cut.
    @Test func whatABreakSwallowsIsNotCountedAsMoved() async throws {
        let office = try TestOffice()
        let data = noise(80 * 131_072)
        try write(data, to: office.here + "/file")
        let transport = try office.transport { carried in
            guard carried.verb == .store, carried.way == .request, carried.exchange <= 3 else { return .none }
            return carried.offset > 2_000_000 ? .reset(after: carried.piece.readableBytes / 2) : .none
        }
        let summary = try await office.put("file", transport)
        #expect(summary.failed == [])
        #expect(summary.bytes == Int64(data.count))
        #expect((1...3).contains(summary.resentBlocks))
        #expect(summary.sources.map(\.blocks) == [80])
        #expect(try content(office.share + "/file") == data)
    }

    @Test func damagedBlocksAreSentAgain() async throws {
        let office = try TestOffice()
        let data = noise(10 * 131_072)
        try write(data, to: office.here + "/file")
        let transport = try office.transport { carried in
            guard carried.verb == .store, carried.way == .request, carried.exchange == 1, carried.offset < 600_000
            else { return .none }
            var piece = carried.piece
            let at = piece.readerIndex + 50_000
            guard let byte: UInt8 = piece.getInteger(at: at) else { return .none }
            piece.setInteger(byte ^ 1, at: at)
            return .replaced(piece)
        }
        let summary = try await office.put("file", transport)
        #expect(summary.failure == nil)
        #expect(summary.resentBlocks >= 1)
        #expect(try content(office.share + "/file") == data)
    }
}
