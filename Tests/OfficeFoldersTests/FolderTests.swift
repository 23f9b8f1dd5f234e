import Glibc
import OfficeCore
import OfficeFolders
import Testing

@Suite("Files of a folder, as users put them there")
struct FolderTests {
    private let ground = Playground()
    private let time = FileTime(seconds: 1_234_567_890, nanoseconds: 123_456_789)

    @Test("What is received appears whole under its name, with its time and its executable bit")
    func commit() throws {
        let folder = try ground.folder()
        let partial = try folder.partial(for: .of("a.txt"), key: "k")
        #expect(partial.isNew)
        try partial.write("hello")
        #expect(try folder.list(.root).all().isEmpty)
        try partial.commit(modified: time, executable: true, replacing: .never)
        let entry = try #require(try folder.list(.root).all().first)
        #expect(entry.path == (try .of("a.txt")))
        #expect((entry.kind, entry.size, entry.modified, entry.executable) == (.file, 5, time, true))
        #expect(try folder.open(.of("a.txt")).text() == "hello")
        #expect(ground.names(ground.shared) == ["a.txt"])
    }

    @Test("An interrupted transfer finds its partial file and journal again; another key doesn't")
    func resume() throws {
        let folder = try ground.folder()
        let first = try folder.partial(for: .of("a"), key: "k")
        try first.write("12345")
        try first.appendJournal(Array("one;".utf8))
        try first.appendJournal(Array("two;".utf8))
        #expect(code { _ = try folder.partial(for: .of("a"), key: "k") } == .temporary)
        #expect(code { try folder.discardPartial(for: .of("a"), key: "k") } == .temporary)
        first.close()
        let second = try folder.partial(for: .of("a"), key: "k")
        #expect(!second.isNew)
        #expect(try second.journal() == Array("one;two;".utf8))
        #expect(try second.size() == 5)
        let other = try folder.partial(for: .of("a"), key: "other")
        #expect(other.isNew)
        try other.discard()
        second.close()
        try folder.discardPartial(for: .of("a"), key: "k")
        try folder.discardPartial(for: .of("a"), key: "k")
        #expect(ground.names(ground.shared).isEmpty)
    }

    @Test("Folders, links and names are made, moved and removed")
    func changes() throws {
        let folder = try ground.folder()
        try folder.makeDirectory(.of("d"))
        #expect(code { try folder.makeDirectory(.of("d")) } == .exists)
        try folder.makeSymlink(.of("d/l"), target: Array("../x".utf8))
        #expect(try folder.entry(.of("d/l")).target == Array("../x".utf8))
        try folder.setModified(.of("d/l"), time)
        #expect(try folder.entry(.of("d/l")).modified == time)
        #expect(code { try folder.remove(.of("d"), recursive: false) } == .exists)
        try folder.move(.of("d"), to: .of("e"), replacing: .never)
        #expect(code { try folder.move(.of("e"), to: .of("e/f"), replacing: .never) } == .cannotCreate)
        ground.write("x", to: ground.shared + "/x")
        #expect(try folder.open(.of("e/l")).text() == "x")
        try folder.setExecutable(.of("x"), true)
        #expect(try folder.entry(.of("x")).executable)
        try folder.remove(.of("e"), recursive: true)
        #expect(ground.names(ground.shared) == ["x"])
    }
}
