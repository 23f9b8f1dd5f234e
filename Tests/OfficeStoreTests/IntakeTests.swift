import Foundation
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTrust
import Testing

/// A folder that holds files becomes a store: nothing of it moves but loose files, and nothing is lost.
struct IntakeTests {
    private let directory = "/dev/shm/officeshare-intake-" + UUID().uuidString

    /// Makes files below the folder, each with its path as its content; names are bytes.
    private func fill(_ files: [[UInt8]]) throws {
        try Store.makeFolder(Array(directory.utf8))
        let root = try Folder(at: Array(directory.utf8))
        for file in files {
            let path = try RelativePath(parsing: file)
            try root.makeDirectories(path.parent)
            try root.write(file, to: path)
        }
    }

    private func store() throws -> Store { try Store(at: Array(directory.utf8), office: TestStore.office, epoch: 1) }
    private func content(_ path: [UInt8]) -> Data? {
        FileManager.default.contents(atPath: directory + "/" + String(decoding: path, as: UTF8.self))
    }

    @Test func foldersBecomeSpacesWhereTheyLieAndLooseFilesOne() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let odd = Array("photos/caf".utf8) + [0xE9] + Array(".jpg".utf8)
        let files = ["plans/a", "plans/deep/er/b", "Büro 2/c", "loose", ".hidden", "files/d", "lost+found/e"]
        try fill(files.map { Array($0.utf8) } + [odd])
        let store = try store()
        #expect(store.records.isEmpty && store.strays.count == 6)
        let taken = try store.takeIn()
        #expect(taken.map(\.description) == ["Büro 2", "files", "files-2", "photos", "plans"])
        #expect(store.strays.isEmpty)
        // Nobody may use them before somebody is named.
        #expect(store.records.allSatisfy { $0.access.grants.isEmpty && $0.quota == nil })
        for file in files where !["loose", ".hidden"].contains(file) {
            #expect(content(Array(file.utf8)) == Data(file.utf8))
        }
        #expect(content(Array("spaces/files-2/loose".utf8)) == Data("loose".utf8))
        let loose = try store.space(try Label("files-2"))
        #expect(loose.files == 2 && loose.bytes == 12)
        let photos = try store.space(try Label("photos"))
        #expect(photos.files == 1 && photos.bytes == Int64(odd.count))
        // They are spaces like any: what is replaced is kept, beside them.
        let writer = try store.space(try Label("plans")).writer()
        try writer.put("new", at: "a", replacing: .always)
        #expect(try writer.kept("a") == ["plans/a"])
        #expect(try store.takeIn().isEmpty)
        let again = try self.store()
        #expect(again.records.map(\.name) == taken && again.strays.isEmpty && again.failures.isEmpty)
        #expect(try Store.outlying(at: Array(directory.utf8)).map(\.lossy) == ["Büro 2", "files", "photos", "plans"])
    }

    @Test func whatCannotBeASpaceStaysAndIsTold() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let latin = Array("caf".utf8) + [0xE9]
        try fill(["a:b/x", ".git/x", "office/x", "good/x"].map { Array($0.utf8) } + [latin + Array("/x".utf8)])
        try FileManager.default.createSymbolicLink(atPath: directory + "/link", withDestinationPath: "good")
        let store = try store()
        #expect(try store.takeIn() == [try Label("good")])
        #expect(store.strays.count == 5 && store.strays.allSatisfy { $0.what.hasPrefix(directory) && $0.mend != nil })
        #expect(store.strays.contains { $0.what.hasSuffix("caf\\xe9") || $0.what.contains("caf") })
        for name in ["a:b", ".git", "office"] { #expect(content(Array("\(name)/x".utf8)) == Data("\(name)/x".utf8)) }
        // Under another name it is taken in.
        try FileManager.default.moveItem(atPath: directory + "/a:b", toPath: directory + "/a b")
        #expect(try store.takeIn() == [try Label("a b")] && store.strays.count == 4)
    }

    /// Wherever it is killed, the same again makes the same of it.
    @Test func anInterruptedIntakeGoesOn() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try fill(["one/x", "two/x", "p", "q"].map { Array($0.utf8) })
        // As it is when it was killed between two files: one is in its place, the other not yet; a record is missing.
        let first = try store()
        _ = try first.takeIn()
        try FileManager.default.moveItem(atPath: directory + "/spaces/files/q", toPath: directory + "/q")
        try FileManager.default.removeItem(atPath: directory + "/records/two.json")
        let second = try store()
        #expect(second.strays.count == 2)
        #expect(try second.takeIn() == [try Label("two")])
        #expect(second.strays.isEmpty && second.records.map(\.name.description) == ["files", "one", "two"])
        #expect(try second.space(try Label("files")).files == 2)
        // A file that has the name already is left where it is.
        try fill([Array("q".utf8)])
        #expect(try second.takeIn().isEmpty && second.strays.count == 1)
        #expect(content(Array("q".utf8)) == Data("q".utf8))
    }

    @Test func aFolderWithFilesWhereTheStoreHasItsOwnIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try fill([Array("records/of 2024".utf8)])
        let error = #expect(throws: OfficeError.self) { try self.store() }
        #expect(error?.code == .exists && error?.what == directory + "/records")
        #expect(content(Array("records/of 2024".utf8)) != nil)
        #expect(!FileManager.default.fileExists(atPath: directory + "/spaces"))
    }
}
