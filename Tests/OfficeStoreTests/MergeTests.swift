import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust
import Synchronization
import Testing

@testable import OfficeStore

/// After a cut that had two file servers: everything that either acknowledged is in the file, in its versions, or beside it
/// by name.
struct MergeTests {
    private static let other = NodeID(Digest256.of(Array("other".utf8)))

    /// Leads to a folder in this process; breaks off where it is told to.
    private struct FolderTransport: ShareTransport {
        let folder: Folder
        /// One for all tests: each has threads of its own.
        static let pool = WorkPool(threads: 2, syncThreads: 2)
        static let responder = ShareResponder(pool: WorkPool(threads: 2, syncThreads: 2))
        let breaks: @Sendable () -> Bool

        func exchange<Answer: Sendable>(
            node: Label, share: Label, verb: ShareVerb, server: Label?,
            send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
            receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
        ) async throws -> Answer {
            // Not one that is tried again by itself.
            guard !breaks() else { throw OfficeError(.io, "the link", "it broke") }
            let (requests, request) = AsyncStream.makeStream(of: ByteBuffer.self)
            let (answers, answer) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
            async let serving: Void = {
                do {
                    try await Self.responder.respond(
                        to: verb, in: folder, mayWrite: false, request: BodyStream(requests)
                    ) { answer.yield($0) }
                    answer.finish()
                } catch {
                    answer.finish(throwing: error)
                }
            }()
            try await send { request.yield($0) }
            request.finish()
            let received = try await receive(BodyStream(answers))
            await serving
            return received
        }
    }

    /// One side of the cut, with everything that it acknowledged.
    private final class Side {
        let test: TestStore
        let user: String
        var acknowledged: [String: Set<String>] = [:]

        init(_ test: TestStore, _ user: String) {
            self.test = test
            self.user = user
        }

        func writer() throws -> SpaceWriter { try test.store.space(try Label("docs")).writer(user) }

        func step(_ names: [String], _ text: String, _ generator: inout Seeded) throws {
            let name = names.randomElement(using: &generator) ?? "a"
            let other = names.randomElement(using: &generator) ?? "b"
            let writer = try writer()
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...3:
                // Now and then somebody goes back to what was there before.
                let old = acknowledged[name]?.sorted().randomElement(using: &generator)
                let content = Int.random(in: 0..<6, using: &generator) == 0 ? old ?? text : text
                try writer.put(content, at: name, replacing: .always)
                acknowledged[name, default: []].insert(content)
            case 4:
                try writer.move(try path(name), to: try path(other), replacing: .always)
                // What was written is looked for by its content, wherever it went.
                acknowledged[other, default: []].formUnion(acknowledged[name] ?? [])
            case 5: try writer.remove(try path(name), recursive: true)
            case 6: try writer.makeDirectory(try path(name))
            default: try writer.makeSymlink(try path(name), target: Array(text.utf8), replacing: .always)
            }
        }
    }

    /// Every content that is anywhere in a store's space or its versions.
    private func contents(_ directory: String) throws -> Set<String> {
        var contents: Set<String> = []
        for part in ["spaces", "versions"] {
            let root = directory + "/" + part
            for case let name as String in FileManager.default.enumerator(atPath: root) ?? .init()
            where !name.contains(".officeshare-") {
                let path = root + "/" + name
                if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
                    contents.insert("-> " + target)
                } else if let text = try? String(contentsOfFile: path, encoding: .utf8) {
                    contents.insert(text)
                }
            }
        }
        return contents
    }

    private func merge(
        _ theirs: TestStore, into ours: TestStore, breaks: @escaping @Sendable () -> Bool = { false }
    ) async throws -> StoreMerge.Summary {
        let transport = FolderTransport(folder: try Folder(at: Array(theirs.directory.utf8)), breaks: breaks)
        return try await StoreMerge(
            into: ours.store, from: Self.other, named: try Label("pc1"), transport: transport,
            pool: FolderTransport.pool,
            hashes: MemoryHashCache()
        ) { () throws(OfficeError) in }.run()
    }

    private func carry(_ feed: ChangeFeed, to copy: Store) throws {
        for noted in feed.pending(most: 10_000, bytes: 1 << 30) {
            let partial = try copy.partial(for: noted.change)
            if let partial, let content = noted.content {
                var bytes = [UInt8](repeating: 0, count: Int(noted.change.contentBytes))
                _ = try bytes.withUnsafeMutableBytes { try content.read(into: $0, at: 0) }
                try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
            }
            try copy.follow(noted.change, partial)
            feed.acknowledge(noted.number)
        }
    }

    @Test(arguments: 0..<8)
    func nothingAcknowledgedIsLost(seed: Int) async throws {
        var generator = Seeded(UInt64(seed) + 1000)
        let (first, second) = (Side(try TestStore(), "alice"), Side(try TestStore(), "bob"))
        first.test.store.feed.follow()
        _ = try first.test.store.add(try Label("docs"), access: .everyone, quota: nil)
        let names = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a"]
        for step in 0..<60 { try? first.step(names, "before \(seed) \(step)", &generator) }
        // The standby has all of it, or the other server begins with nothing.
        let isForced = seed.isMultiple(of: 4)
        if isForced {
            _ = try second.test.store.add(try Label("docs"), access: .everyone, quota: nil)
        } else {
            try carry(first.test.store.feed, to: second.test.store)
            second.acknowledged = first.acknowledged
        }
        first.test.store.feed.release()
        for step in 0..<60 {
            try? first.step(names, "first \(seed) \(step)", &generator)
            try? second.step(names, "second \(seed) \(step)", &generator)
        }
        let wanted = try contents(first.test.directory).union(contents(second.test.directory))
        // Broken off again and again, at any exchange, and gone on with.
        var breaks = 0
        while breaks < 60 {
            let left = Mutex(breaks)
            let done = try? await merge(first.test, into: second.test) {
                left.withLock { left in
                    left -= 1
                    return left < 0
                }
            }
            if done != nil { break }
            breaks += 5
        }
        let last = try await merge(first.test, into: second.test)
        // Nothing was left to do.
        #expect(last == StoreMerge.Summary())
        let there = try contents(second.test.directory)
        #expect(wanted.subtracting(there).isEmpty, "\(wanted.subtracting(there).sorted())")
        let acknowledged = Set((Array(first.acknowledged.values) + Array(second.acknowledged.values)).joined())
        #expect(acknowledged.subtracting(there).isEmpty && acknowledged.count > 20)
        // The old store is as it was, and the books here are right.
        #expect(!FileManager.default.fileExists(atPath: second.test.directory + "/incoming"))
        let (space, again) = (
            try second.test.store.space(try Label("docs")), try second.test.reopened().space(try Label("docs"))
        )
        #expect(space.files == again.files && space.bytes == again.bytes && space.versionsBytes == again.versionsBytes)
    }

    @Test func whatDerivesFromTheOthersReplacesIt() async throws {
        let (ours, theirs) = (try TestStore(), try TestStore())
        let (here, there) = (try ours.space().writer("bob"), try theirs.space().writer("alice"))
        for writer in [here, there] {
            for name in ["same", "edited", "both", "gone"] { try writer.put("base", at: name) }
        }
        try there.put("theirs", at: "edited", replacing: .always)
        try there.put("theirs", at: "both", replacing: .always)
        try here.put("ours", at: "both", replacing: .always)
        try here.remove(try path("gone"), recursive: false)
        try there.makeDirectory(try path("empty"))
        try there.put("theirs", at: "new")
        let summary = try await merge(theirs, into: ours)
        #expect(try here.text("same") == "base" && here.text("edited") == "theirs" && here.text("new") == "theirs")
        #expect(try here.kept("edited").contains("base"))
        #expect(try here.text("both") == "ours")
        let copy = try #require(here.space.openConflicts.first)
        #expect(copy.path == (try path("both")) && copy.copy.description.contains("conflict of alice@"))
        #expect(try here.text(copy.copy.description) == "theirs")
        // A removal isn't undone by what was not edited.
        #expect(throws: OfficeError.self) { try here.text("gone") }
        #expect(try here.folder.entry(try path("empty")).kind == .directory)
        #expect(summary.files == 2 && summary.conflicts == 1 && summary.versions == 0)
    }

    /// What was removed there and left alone here goes, and is kept as a version; what somebody has written, brought back
    /// or locked here stays.
    @Test func aRemovalComesWhereNobodyTouchedTheFile() async throws {
        let (ours, theirs) = (try TestStore(), try TestStore())
        theirs.store.feed.follow()
        let there = try theirs.space().writer("alice")
        for name in ["d", "d/e"] { try there.makeDirectory(try path(name)) }
        let names = ["untouched", "d/e/untouched", "rewritten", "again", "locked", "before", "d/other"]
        for name in names { try there.put("base of \(name)", at: name) }
        try there.remove(try path("before"), recursive: false)
        try carry(theirs.store.feed, to: ours.store)
        theirs.store.feed.release()
        let here = try ours.store.space(try Label("docs")).writer("bob")
        for name in names where name != "before" && name != "d/other" {
            try there.remove(try path(name), recursive: false)
        }
        try there.remove(try path("d/e"), recursive: false)
        try here.put("anew", at: "rewritten", replacing: .always)
        try here.remove(try path("again"), recursive: false)
        _ = try here.restore(try path("again"), number: nil, to: try path("again"))
        _ = try here.restore(try path("before"), number: nil, to: try path("before"))
        _ = try here.lock(try path("locked"), for: .seconds(60))
        let summary = try await merge(theirs, into: ours)
        #expect(summary.removals == 2)
        for name in ["untouched", "d/e/untouched", "d/e"] {
            #expect(throws: OfficeError.self, "\(name)") { try here.folder.entry(try path(name)) }
        }
        #expect(try here.kept("untouched") == ["base of untouched"])
        #expect(try here.text("rewritten") == "anew" && here.kept("rewritten").contains("base of rewritten"))
        for name in ["again", "before", "locked", "d/other"] { #expect(try here.text(name) == "base of \(name)") }
        // The books are right, nothing is left to do, and what comes back stays.
        let again = try ours.reopened().space(try Label("docs"))
        #expect(again.files == here.space.files && again.versionsBytes == here.space.versionsBytes)
        _ = try here.restore(try path("untouched"), number: nil, to: try path("untouched"))
        #expect(try await merge(theirs, into: ours) == StoreMerge.Summary())
        #expect(try here.text("untouched") == "base of untouched")
    }

    @Test func aFolderWhereAFileIsGetsAnotherName() async throws {
        let (ours, theirs) = (try TestStore(), try TestStore())
        let (here, there) = (try ours.space().writer(), try theirs.space().writer())
        try here.put("a file", at: "d")
        try there.makeDirectory(try path("d"))
        try there.put("in a folder", at: "d/x")
        try here.makeDirectory(try path("e"))
        try there.put("a file", at: "e")
        for _ in 0..<2 { _ = try await merge(theirs, into: ours) }
        #expect(try here.text("d") == "a file" && here.space.files == 3)
        #expect(try contents(ours.directory).contains("in a folder"))
    }

    @Test func aSpaceThatIsOnlyThereComesWithItsList() async throws {
        let (ours, theirs) = (try TestStore(), try TestStore())
        let access = try AccessList([.account(try UserName("carol"))])
        _ = try theirs.store.add(try Label("hers"), access: access, quota: 3)
        try theirs.store.space(try Label("hers")).writer().put("one", at: "f")
        _ = try await merge(theirs, into: ours)
        #expect(ours.store.record(of: try Label("hers"))?.access == access)
        #expect(try ours.store.space(try Label("hers")).writer().text("f") == "one")
    }

    @Test(arguments: 0..<200)
    func everyContentIsSomewhere(seed: Int) {
        var generator = Seeded(UInt64(seed))
        func history() -> PathHistory {
            func content() -> Content { .link([UInt8.random(in: 0..<6, using: &generator)]) }
            let versions = Set((0..<Int.random(in: 0..<4, using: &generator)).map { _ in content() })
            return PathHistory(
                current: Bool.random(using: &generator) ? content() : nil, versions: versions,
                removed: Bool.random(using: &generator) ? versions.randomElement(using: &generator) : nil)
        }
        let (theirs, ours) = (history(), history())
        var after = ours
        var beside: Set<Content> = []
        after.versions.formUnion(MergeStep.missing(theirs: theirs, ours: ours))
        switch MergeStep(theirs: theirs, ours: ours) {
        case .known: break
        case .put:
            #expect(ours.current == nil)
            after.current = theirs.current
        case .replace:
            if let current = ours.current { after.versions.insert(current) }
            after.current = theirs.current
        case .beside: if let current = theirs.current { beside.insert(current) }
        case .remove:
            #expect(theirs.current == nil && theirs.removed == ours.current)
            if let current = ours.current { after.versions.insert(current) }
            after.current = nil
        }
        let wanted = theirs.versions.union(ours.versions).union([theirs.current, ours.current].compactMap { $0 })
        #expect(
            wanted.subtracting(after.versions).subtracting(beside).subtracting([after.current].compactMap { $0 }) == [])
        // And nothing here was taken away from its name by what it wasn't made into.
        if after.current != ours.current, let current = ours.current { #expect(theirs.versions.contains(current)) }
        #expect(
            MergeStep(theirs: theirs, ours: PathHistory(current: after.current, versions: after.versions.union(beside)))
                == .known)
    }
}
