import Foundation
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust
import Synchronization
import Testing

@testable import OfficeStore

/// A store that several nodes serve: who leads a space, and that who led it before changes nothing any more.
struct LeadingTests {
    private static let docs = Label.named("docs")
    private let one = NodeID(Digest256.of([1]))
    private let two = NodeID(Digest256.of([2]))

    /// A store with a space `docs` that is shared, opened twice as two nodes have it.
    private func shared() throws -> (home: TestStore, first: Store, second: Store) {
        let home = try TestStore()
        _ = try home.space()
        try home.store.share()
        return (home, try home.reopened(), try home.reopened())
    }

    /// One that never knows that it is over: of a node that stands still between the look and the deed.
    private func lease(_ epoch: Int64) -> SpaceLease {
        let node = NodeLease()
        node.renew(from: .now + .seconds(86_400))
        return SpaceLease(Self.docs, epoch: epoch, node: node)
    }

    private func picture(_ directory: String) throws -> Set<String> {
        var found: Set<String> = []
        for part in ["spaces", "versions", "records"] {
            for case let name as String in FileManager.default.enumerator(atPath: "\(directory)/\(part)") ?? .init() {
                let text = try? String(contentsOfFile: "\(directory)/\(part)/\(name)", encoding: .utf8)
                found.insert("\(part)/\(name): \(text ?? "folder")")
            }
        }
        return found
    }

    @Test func everyChangeIsMadeByWayOfTheLead() throws {
        let (home, first, second) = try shared()
        #expect(throws: OfficeError.self) { try first.space(Self.docs) }
        try first.lead(Self.docs, lease(1))
        let writer = try first.space(Self.docs).writer()
        try writer.makeDirectory(try path("in"))
        try writer.put("one", at: "in/a")
        try writer.put("two", at: "in/a", replacing: .always)
        try writer.put("b", at: "b")
        try writer.move(try path("b"), to: try path("in/c"), replacing: .never)
        try writer.move(try path("in"), to: try path("out"), replacing: .never)
        #expect(throws: OfficeError.self) {
            try writer.move(try path("out"), to: try path("out/x"), replacing: .never)
        }
        #expect(throws: OfficeError.self) { try writer.makeDirectory(try path("out")) }
        try writer.makeSymlink(try path("link"), target: Array("out/a".utf8), replacing: .never)
        try writer.remove(try path("out/c"), recursive: false)
        try writer.makeDirectory(try path("empty"))
        try writer.remove(try path("empty"), recursive: false)
        try writer.confirm()
        #expect(try writer.text("out/a") == "two")
        #expect(try writer.versions(of: try path("in/a")).count == 1)
        #expect(try writer.versions(of: try path("out/c")).count == 1)
        // Nothing is left on the way, and the other finds all of it.
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.directory + "/writing/docs/1/moves").isEmpty)
        try second.lead(Self.docs, lease(2))
        #expect(try second.space(Self.docs).writer().text("out/a") == "two")
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.directory + "/writing/docs") == ["2"])
        #expect(try second.space(Self.docs).files == 2)
    }

    @Test func whoLedItBeforeChangesNothing() throws {
        let (home, first, second) = try shared()
        try first.lead(Self.docs, lease(1))
        let old = try first.space(Self.docs).writer()
        for name in ["a", "b", "c"] { try old.put(name, at: name) }
        for name in ["full", "empty"] { try old.makeDirectory(try path(name)) }
        try old.put("d", at: "full/d")
        // On the disk, and about to get its name.
        let partial = try old.folder.partial(for: try path("late"), key: "late")
        try partial.setSize(4)
        try partial.settle(modified: .now, executable: false, replacing: .never)

        try second.lead(Self.docs, lease(2))
        let new = try second.space(Self.docs).writer()
        try new.put("new", at: "a", replacing: .always)
        let before = try picture(home.directory)
        let late: [(String, () throws -> Void)] = [
            ("publish", { try partial.publish(replacing: .never) }),
            ("publish over", { try partial.publish(as: try FileName("a"), replacing: .always) }),
            ("put", { try old.put("x", at: "x") }),
            ("folder", { try old.makeDirectory(try path("y")) }),
            ("link", { try old.makeSymlink(try path("z"), target: [0x61], replacing: .never) }),
            ("move", { try old.move(try path("b"), to: try path("e"), replacing: .never) }),
            ("move of a folder", { try old.move(try path("full"), to: try path("e"), replacing: .never) }),
            ("removal", { try old.remove(try path("c"), recursive: false) }),
            ("removal of a folder", { try old.remove(try path("full"), recursive: true) }),
            ("removal of an empty folder", { try old.remove(try path("empty"), recursive: false) }),
            ("list", { _ = try first.set(Self.docs, access: try AccessList([]), quota: nil) }),
        ]
        for (what, change) in late {
            #expect(throws: OfficeError.self, "\(what)") { try change() }
            #expect(try picture(home.directory) == before, "\(what)")
        }
        try new.put("more", at: "more")
    }

    @Test func whatWasOnItsWayIsBroughtBack() throws {
        let (home, first, second) = try shared()
        try first.lead(Self.docs, lease(1))
        let writer = try first.space(Self.docs).writer()
        for name in ["a", "b"] { try writer.put(name, at: name) }
        try writer.makeDirectory(try path("f"))
        try writer.put("g", at: "f/g")
        // As a crash leaves a move, a removal of a file and one of a folder, between their two steps.
        let (files, space) = (FileManager.default, home.directory + "/spaces/docs")
        let staging = home.directory + "/writing/docs/1"
        func leave(_ name: String, in place: String, _ record: String, _ text: String, as thing: String) throws {
            try files.createDirectory(atPath: "\(staging)/\(place)", withIntermediateDirectories: true)
            try text.write(toFile: "\(staging)/\(place)/\(record)", atomically: false, encoding: .utf8)
            try files.moveItem(atPath: "\(space)/\(name)", toPath: "\(staging)/\(place)/\(thing)")
        }
        try leave("a", in: "moves/1", "way", "a", as: "it")
        try leave("b", in: "gone/00000000000900.1.d.alice@0123456789abcdef", "path", "b", as: "tree")
        try leave("f", in: "gone/00000000000901.1.d.alice@0123456789abcdef", "path", "f", as: "tree")
        try second.lead(Self.docs, lease(2))
        let new = try second.space(Self.docs).writer()
        #expect(try new.text("a") == "a")
        #expect(try new.versions(of: try path("b")).map(\.name.number) == [900])
        #expect(try new.versions(of: try path("f/g")).map(\.name.number) == [901])
        #expect(!files.fileExists(atPath: staging))
    }

    @Test func nothingIsAcknowledgedWhenTheLeadMayBeOver() throws {
        let (home, first, _) = try shared()
        defer { withExtendedLifetime(home) {} }
        let node = NodeLease()
        node.renew(from: .now)
        let lease = SpaceLease(Self.docs, epoch: 1, node: node)
        try first.lead(Self.docs, lease)
        let writer = try first.space(Self.docs).writer()
        try writer.put("a", at: "a")
        try writer.confirm()
        node.renew(from: .now - NodeLease.length)
        #expect(throws: OfficeError.self) { try writer.confirm() }
        #expect(throws: OfficeError.self) { try writer.put("b", at: "b") }
        node.renew(from: .now)
        try writer.confirm()
        lease.end()
        #expect(throws: OfficeError.self) { try writer.confirm() }
    }

    // MARK: Who leads

    private func beat(_ number: UInt64, sent seconds: Int = 0, life: UInt64 = 1) -> LeadBook.Beat {
        LeadBook.Beat(life: life, number: number, sent: Int64(seconds) * 1000)
    }

    @Test func aClaimIsMadeOnceHoweverManyWantIt() throws {
        let (home, first, second) = try shared()
        let books = [LeadBook(in: first.root, node: one), LeadBook(in: second.root, node: two)]
        for round in 0..<20 {
            let made = Mutex<[NodeID]>([])
            DispatchQueue.concurrentPerform(iterations: 2) { index in
                let claimed = try? books[index].claim(Self.docs, above: Int64(round))
                if let claimed {
                    #expect(claimed == Int64(round + 1))
                    made.withLock { $0.append(index == 0 ? one : two) }
                }
            }
            let winners = made.withLock { $0 }
            #expect(winners.count <= 1)
            if winners.isEmpty { _ = try books[0].claim(Self.docs, above: Int64(round)) }
            let view = try books[1].look()
            #expect(view.claims[Self.docs] == .init(epoch: Int64(round + 1), node: winners.first ?? one))
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: home.directory + "/leading/claims") == ["20.docs"])
    }

    @Test func aLeadGoesOverOnlyWhenItsNodeHasBeenSilentForLongEnough() throws {
        let now = ContinuousClock.now
        var judge = LeadJudge(own: one)
        let claims: [Label: LeadBook.Claim] = [Self.docs: .init(epoch: 4, node: two)]
        func wanted(_ judge: LeadJudge, _ seconds: Int) -> [Int64] {
            judge.wanted([Self.docs], claims, serving: [one, two], led: [], now: now + .seconds(seconds)).map(\.epoch)
        }
        judge.saw([two: beat(1)], now: now)
        #expect(wanted(judge, 9).isEmpty)
        judge.saw([two: beat(2, sent: 9)], now: now + .seconds(9))
        judge.saw([two: beat(2, sent: 9)], now: now + .seconds(18))
        #expect(wanted(judge, 18).isEmpty)
        #expect(wanted(judge, 20) == [4])
        // Longer than what the silent one takes for its own.
        #expect(NodeLease.grace > NodeLease.length)
    }

    @Test func whenASignWasSentCountsAndNotWhenTheStoreLetItBeSeen() {
        let now = ContinuousClock.now
        var judge = LeadJudge(own: one)
        for second in 0..<30 {
            judge.saw([two: beat(UInt64(second), sent: second)], now: now + .seconds(100 + second))
        }
        // Sent at 130, and seen only 7 s later.
        judge.saw([two: beat(30, sent: 30)], now: now + .seconds(137))
        #expect(!judge.isSilent(two, now: now + .seconds(139)))
        #expect(judge.isSilent(two, now: now + .seconds(141)))
        // Of another process nothing is known that one before has told.
        judge.saw([two: beat(31, sent: 0, life: 2)], now: now + .seconds(150))
        #expect(!judge.isSilent(two, now: now + .seconds(159)))
    }

    @Test func spacesAreSpreadAndNobodyTakesAnothers() throws {
        let now = ContinuousClock.now
        let spaces = try (0..<100).map { try Label("space\($0)") }
        var sets: [Set<Label>] = []
        for own in [one, two] {
            var judge = LeadJudge(own: own)
            judge.saw([one: beat(1), two: beat(1)], now: now)
            sets.append(Set(judge.wanted(spaces, [:], serving: [one, two], led: [], now: now).map(\.space)))
        }
        #expect(sets[0].isDisjoint(with: sets[1]) && sets[0].union(sets[1]).count == 100)
        #expect(sets.allSatisfy { $0.count > 25 })
    }

    @Test func ownLeadsOfAnEarlierLifeAreTakenAtOnce() {
        var judge = LeadJudge(own: one)
        judge.saw([one: beat(1), two: beat(1)], now: .now)
        let claims: [Label: LeadBook.Claim] = [Self.docs: .init(epoch: 7, node: one)]
        #expect(
            judge.wanted([Self.docs], claims, serving: [one, two], led: [], now: .now).map(\.epoch) == [7])
    }
}

extension Label {
    fileprivate static func named(_ text: String) -> Label { (try? Label(text)) ?? .ofOffice }
}
