import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import OfficeTrust
import Testing

/// A store in a directory that goes when the test does.
final class TestStore: Sendable {
    let directory: String
    let store: Store
    static let office = OfficeID(Digest256.of(Array("office".utf8)))

    init() throws {
        directory = "/dev/shm/officeshare-store-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        store = try Store(at: Array(directory.utf8), office: Self.office, epoch: 1)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func space(quota: Int64? = nil) throws -> Space {
        _ = try store.add(try Label("docs"), access: .everyone, quota: quota)
        return try store.space(try Label("docs"))
    }

    func reopened() throws -> Store { try Store(at: Array(directory.utf8), office: Self.office, epoch: 1) }
}

extension Space {
    func writer(_ user: String = "alice", mayChange: @escaping @Sendable () throws(OfficeError) -> Void = {})
        -> SpaceWriter
    {
        SpaceWriter(self, author: Author(user: user, node: "0123456789abcdef"), mayChange: mayChange)
    }
}

func path(_ text: String) throws -> RelativePath { try RelativePath(parsing: text) }

extension SpaceWriter {
    /// Puts a file as an exchange does: room, a partial file, the name, the disk.
    func put(_ text: String, at name: String, replacing: Replacement = .never, key: String = "t") throws {
        let path = try path(name)
        let bytes = Array(text.utf8)
        let reservation = try reserve(Int64(bytes.count), for: path)
        let partial = try folder.partial(for: path, key: key)
        defer { partial.close() }
        try partial.setSize(0)
        try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
        try commit(
            CompleteFile(
                partial: partial, path: path, size: Int64(bytes.count), modified: .now, executable: false,
                replacing: replacing, reservation: reservation))
        try sync(path.parent)
    }

    func text(_ name: String) throws -> String {
        String(decoding: try folder.read(try path(name), limit: 1 << 20), as: UTF8.self)
    }

    func kept(_ name: String) throws -> [String] {
        try versions(of: try path(name)).map { version in
            let file = try open(version)
            var bytes = [UInt8](repeating: 0, count: Int(file.identity.size))
            _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
