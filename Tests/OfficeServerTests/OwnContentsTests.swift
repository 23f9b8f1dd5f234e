import Foundation
import OfficeCore
import OfficeFolders
import Testing

@testable import OfficeServer
@testable import OfficeTransfer

/// Files of own shares that others read elsewhere.
struct OwnContentsTests {
    private let size: Int64 = 5 << 20

    private struct Share {
        let path: String
        let folder: Folder
        let cache = MemoryHashCache()

        init() throws {
            path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
            try FileManager.default.createDirectory(atPath: path + "/below", withIntermediateDirectories: true)
            folder = try Folder(at: Array(path.utf8))
        }

        func remove() { try? FileManager.default.removeItem(atPath: path) }

        var contents: OwnContents {
            get throws {
                let (name, folder) = (try Label("docs"), self.folder)
                return OwnContents(folders: { [(name, folder)] }, hashes: cache, limits: .init(freshness: .zero))
            }
        }

        /// Makes a file, and its content and leaves.
        func write(_ byte: UInt8, _ size: Int64, to name: String) throws -> (ReadableFile, ContentRoot, [Digest256]) {
            try Data(repeating: byte, count: Int(size)).write(to: URL(filePath: "\(path)/\(name)"))
            let file = try folder.open(try RelativePath(parsing: Array(name.utf8)))
            let leaves = try OfficeTransfer.leaves(of: file, cache: NoHashCache(), stop: StopFlag())
            return (file, MerkleTree.root(size: size, leaves: leaves), leaves)
        }
    }

    @Test func oneThatIsThereIsFoundOnceItIsHashed() async throws {
        let share = try Share()
        defer { share.remove() }
        let (file, root, leaves) = try share.write(7, size, to: "below/file")
        let (other, otherRoot, otherLeaves) = try share.write(8, size, to: "other")
        share.cache.remember(otherLeaves, of: other.identity)
        let contents = try share.contents
        #expect(await contents.find(root) == nil)
        share.cache.remember(leaves, of: file.identity)
        #expect(await contents.find(root, size: size)?.file.identity == file.identity)
        #expect(await contents.find(root)?.leaves == leaves)
        #expect(await contents.find(otherRoot, size: size)?.file.identity == other.identity)
        #expect(await contents.find(root, size: size + 1) == nil)
        // What is read isn't what was hashed.
        contents.doubt(file)
        #expect(share.cache.leaves(of: file.identity) == nil)
    }

    @Test func oneThatHasChangedIsNot() async throws {
        let share = try Share()
        defer { share.remove() }
        let (file, root, leaves) = try share.write(7, size, to: "file")
        share.cache.remember(leaves, of: file.identity)
        let contents = try share.contents
        #expect(await contents.find(root, size: size) != nil)
        let handle = try FileHandle(forWritingTo: URL(filePath: share.path + "/file"))
        try handle.write(contentsOf: Data([1]))
        try handle.close()
        #expect(await contents.find(root) == nil)
    }

    @Test func noMoreIsLookedAtThanIsAllowed() async throws {
        let share = try Share()
        defer { share.remove() }
        for name in ["1", "2", "3"] { _ = try share.write(7, size, to: name) }
        var entries = 200_000
        #expect(share.folder.files(from: size, most: 2, within: &entries).count == 2)
        #expect(share.folder.files(from: size, most: 9, within: &entries).count == 3)
        #expect(share.folder.files(from: size + 1, most: 9, within: &entries).isEmpty)
        var none = 0
        #expect(share.folder.files(from: size, most: 9, within: &none).isEmpty)
    }
}
