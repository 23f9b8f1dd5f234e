import Foundation
import OfficeCore
import OfficeFolders
import OfficeTransfer
import Testing

@testable import OfficeStore

/// Edits of one base: none is lost, and none overwrites another.
struct ConflictTests {
    private func root(_ text: String) -> ContentRoot {
        MerkleTree.root(size: Int64(text.utf8.count), leaves: [Digest256.of(Array(text.utf8))])
    }

    private func edit(_ writer: SpaceWriter, _ text: String, at name: String, base: String) throws -> FileName? {
        let path = try path(name)
        let bytes = Array(text.utf8)
        let partial = try writer.folder.partial(for: path, key: "edit")
        defer { partial.close() }
        try partial.setSize(0)
        try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
        let copy = try writer.commit(
            CompleteFile(
                partial: partial, path: path, size: Int64(bytes.count), modified: .now, executable: false,
                replacing: .never, base: root(base), root: root(text)))
        try writer.sync(path.parent)
        return copy
    }

    @Test func theLaterOfTwoEditsIsKeptBesideTheFirst() throws {
        let test = try TestStore()
        let space = try test.space()
        let (alice, bob) = (space.writer("alice"), space.writer("bob"))
        try alice.put("base", at: "plan.odt")
        #expect(try edit(alice, "alice's", at: "plan.odt", base: "base") == nil)
        let copy = try #require(try edit(bob, "bob's", at: "plan.odt", base: "base"))
        #expect(copy.description.hasPrefix("plan (conflict of bob@") && copy.description.hasSuffix(").odt"))
        #expect(try alice.text("plan.odt") == "alice's" && alice.text(copy.description) == "bob's")
        #expect(try alice.kept("plan.odt") == ["base"])
        // An answer that was lost: the same again is the same copy.
        #expect(try edit(bob, "bob's", at: "plan.odt", base: "base") == copy)
        #expect(space.files == 2 && space.bytes == 12)
        // Another edit gets another name, at the same second.
        let other = try #require(try edit(bob, "bob's second", at: "plan.odt", base: "base"))
        #expect(other != copy)
        #expect(space.openConflicts.map(\.copy.last) == [copy, other])
        #expect(space.openConflicts.first?.other?.user == "alice")
        // Known after a restart; and over once the copy is gone.
        let again = try test.reopened().space(try Label("docs"))
        #expect(again.openConflicts.count == 2)
        try again.writer("bob").remove(try path(copy.description), recursive: false)
        #expect(again.openConflicts.map(\.copy.last) == [other])
    }

    @Test func whatIsStillTheBaseIsReplacedAndWhatIsGoneComesBack() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.put("base", at: "a")
        #expect(try edit(writer, "two", at: "a", base: "base") == nil)
        #expect(try writer.kept("a") == ["base"])
        // The same content came from somebody else already: that is what was wanted.
        #expect(try edit(writer, "two", at: "a", base: "base") == nil)
        try writer.remove(try path("a"), recursive: false)
        #expect(try edit(writer, "three", at: "a", base: "two") == nil)
        #expect(try writer.text("a") == "three" && writer.space.files == 1)
    }

    @Test func whatIsNoFileIsNeverReplacedByAnEdit() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.makeSymlink(try path("l"), target: Array("x".utf8), replacing: .never)
        #expect(try edit(writer, "two", at: "l", base: "base") != nil)
        #expect(try writer.folder.entry(try path("l")).kind == .symlink)
    }

    @Test(arguments: [
        ("report.odt", "report (conflict of bob@pc2, 2026-11-21 14-03-22).odt"),
        ("archive.tar.gz", "archive (conflict of bob@pc2, 2026-11-21 14-03-22).tar.gz"),
        (".profile", ".profile (conflict of bob@pc2, 2026-11-21 14-03-22)"),
        ("end.", "end. (conflict of bob@pc2, 2026-11-21 14-03-22)"),
        ("no ending", "no ending (conflict of bob@pc2, 2026-11-21 14-03-22)"),
    ])
    func aCopyIsNamedAfterItsFile(name: String, expected: String) throws {
        let conflict = ConflictName(try FileName(name), author: "bob@pc2", seconds: 1_795_269_802)
        #expect(conflict.name().description == expected)
        #expect(conflict.mayHaveMade(conflict.name(number: 3)))
    }

    @Test func aCopysNameIsANameWhateverTheFileWasCalled() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let length = Int.random(in: 1...255, using: &generator)
            let bytes = (0..<length).map { _ in UInt8.random(in: 1...255, using: &generator) }.map {
                $0 == 0x2F ? 0x2E : $0
            }
            guard let name = try? FileName(bytes), !name.isReserved else { continue }
            let long = String(repeating: "é", count: Int.random(in: 1...40, using: &generator))
            let conflict = ConflictName(name, author: "\(long)@../\(long)", seconds: 1_795_269_802)
            let made = conflict.name(number: Int.random(in: 1...1000, using: &generator))
            #expect(throws: Never.self) { try FileName(made.bytes) }
            #expect(conflict.mayHaveMade(made) && made != name)
        }
        // Cut between characters: text stays text.
        let text = ConflictName(
            try FileName(String(repeating: "ü", count: 125) + ".ods"), author: "bob@pc2", seconds: 0
        ).name()
        #expect(text.bytes.count <= 255 && String(validating: text.bytes, as: UTF8.self) != nil)
        #expect(text.description.hasSuffix(".ods"))
    }

    @Test func aLockedFileIsItsHoldersAlone() throws {
        let test = try TestStore()
        let space = try test.space()
        let (alice, bob) = (space.writer("alice"), space.writer("bob"))
        try alice.makeDirectory(try path("d"))
        try alice.put("one", at: "d/a")
        let lock = try alice.lock(try path("d/a"), for: .seconds(60))
        #expect(lock.holder.user == "alice")
        for change: () throws -> Void in [
            { try bob.put("two", at: "d/a", replacing: .always) },
            { try bob.remove(try path("d/a"), recursive: false) },
            { try bob.remove(try path("d"), recursive: true) },
            { try bob.move(try path("d"), to: try path("e"), replacing: .never) },
            { _ = try bob.lock(try path("d/a"), for: .seconds(60)) }, { try bob.unlock(try path("d/a")) },
        ] {
            #expect { try change() } throws: { ($0 as? OfficeError)?.why.contains("alice") == true }
        }
        try alice.put("two", at: "d/a", replacing: .always)
        try alice.unlock(try path("d/a"))
        try bob.put("three", at: "d/a", replacing: .always)
        #expect(try alice.locks.isEmpty)
    }

    @Test func locksEndByThemselvesAndAreBounded() throws {
        var table = LockTable()
        let (alice, bob) = (Author(user: "alice", node: "a"), Author(user: "bob", node: "b"))
        let start = ContinuousClock.now
        _ = try table.take(try path("a"), by: alice, name: "alice@pc1", lease: .seconds(10), now: start)
        #expect(throws: OfficeError.self) { try table.check(try path("a"), by: bob, now: start + .seconds(9)) }
        try table.check(try path("a"), by: bob, now: start + .seconds(10))
        #expect(table.all(now: start + .seconds(10)).isEmpty)
        for number in 0..<LockTable.mostOfOne {
            _ = try table.take(try path("f\(number)"), by: bob, name: "bob@pc2", lease: .seconds(10), now: start)
        }
        #expect(throws: OfficeError.self) {
            try table.take(try path("more"), by: bob, name: "bob@pc2", lease: .seconds(10), now: start)
        }
        let long = try table.take(try path("f0"), by: bob, name: "bob@pc2", lease: .seconds(1 << 40), now: start)
        #expect(long.until <= start + LockTable.longest)
    }

    /// What can't be read is kept aside and said, also after the next start; what can't be written is said, too.
    @Test func aSpoiltListOfConflictsIsKeptAsideAndSaid() throws {
        let test = try TestStore()
        _ = try test.space()
        let list = test.directory + "/records/docs.conflicts"
        try Data("no list".utf8).write(to: URL(fileURLWithPath: list))
        let space = try test.reopened().space(try Label("docs"))
        #expect(try String(contentsOfFile: list + ".unreadable", encoding: .utf8) == "no list")
        #expect(space.conflictsProblem?.what == "records/docs.conflicts.unreadable" && space.openConflicts.isEmpty)
        try space.writer("alice").put("hers", at: "plan")
        _ = try #require(try edit(space.writer("bob"), "bob's", at: "plan", base: "base"))
        let again = try test.reopened().space(try Label("docs"))
        #expect(again.openConflicts.count == 1 && again.conflictsProblem != nil)
        try FileManager.default.removeItem(atPath: list + ".unreadable")
        #expect(try test.reopened().space(try Label("docs")).conflictsProblem == nil)
        try FileManager.default.removeItem(atPath: test.directory + "/records")
        _ = try #require(try edit(space.writer("carol"), "carol's", at: "plan", base: "base"))
        #expect(space.openConflicts.count == 2)
        #expect(space.conflictsProblem?.why.contains("can't be written down") == true)
    }
}
