import OfficeCore
import Testing

@testable import OfficeTransfer

@Suite struct BlockSchedulerTests {
    /// Sources that answer, lie, break off, stall, come and go, in any order: in the end every block was kept
    /// exactly once, and nothing was asked of a source twice at once.
    @Test(arguments: 0..<200) func everyBlockArrivesOnce(_ seed: Int) {
        var generator = Seeded(UInt64(seed))
        let count = Int.random(in: 1...200, using: &generator)
        let before = (0..<count).filter { _ in Int.random(in: 0..<4, using: &generator) == 0 }
        var scheduler = BlockScheduler(held: BlockSet(capacity: count, before))
        var kept = Set(before)
        var open: [Int: (source: Int, left: [Int])] = [:]
        var now = Duration.zero
        // Source 0 is honest and never leaves for good, so it always ends.
        scheduler.added(0, now: now)
        var steps = 0
        while !scheduler.isFinished, steps < 100_000 {
            steps += 1
            now += .milliseconds(Int.random(in: 0...50, using: &generator))
            for action in scheduler.actions(now: now) {
                switch action {
                case .ask(let request):
                    let blocks = request.ranges.flatMap { Array($0) }
                    for other in open.values where other.source == request.source {
                        #expect(Set(other.left).isDisjoint(with: blocks))
                    }
                    #expect(Set(blocks).isDisjoint(with: kept))
                    open[request.id] = (request.source, blocks)
                case .stop(let id):
                    open[id] = nil
                    scheduler.ended(id)
                }
            }
            let source = Int.random(in: 1...5, using: &generator)
            switch Int.random(in: 0..<40, using: &generator) {
            case 0: scheduler.added(source, now: now)
            case 1:
                scheduler.removed(source)
                open = open.filter { $0.value.source != source }
            case 2:
                scheduler.stalled(source)
                open = open.filter { $0.value.source != source }
            case 3: scheduler.revived(source, now: now)
            case 4:
                if let id = open.keys.sorted().randomElement(using: &generator) {
                    open[id] = nil
                    scheduler.ended(id)
                }
            default:
                guard let id = open.keys.sorted().randomElement(using: &generator), let flight = open[id] else {
                    continue
                }
                guard let block = flight.left.first else {
                    open[id] = nil
                    scheduler.ended(id)
                    continue
                }
                open[id] = (flight.source, Array(flight.left.dropFirst()))
                if flight.source != 0, Int.random(in: 0..<10, using: &generator) == 0 {
                    scheduler.rejected(block, of: id)
                    if scheduler.isAside(flight.source) { open = open.filter { $0.value.source != flight.source } }
                } else if scheduler.delivered(block, of: id, now: now) {
                    #expect(kept.insert(block).inserted)
                } else {
                    #expect(kept.contains(block))
                }
            }
        }
        #expect(scheduler.isFinished)
        #expect(kept.count == count)
    }

    @Test func aLoneSourceGetsEverythingInOneRequest() {
        var scheduler = BlockScheduler(held: BlockSet(capacity: 10, [3, 4]))
        scheduler.added(7, now: .zero)
        guard case .ask(let request)? = scheduler.actions(now: .zero).first else {
            Issue.record("nothing is asked for")
            return
        }
        #expect(request.ranges == [0..<3, 5..<10])
        #expect(scheduler.actions(now: .zero).isEmpty)
    }

    @Test func aSourceOfWrongBlocksIsPutAside() {
        var scheduler = BlockScheduler(held: BlockSet(capacity: 100))
        scheduler.added(1, now: .zero)
        guard case .ask(let request)? = scheduler.actions(now: .zero).first else { return }
        for block in 0..<4 { scheduler.rejected(block, of: request.id) }
        #expect(scheduler.isAside(1))
        #expect(scheduler.actions(now: .zero).isEmpty)
        scheduler.added(2, now: .zero)
        guard case .ask(let again)? = scheduler.actions(now: .zero).first else {
            Issue.record("nothing is asked for")
            return
        }
        #expect(again.source == 2)
        #expect(again.ranges == [0..<100])
    }
}

@Suite struct BlockSetTests {
    @Test(arguments: [0, 1, 63, 64, 65, 200]) func agreesWithASet(_ capacity: Int) {
        var generator = Seeded(UInt64(capacity))
        var bits = BlockSet(capacity: capacity)
        var set: Set<Int> = []
        for _ in 0..<500 {
            let block = Int.random(in: -2...(capacity + 2), using: &generator)
            if Bool.random(using: &generator) {
                #expect(bits.insert(block) == ((0..<capacity).contains(block) && set.insert(block).inserted))
            } else {
                #expect(bits.remove(block) == (set.remove(block) != nil))
            }
            #expect(bits.count == set.count)
        }
        #expect(bits.missingRanges().flatMap { Array($0) } == (0..<capacity).filter { !set.contains($0) })
        #expect(bits.missingRanges(blocks: 3).reduce(0) { $0 + $1.count } == min(3, capacity - set.count))
        #expect(bits.firstMember(from: 0) == set.min())
    }
}

@Suite struct JournalTests {
    @Test func aTornRecordIsNotThere() throws {
        let digest = Digest256.of([1])
        let journal = Journal(
            size: 10 << 20, token: "1.2",
            blocks: [.init(index: 0, digest: digest), .init(index: 79, digest: digest)])
        #expect(Journal(parsing: journal.bytes) == journal)
        for cut in 1..<36 {
            let torn = try #require(Journal(parsing: journal.bytes.dropLast(cut) as [UInt8]))
            #expect(torn.blocks == [.init(index: 0, digest: digest)])
        }
        #expect(Journal(parsing: journal.bytes.prefix(10) + []) == nil)
    }

    @Test func blocksTheFileDoesNotHaveAreNotThere() {
        let record = Journal.record(.init(index: 5, digest: .of([1])))
        #expect(Journal(parsing: Journal(size: 100, token: "").bytes + record)?.blocks == [])
    }

    @Test func anyBytesAreReadWithoutHarm() {
        var generator = Seeded(3)
        for _ in 0..<5000 {
            var bytes = Array("OSJ1".utf8)
            bytes += (0..<Int.random(in: 0...100, using: &generator)).map { _ in .random(in: 0...255, using: &generator)
            }
            _ = Journal(parsing: bytes)
        }
    }
}

@Suite struct GlobTests {
    @Test(arguments: [
        ("*", "anything", true), ("*.txt", "a.txt", true), ("*.txt", "a.txt.gz", false), ("a?c", "abc", true),
        ("a?c", "aäc", true), ("a?c", "ac", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false),
        ("[]]x", "]x", true), ("[ä-ü]", "ö", true), ("[x", "[x", true), (#"\*"#, "*", true), (#"\*"#, "a", false),
        ("", "", true), ("", "a", false), ("*a*b*", "xxaxxbxx", true), ("*a*b", "xxbxxa", false), ("**", "", true),
        (".*", ".hidden", true),
    ])
    func matches(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(Glob(pattern.utf8).matches(Array(name.utf8)) == expected)
    }

    @Test func aHostilePatternCostsLittle() {
        let name = [UInt8](repeating: 0x61, count: 255)
        let pattern = Array(String(repeating: "a*", count: 127).utf8) + [0x62]
        #expect(!Glob(pattern).matches(name))
    }
}
