package import Foundation
internal import OfficeCore

// The host's files, seen from this machine.
extension LabHost {
    /// Where this machine sees a file of the host.
    package func path(_ path: String) -> String { "/proc/\(pid)/root\(path)" }

    /// Writes a file in the host, its folders with it, owned by `owner` (root without).
    package func write(_ text: String, to path: String, owner: String? = nil) throws {
        try write(Data(text.utf8), to: path, owner: owner)
    }

    package func write(_ data: Data, to path: String, owner: String? = nil) throws {
        let place = URL(fileURLWithPath: self.path(path))
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: place)
        if let owner { try chown(path, to: owner) }
    }

    /// What a file of the host holds.
    package func read(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self.path(path))) }

    package func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: self.path(path)) }

    private func chown(_ path: String, to owner: String) throws {
        let users = try String(contentsOfFile: self.path("/etc/passwd"), encoding: .utf8)
        let line = users.split(separator: "\n").first { $0.hasPrefix("\(owner):") }
        let fields = line?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        guard fields.count > 3, let user = Int(fields[2]), let group = Int(fields[3]) else {
            throw OfficeError(.notFound, "\(name): \(owner)", "no such user")
        }
        try FileManager.default.setAttributes(
            [.ownerAccountID: user, .groupOwnerAccountID: group], ofItemAtPath: self.path(path))
    }

    /// Mounts an empty file system of this size over a folder of the host: a disk that is soon full.
    package func mountTmpfs(at path: String, megabytes: Int, owner: String = "root") async throws {
        try await run(["mkdir", "-p", path]).checked()
        try await run(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=755", "officelab", path]).checked()
        try await run(["chown", "\(owner):", path]).checked()
    }
}
