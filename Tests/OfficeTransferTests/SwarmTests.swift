import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@testable import OfficeTransfer

/// One file from its owner and from copies: exact, whatever any of them does, as long as one is honest.
@Suite(.timeLimit(.minutes(2)))
struct SwarmTests {
    private static let size = 12 << 20
    private static let copies = ["pc2", "pc3"].map(label)

    /// The owner's file at three places, fetched with what `decide` does to the ways.
    private func fetch(
        spoiling: Label? = nil, _ decide: @escaping LoopTransport.Decide
    ) async throws -> (summary: TransferSummary, isExact: Bool) {
        let office = try TestOffice()
        let content = noise(Self.size)
        try write(content, to: office.share + "/file")
        var folders = [TestOffice.node: try Folder(at: Array(office.share.utf8))]
        for copy in Self.copies {
            let path = office.directory + "/\(copy)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try write(copy == spoiling ? noise(Self.size, seed: 9) : content, to: path + "/file")
            folders[copy] = try Folder(at: Array(path.utf8))
        }
        let transport = LoopTransport(folders, responder: office.responder, copies: Self.copies, decide: decide)
        let summary = try await office.get("file", transport)
        let got = try? Data(contentsOf: URL(fileURLWithPath: office.here + "/file"))
        return (summary, got == content)
    }

    private func isContent(_ carried: Carried) -> Bool { carried.verb == .fetch && carried.way == .answer }

    @Test func allWhoHaveItSend() async throws {
        // Each waits a little for the others: else the first may be done alone.
        let (summary, isExact) = try await fetch { carried in
            isContent(carried) && carried.offset > 0
                ? .delayed { try? await ContinuousClock().sleep(for: .milliseconds(4)) } : .none
        }
        #expect(summary.failed == [] && isExact)
        #expect(summary.sources.filter { $0.blocks > 0 }.map(\.node) == ["pc1", "pc2", "pc3"])
        #expect(summary.sources.allSatisfy { $0.rejected == 0 })
    }

    @Test func whoSendsWhatIsWrongIsFoundOutAndNamed() async throws {
        let (summary, isExact) = try await fetch { carried in
            guard carried.server == label("pc2"), isContent(carried), carried.offset > 300 else { return .none }
            var piece = carried.piece
            let middle = piece.readerIndex + piece.readableBytes / 2
            if let byte = piece.getInteger(at: middle, as: UInt8.self) { piece.setInteger(byte ^ 0xFF, at: middle) }
            return .replaced(piece)
        }
        #expect(summary.failed == [] && isExact)
        let rejected = Dictionary(uniqueKeysWithValues: summary.sources.map { ($0.node, $0.rejected) })
        #expect(rejected["pc1"] == 0 && rejected["pc3", default: 0] == 0)
        #expect(rejected["pc2", default: 0] <= 4)
    }

    @Test func whoNeverAnswersHoldsNobodyUp() async throws {
        let (summary, isExact) = try await fetch { carried in
            carried.server == label("pc3") && isContent(carried) ? .stalled {} : .none
        }
        #expect(summary.failed == [] && isExact)
    }

    @Test func theOwnerCanLeaveForGood() async throws {
        let sent = Mutex(0)
        let (summary, isExact) = try await fetch { carried in
            guard carried.server == TestOffice.node, isContent(carried) else { return .none }
            let before = sent.withLock { sent in
                sent += carried.piece.readableBytes
                return sent
            }
            return before > 2 << 20 ? .reset(after: 0) : .none
        }
        #expect(summary.failed == [] && isExact)
    }

    @Test func aCopyOfSomethingElseIsNotUsed() async throws {
        let (summary, isExact) = try await fetch(spoiling: label("pc2")) { _ in .none }
        #expect(summary.failed == [] && isExact)
        #expect(summary.sources.allSatisfy { $0.node != "pc2" || $0.blocks == 0 })
    }

    /// Resets, cuts, delays and damage at random, upon all but one of the sources.
    @Test(arguments: 1...12) func anyOneHonestSourceIsEnough(_ seed: Int) async throws {
        let honest = [TestOffice.node] + Self.copies
        let keeper = honest[seed % 3]
        let random = Mutex(Seeded(UInt64(seed)))
        let (summary, isExact) = try await fetch { carried in
            // The listing and the manifest are the owner's affair: faults begin with the blocks.
            guard isContent(carried), carried.server != keeper, carried.offset > 0 else { return .none }
            let draw = random.withLock { Int($0.next() % 40) }
            switch draw {
            case 0: return .reset(after: carried.piece.readableBytes / 3)
            case 1: return .truncated(after: carried.piece.readableBytes / 2)
            case 2...4: return .delayed { try? await ContinuousClock().sleep(for: .milliseconds(20)) }
            case 5...7:
                var piece = carried.piece
                let place = piece.readerIndex + piece.readableBytes / 3
                if let byte = piece.getInteger(at: place, as: UInt8.self) { piece.setInteger(byte ^ 1, at: place) }
                return .replaced(piece)
            default: return .none
            }
        }
        #expect(summary.failed == [], "seed \(seed)")
        #expect(isExact, "seed \(seed)")
    }
}
