import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@testable import OfficeTransfer

@Suite struct FaultTests {
    /// Cut anywhere, by a reset or by an early end, again and again: in the end the content is exact, and what
    /// moved is what was missing and at most one block for each cut.
    @Test(arguments: 0..<8) func resumesWhereItWasCut(_ seed: Int) async throws {
        let office = try TestOffice()
        var generator = Seeded(UInt64(seed) + 99)
        let size = Int.random(in: 1...60, using: &generator) * 131_072 + Int.random(in: -1...1, using: &generator)
        let data = noise(size, seed: UInt64(seed))
        try write(data, to: office.share + "/file")
        var moved: Int64 = 0
        var cuts: Int64 = 0
        for _ in 0..<200 {
            let cut = Int.random(in: 1...1_500_000, using: &generator)
            let resets = Bool.random(using: &generator)
            let transport = try office.transport { carried in
                guard carried.verb == .fetch, carried.way == .answer else { return .none }
                if carried.exchange > 1 { return .reset(after: 0) }
                let over = carried.offset + carried.piece.readableBytes - cut
                guard over > 0 else { return .none }
                let rest = max(0, carried.piece.readableBytes - over)
                return resets ? .reset(after: rest) : .truncated(after: rest)
            }
            let summary = try await office.get("file", transport) { $0.clock = HandClock().transferClock }
            moved += summary.bytes
            if summary.failure == nil { break }
            cuts += 1
            #expect(summary.failure == .temporary)
            #expect(!FileManager.default.fileExists(atPath: office.here + "/file"))
        }
        #expect(try content(office.here + "/file") == data)
        #expect(moved <= Int64(size) + cuts * 131_072)
    }

    @Test func aFolderKeepsItsDestinationOverAnInterruption() async throws {
        let office = try TestOffice()
        try shell(
            "mkdir -p t/sub; for i in $(seq 40); do head -c 200000 /dev/urandom > t/sub/$i; done", in: office.share)
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer else { return .none }
            return carried.exchange > 1 || carried.offset > 3_000_000 ? .reset(after: 0) : .none
        }
        let broken = try await office.get("t", to: "copy", transport) { $0.clock = HandClock().transferClock }
        #expect(broken.failure == .temporary)
        let again = try await office.get("t", to: "copy")
        #expect(again.failure == nil)
        #expect(again.resumedBytes > 0)
        #expect(try fingerprint(office.here + "/copy") == fingerprint(office.share + "/t"))
        // Done: once more is a new copy, into it.
        _ = try await office.get("t", to: "copy")
        #expect(try fingerprint(office.here + "/copy/t") == fingerprint(office.share + "/t"))
    }

    @Test func aLostLinkIsMendedWithinPatience() async throws {
        let office = try TestOffice()
        let data = noise(5_000_000)
        try write(data, to: office.share + "/file")
        let transport = try office.transport { carried in
            carried.verb == .fetch && carried.way == .answer && carried.exchange < 6 && carried.offset > 600_000
                ? .reset(after: 1000) : .none
        }
        let summary = try await office.get("file", transport)
        #expect(summary.failure == nil)
        #expect(transport.count(of: .fetch) == 6)
        #expect(try content(office.here + "/file") == data)
        #expect(summary.bytes <= Int64(data.count) + 5 * 131_072)
    }

    @Test func aSilentSourceIsGivenUpAfterPatience() async throws {
        let office = try TestOffice()
        try write(noise(5_000_000), to: office.share + "/file")
        let clock = HandClock()
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer, carried.offset > 0 || carried.exchange > 1 else {
                return .none
            }
            return .stalled { clock.advance(by: .seconds(1)) }
        }
        let summary = try await office.get("file", transport) { $0.clock = clock.transferClock }
        #expect(summary.failure == .temporary)
        #expect(summary.seconds >= 10)
    }

    @Test func damagedBlocksAreAskedForAgainAndCounted() async throws {
        let office = try TestOffice()
        let data = noise(3_000_000)
        try write(data, to: office.share + "/file")
        let damaged = Mutex(0)
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer, carried.exchange == 1, carried.offset > 0,
                damaged.withLock({
                    $0 += 1; return $0 <= 3
                })
            else { return .none }
            var piece = carried.piece
            let at = piece.readerIndex + 1000
            piece.setInteger((piece.getInteger(at: at) ?? UInt8(0)) ^ 0x80, at: at)
            return .replaced(piece)
        }
        let summary = try await office.get("file", transport)
        #expect(summary.failure == nil)
        #expect(summary.resentBlocks == 3)
        #expect(summary.sources.first?.rejected == 3)
        #expect(try content(office.here + "/file") == data)
    }

    /// One in 20 of its blocks is wrong: it is asked for those again, and not put aside as one that lies.
    @Test func aDiskThatErrsNowAndThenIsBetterThanNone() async throws {
        let office = try TestOffice()
        let data = noise(160 * 131_072)
        try write(data, to: office.share + "/file")
        let damaged = Mutex(0)
        let transport = try office.transport { carried in
            let end = carried.offset + carried.piece.readableBytes
            guard carried.verb == .fetch, carried.way == .answer, carried.offset / 3_000_000 != end / 3_000_000
            else { return .none }
            damaged.withLock { $0 += 1 }
            var piece = carried.piece
            let at = piece.readerIndex + 1000
            piece.setInteger((piece.getInteger(at: at) ?? UInt8(0)) ^ 0x80, at: at)
            return .replaced(piece)
        }
        let summary = try await office.get("file", transport)
        #expect(summary.failed == [])
        #expect(damaged.withLock { $0 } > 4)
        #expect(summary.resentBlocks == damaged.withLock { $0 })
        #expect(summary.sources.map(\.rejected) == [damaged.withLock { $0 }])
        #expect(try content(office.here + "/file") == data)
    }

    /// The last frames are lost, when every block has come already: what is there is not asked for again.
    @Test(arguments: [1000, 131_072, 300_000]) func anEndThatIsLostCostsNoBlock(_ size: Int) async throws {
        let office = try TestOffice()
        let data = noise(size)
        try write(data, to: office.share + "/file")
        for lost in stride(from: 1, to: 100, by: 3) {
            let transport = try office.transport { carried in
                guard carried.verb == .fetch, carried.way == .answer, carried.exchange == 1 else { return .none }
                let last = carried.offset + carried.piece.readableBytes > size
                return last ? .truncated(after: carried.piece.readableBytes - lost) : .none
            }
            let summary = try await office.get("file", to: "\(lost)", transport)
            #expect(summary.failed == [], "\(lost) bytes were lost")
            #expect(summary.bytes <= Int64(size + 131_072))
            #expect(try content(office.here + "/\(lost)") == data)
        }
    }

    /// While it is read, the source is rewritten in place, grows, shrinks, or is replaced: what arrives is one of
    /// its versions, or nothing.
    @Test(arguments: ["rewrite", "grow", "shrink", "replace"]) func neverAMixture(_ how: String) async throws {
        let office = try TestOffice()
        let size = 20 * 131_072
        let path = office.share + "/file"
        try write(noise(size), to: path)
        let versions = Mutex([noise(size)])
        let times = Mutex(0)
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer, carried.offset > 1_000_000,
                times.withLock({
                    $0 += 1; return $0 <= 2
                })
            else { return .none }
            var next = versions.withLock { $0.last ?? Data() }
            switch how {
            case "grow": next += noise(300_000, seed: 9)
            case "shrink": next = next.prefix(next.count - 200_000)
            default: for block in 0..<(next.count / 131_072) { next[block * 131_072] &+= 1 }
            }
            versions.withLock { $0.append(next) }
            if how == "replace" {
                try? next.write(to: URL(fileURLWithPath: path), options: .atomic)
            } else if let file = FileHandle(forWritingAtPath: path) {
                file.write(next)
                try? file.truncate(atOffset: UInt64(next.count))
                try? file.close()
            }
            return .none
        }
        let summary = try await office.get("file", transport)
        #expect(summary.failure == nil)
        let result = try content(office.here + "/file")
        #expect(versions.withLock { $0.contains(result) })
        #expect(result == versions.withLock { $0.last })
    }

    @Test func aSourceThatNeverRestsIsGivenUp() async throws {
        let office = try TestOffice()
        let path = office.share + "/file"
        try write(noise(2_000_000), to: path)
        let round = Mutex(UInt64(1))
        let transport = try office.transport { carried in
            if carried.verb == .fetch, carried.way == .answer, carried.offset == 0 {
                try? noise(
                    2_000_000,
                    seed: round.withLock {
                        $0 += 1; return $0
                    }
                ).write(to: URL(fileURLWithPath: path))
            }
            return .none
        }
        let summary = try await office.get("file", transport)
        #expect(summary.failure == .temporary)
        #expect(summary.failed.first?.error.why == "it keeps changing while it is read")
        #expect(!FileManager.default.fileExists(atPath: office.here + "/file"))
    }

    @Test func oneUnreadableFileDoesNotStopTheRest() async throws {
        let office = try TestOffice()
        try shell("mkdir t; echo 1 > t/a; echo 2 > t/b; echo 3 > t/c", in: office.share)
        let transport = try office.transport { carried in
            if carried.verb == .fetch, carried.way == .request {
                try? FileManager.default.removeItem(atPath: office.share + "/t/b")
            }
            return .none
        }
        let summary = try await office.get("t", transport)
        #expect(summary.failure == .partial)
        #expect(summary.files == 2)
        #expect(summary.failed.map(\.error.code) == [.notFound])
    }
}
