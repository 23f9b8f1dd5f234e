import Foundation
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import Synchronization
import Testing

/// A space keeps what is replaced and removed, and never exceeds its quota.
struct SpaceTests {
    @Test func whatIsReplacedIsKept() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.put("one", at: "a")
        try writer.put("two", at: "a", replacing: .always)
        try writer.put("three", at: "a", replacing: .always)
        #expect(try writer.text("a") == "three")
        #expect(try writer.kept("a") == ["two", "one"])
        #expect(writer.space.files == 1 && writer.space.bytes == 5 && writer.space.versionsBytes == 6)
        #expect(throws: OfficeError.self) { try writer.put("four", at: "a") }
        #expect(try writer.kept("a") == ["two", "one"])
    }

    /// Who reads a file while it is replaced gets what it was, and need not begin anew.
    @Test func whatIsReadStaysWhatItIsWhileItIsReplaced() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.put("one", at: "a")
        let plain = try test.store.root.subfolder(try path("spaces/docs"))
        let (reading, other) = (try writer.folder.open(try path("a")), try plain.open(try path("a")))
        try writer.put("two", at: "a", replacing: .always)
        #expect(try reading.isUnchanged())
        #expect(try !other.isUnchanged())
        try writer.remove(try path("a"), recursive: false)
        #expect(try reading.isUnchanged())
    }

    @Test func whatIsMovedOverOrRemovedIsKept() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.makeDirectory(try path("d"))
        try writer.put("one", at: "d/a")
        try writer.put("two", at: "b")
        #expect(throws: OfficeError.self) { try writer.move(try path("b"), to: try path("d/a"), replacing: .never) }
        try writer.move(try path("b"), to: try path("d/a"), replacing: .always)
        #expect(try writer.kept("d/a") == ["one"])
        try writer.remove(try path("d/a"), recursive: false)
        #expect(try writer.kept("d/a") == ["two", "one"])
        #expect(writer.space.files == 0 && writer.space.bytes == 0)
        #expect(try writer.versions(of: try path("d/a")).map(\.name.how) == [.removed, .replaced])
    }

    @Test func aFolderIsRemovedWithAllInItAndComesBack() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.folder.makeDirectories(try path("in/was/in"))
        for name in ["in/x", "in/was/y", "in/was/in/z", "in/was/00000000000001.5.r.x@y"] {
            try writer.put(name, at: name)
        }
        try writer.makeSymlink(try path("in/l"), target: Array("x".utf8), replacing: .never)
        try writer.remove(try path("in"), recursive: true)
        #expect(writer.space.files == 0 && writer.space.bytes == 0)
        #expect(try writer.kept("in/was/y") == ["in/was/y"])
        #expect(try writer.versions(of: try path("in")).count == 5)
        let restored = try writer.restore(try path("in"), number: nil, to: try path("back"))
        #expect(restored.count == 5)
        #expect(try writer.text("back/was/in/z") == "in/was/in/z")
        #expect(try writer.folder.entry(try path("back/l")).target == Array("x".utf8))
        #expect(writer.space.files == 5)
        // And once more in its own place, from a store that was opened anew.
        let again = try test.reopened().space(try Label("docs")).writer()
        _ = try again.restore(try path("in/was/y"), number: nil, to: try path("in/was/y"))
        #expect(try again.text("in/was/y") == "in/was/y")
    }

    @Test func aVersionIsRestoredAndWhatWasThereIsKept() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        for text in ["one", "two", "three"] {
            try writer.put(text, at: "a", replacing: text == "one" ? .never : .always)
        }
        let oldest = try #require(try writer.versions(of: try path("a")).last)
        _ = try writer.restore(try path("a"), number: oldest.name.number, to: try path("a"))
        #expect(try writer.text("a") == "one")
        #expect(try writer.kept("a") == ["three", "two", "one"])
        #expect(throws: OfficeError.self) { try writer.restore(try path("a"), number: 99_999_999, to: try path("a")) }
        #expect(throws: OfficeError.self) { try writer.restore(try path("nothing"), number: nil, to: try path("a")) }
    }

    @Test func numbersGrowOverRestarts() throws {
        let test = try TestStore()
        var last: Int64 = 0
        _ = try test.space()
        for round in 0..<4 {
            let writer = try test.reopened().space(try Label("docs")).writer()
            try writer.put("\(round)", at: "a", replacing: round == 0 ? .never : .always)
            let newest = try writer.versions(of: try path("a")).first?.name.number ?? 0
            #expect(round == 0 || newest > last)
            last = newest
        }
    }

    @Test func aPathAsLongAsCanBeIsKept() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        let deep = Array(repeating: String(repeating: "x", count: 9), count: 400).joined(separator: "/")
        try writer.folder.makeDirectories(try path(deep))
        try writer.put("deep", at: deep + "/a")
        try writer.remove(try path(deep + "/a"), recursive: false)
        #expect(try writer.kept(deep + "/a") == ["deep"])
    }

    // MARK: Crashes

    /// A folder that was taken and not yet sorted when the power went is sorted at the next start.
    @Test func aRemovalThatACrashCutIsFinished() throws {
        let test = try TestStore()
        let space = try test.space()
        try space.writer().makeDirectory(try path("d"))
        try space.writer().put("one", at: "d/a")
        let gone = test.directory + "/versions/docs/gone/00000000000007.1000.d.alice@0123456789abcdef"
        try FileManager.default.createDirectory(atPath: gone, withIntermediateDirectories: true)
        try Data("d".utf8).write(to: URL(fileURLWithPath: gone + "/path"))
        try FileManager.default.moveItem(atPath: test.directory + "/spaces/docs/d", toPath: gone + "/tree")
        // Another of which only the record was made.
        let begun = test.directory + "/versions/docs/gone/00000000000008.1000.d.alice@0123456789abcdef"
        try FileManager.default.createDirectory(atPath: begun, withIntermediateDirectories: true)
        let writer = try test.reopened().space(try Label("docs")).writer()
        #expect(try writer.kept("d/a") == ["one"])
        #expect(writer.space.versionsBytes == 3)
        #expect(!FileManager.default.fileExists(atPath: gone) && !FileManager.default.fileExists(atPath: begun))
    }

    /// Between keeping and naming: the old has two names, and the new file hides under a temporary's.
    /// Whoever copies it then misses no version that is on its way from one place to another.
    @Test func aSpaceThatStandsStillHasNothingLeftToSort() async throws {
        let test = try TestStore()
        let space = try test.space()
        let writer = space.writer()
        for round in 0..<30 {
            try writer.makeDirectory(try path("d"))
            for number in 0..<20 { try writer.put("\(round)", at: "d/\(number)") }
            let removal = Task { try writer.remove(try path("d"), recursive: true) }
            while (try? space.folder.entry(try path("d"))) != nil { await Task.yield() }
            space.drain()
            let left = try? FileManager.default.contentsOfDirectory(
                atPath: test.directory + "/versions/docs/gone")
            #expect(left ?? [] == [], "in round \(round)")
            try await removal.value
        }
    }

    @Test func aWriteThatACrashCutLeavesTheOld() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.put("one", at: "a")
        // A caller whose right ends in the middle: nothing happened.
        let late = writer.space.writer { () throws(OfficeError) in throw OfficeError(.temporary, "office", "it moved") }
        #expect(throws: OfficeError.self) { try late.put("two", at: "a", replacing: .always) }
        #expect(try writer.text("a") == "one")
        #expect(try writer.kept("a").isEmpty)
    }

    // MARK: Others in the way

    @Test func aFileIsNotPutIntoAFolderThatWasRemoved() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.makeDirectory(try path("d"))
        let partial = try writer.folder.partial(for: try path("d/a"), key: "k")
        defer { partial.close() }
        try partial.setSize(0)
        try writer.remove(try path("d"), recursive: true)
        try writer.makeDirectory(try path("d"))
        let file = CompleteFile(
            partial: partial, path: try path("d/a"), size: 0, modified: .now, executable: false, replacing: .never)
        #expect(throws: OfficeError.self) { try writer.commit(file) }
    }

    @Test func theSameNameFromManyWritersLosesNothing() async throws {
        let test = try TestStore()
        let space = try test.space()
        try space.writer().put("first", at: "a")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    try? space.writer("u\(number)").put(
                        "text \(number)", at: "a", replacing: .always, key: "k\(number)")
                }
            }
        }
        let writer = space.writer()
        let all = try writer.kept("a") + [try writer.text("a")]
        #expect(Set(all) == Set((0..<40).map { "text \($0)" } + ["first"]))
        #expect(all.count == 41)
    }

    // MARK: Quotas

    private final class Seen: Sendable {
        let done = Mutex(0)
        let most = Mutex(Int64(0))
    }

    @Test func theQuotaIsNeverExceededHoweverManyWrite() async throws {
        let test = try TestStore()
        let space = try test.space(quota: 1000)
        let seen = Seen()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    do {
                        try space.writer().put(String(repeating: "x", count: 90), at: "f\(number)")
                        seen.done.withLock { $0 += 1 }
                    } catch {
                        #expect((error as? OfficeError)?.code == .overQuota)
                    }
                    seen.most.withLock { $0 = max($0, space.bytes) }
                }
            }
        }
        #expect(seen.most.withLock { $0 } <= 1000)
        // What is left over is less than a file: whoever was refused could not have been let in.
        #expect(seen.done.withLock { $0 } == 11 && space.bytes == 990)
        try space.writer().put("1234567890", at: "last")
        #expect(throws: OfficeError.self) { try space.writer().put("1", at: "none") }
        try space.writer().remove(try path("last"), recursive: false)
        try space.writer().put("1", at: "none")
        #expect(try test.reopened().space(try Label("docs")).bytes == 991)
    }

    @Test func roomThatWasHeldIsGivenBack() throws {
        let test = try TestStore()
        let space = try test.space(quota: 100)
        do {
            let held = try space.writer().reserve(100, for: try path("a"))
            #expect(throws: OfficeError.self) { try space.writer().put("x", at: "b") }
            _ = held
        }
        try space.writer().put("x", at: "b")
        // What replaces something needs only what it is larger by.
        try space.writer().put(String(repeating: "y", count: 100), at: "b", replacing: .always)
        #expect(space.bytes == 100)
    }

    // MARK: Spaces

    @Test func aSpaceThatIsRemovedIsPutAside() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.put("one", at: "a")
        try writer.put("two", at: "a", replacing: .always)
        _ = try test.store.remove(try Label("docs"))
        #expect(throws: OfficeError.self) { try writer.put("three", at: "b") }
        let aside = test.directory + "/removed/docs-1"
        #expect(FileManager.default.contents(atPath: aside + "/files/a") == Data("two".utf8))
        #expect(FileManager.default.fileExists(atPath: aside + "/versions/in/a/was"))
        #expect(try test.space().files == 0)
    }

    @Test func theStoreOfAnotherOfficeIsRefused() throws {
        let test = try TestStore()
        let other = OfficeID(Digest256.of(Array("other".utf8)))
        #expect(throws: OfficeError.self) { try Store(at: Array(test.directory.utf8), office: other, epoch: 1) }
    }

    @Test func thinningTakesTheOldestBeyondTheBound() throws {
        let test = try TestStore()
        let writer = try test.space().writer()
        try writer.put("0", at: "a")
        for number in 1..<10 { try writer.put("\(number)", at: "a", replacing: .always) }
        #expect(try writer.space.thin(most: 4, now: FileTime.now.seconds) == 5)
        #expect(try writer.kept("a") == ["8", "7", "6", "5"])
        #expect(writer.space.versionsBytes == 4)
    }
}
