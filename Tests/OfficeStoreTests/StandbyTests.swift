import Foundation
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust
import Synchronization
import Testing

@testable import OfficeStore

/// A copy that does what was done in the store is equal to it, versions and all.
struct StandbyTests {
    /// Brings everything that waits over, as the standby's node does.
    private func carry(_ feed: ChangeFeed, to copy: Store) throws {
        let batch = feed.pending(most: 1000, bytes: 1 << 30)
        for noted in batch {
            let partial = try copy.partial(for: noted.change)
            if let partial, let content = noted.content {
                var bytes = [UInt8](repeating: 0, count: Int(noted.change.contentBytes))
                _ = try bytes.withUnsafeMutableBytes { try content.read(into: $0, at: 0) }
                try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
            }
            try copy.follow(noted.change, partial)
        }
        try copy.settle(batch.map(\.change))
        if let last = batch.last { feed.acknowledge(last.number) }
    }

    /// Every path with its content: of files and versions.
    private func picture(_ directory: String) throws -> [String: String] {
        var picture: [String: String] = [:]
        for part in ["spaces", "versions"] {
            let root = directory + "/" + part
            for case let name as String in FileManager.default.enumerator(atPath: root) ?? .init()
            where !name.contains(".officeshare-") {
                var isFolder: ObjCBool = false
                let path = root + "/" + name
                if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
                    picture[part + "/" + name] = "-> " + target
                } else if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
                    picture[part + "/" + name] = try String(contentsOfFile: path, encoding: .utf8)
                } else if part == "spaces" {
                    picture[part + "/" + name] = "folder"
                }
            }
        }
        return picture
    }

    @Test(arguments: 0..<12)
    func theCopyIsEqualAfterAnyChanges(seed: Int) throws {
        var generator = Seeded(UInt64(seed))
        let (original, copy) = (try TestStore(), try TestStore())
        original.store.feed.follow()
        _ = try original.store.add(try Label("docs"), access: .everyone, quota: 1000)
        let writer = try original.store.space(try Label("docs")).writer()
        let names = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a"]
        for step in 0..<200 {
            let name = names.randomElement(using: &generator) ?? "a"
            let other = names.randomElement(using: &generator) ?? "b"
            // What can't be done is refused, and isn't told.
            _ = try? change(Int.random(in: 0..<8, using: &generator), writer, name, other, "\(seed) \(step)")
            if Int.random(in: 0..<5, using: &generator) == 0 { try carry(original.store.feed, to: copy.store) }
        }
        try carry(original.store.feed, to: copy.store)
        #expect(original.store.feed.isDrained)
        let picture = try picture(original.directory)
        let same = try self.picture(copy.directory)
        let different = Set(picture.keys).union(same.keys).filter { picture[$0] != same[$0] }.sorted()
        #expect(different.isEmpty && picture.count > 5, "\(different.map { ($0, picture[$0], same[$0]) })")
        let (space, other) = (writer.space, try copy.store.space(try Label("docs")))
        #expect(other.files == space.files && other.bytes == space.bytes && other.versionsBytes == space.versionsBytes)
        // Numbers go on behind those that were given there, also after a restart.
        let again = try copy.reopened().space(try Label("docs")).writer()
        try again.put("new", at: "fresh")
        try again.put("newer", at: "fresh", replacing: .always)
        let number = try #require(try again.versions(of: try path("fresh")).first?.name.number)
        for name in names {
            for version in try writer.versions(of: try path(name)) where version.path == (try path(name)) {
                #expect(version.name.number < number)
            }
        }
    }

    private func change(
        _ kind: Int, _ writer: SpaceWriter, _ name: String, _ other: String, _ text: String
    ) throws {
        switch kind {
        case 0, 1: try writer.put(text, at: name, replacing: .always)
        case 2: try writer.makeDirectory(try path(name))
        case 3: try writer.makeSymlink(try path(name), target: Array(text.utf8), replacing: .always)
        case 4: try writer.move(try path(name), to: try path(other), replacing: .always)
        case 5: try writer.remove(try path(name), recursive: true)
        case 6: try writer.remove(try path(name), recursive: false)
        default: try writer.setModified(try path(name), FileTime(seconds: 5, nanoseconds: 7))
        }
    }

    @Test func spacesAndUsersFollow() throws {
        let (original, copy) = (try TestStore(), try TestStore())
        original.store.feed.follow()
        let label = try Label("docs")
        _ = try original.store.add(label, access: .everyone, quota: nil)
        _ = try original.store.set(label, access: nil, quota: .some(5))
        _ = try original.store.accounts.add(try .init("carol"), password: Array("correct horse".utf8), now: .now)
        try carry(original.store.feed, to: copy.store)
        #expect(copy.store.record(of: label)?.quota == 5)
        #expect(try copy.store.accounts.verify(try .init("carol"), password: Array("correct horse".utf8)))
        _ = try original.store.remove(label)
        try carry(original.store.feed, to: copy.store)
        #expect(copy.store.records.isEmpty)
    }

    @Test func nothingIsConfirmedBeforeTheCopyHasIt() throws {
        let feed = ChangeFeed(patienceSeconds: 1)
        try feed.confirm()
        feed.note(.folder(try Label("docs"), try path("a")))
        // Nobody follows.
        try feed.confirm()
        feed.follow()
        feed.note(.folder(try Label("docs"), try path("b")))
        #expect(throws: ChangeFeed.unconfirmed) { try feed.confirm() }
        feed.acknowledge(feed.last)
        try feed.confirm()
        // Lost: what comes waits until that was said.
        feed.hold()
        feed.note(.folder(try Label("docs"), try path("c")))
        #expect(throws: ChangeFeed.unconfirmed) { try feed.confirm() }
        feed.release()
        try feed.confirm()
        feed.follow()
        feed.note(.folder(try Label("docs"), try path("d")))
        feed.close(OfficeError(.temporary, "x", "moving"))
        #expect(throws: OfficeError(.temporary, "x", "moving")) { try feed.confirm() }
    }

    @Test func whatMayDifferUnseenIsRemembered() throws {
        let feed = ChangeFeed()
        let docs = try Label("docs")
        func file(_ name: String) throws -> StoreChange {
            .file(
                docs, try path(name), size: 1, modified: FileTime(seconds: 0, nanoseconds: 0), executable: false,
                kept: nil)
        }
        // Since this process began nothing is known of a copy: everything is compared.
        feed.note(try file("a"))
        #expect(feed.beginCopying() == nil)
        feed.note(try file("b"))
        #expect(feed.touched?.map(\.path) == [try path("b")])
        feed.endCopying(comparedAll: true)
        #expect(feed.beginCopying() == nil)
        feed.follow()
        // What was sent and not acknowledged may be there or not.
        feed.note(try file("c"))
        feed.hold()
        feed.note(.move(docs, try path("x"), to: try path("d"), kept: nil))
        #expect(Set(feed.beginCopying()?.map(\.path) ?? []) == [try path("c"), try path("d")])
        feed.follow()
        feed.miss()
        #expect(feed.hasMissed)
        for number in 0...1000 { feed.note(try file("f\(number)")) }
        feed.release()
        feed.follow()
        feed.release()
        for number in 0...1000 { feed.note(try file("f\(number)")) }
        #expect(feed.touched == nil)
    }

    @Test func whoWaitsIsWokenByTheCopyAndByTheRelease() async throws {
        for isReleased in [true, false] {
            let feed = ChangeFeed(patienceSeconds: 60)
            feed.follow()
            feed.note(.folder(try Label("docs"), try path("a")))
            let waiting = Task.detached {
                try await withCheckedThrowingContinuation { continuation in
                    Thread.detachNewThread { continuation.resume(with: Result { try feed.confirm() }) }
                }
            }
            if isReleased { feed.release() } else { feed.acknowledge(feed.last) }
            try await waiting.value
        }
    }
}

/// A generator whose numbers a test can have again (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
