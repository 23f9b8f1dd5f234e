internal import Foundation
internal import OfficeCore

/// A Debian 12 file tree that machines boot from: made once by debootstrap, then kept in a cache.
package struct MachineImage: Sendable {
    /// Where the tree is; nothing ever writes there, machines lay an overlay over it.
    package let path: String

    /// Where trees are kept.
    static let cache = "/var/cache/officeshare-lab"
    /// What every machine has.
    static let packages = ["systemd", "systemd-sysv", "dbus", "iproute2", "procps"]

    /// The tree with these packages besides the usual ones, made now if it isn't there yet.
    package static func prepare(
        packages more: [String] = [], narrate: (String) -> Void = { _ in }
    ) async throws -> MachineImage {
        let packages = Set(Self.packages + more).sorted().joined(separator: ",")
        let name = "bookworm-\(digest(packages))"
        let image = MachineImage(path: "\(cache)/\(name)")
        if FileManager.default.fileExists(atPath: image.path) { return image }

        narrate("making a Debian 12 tree for machines with debootstrap; this takes a minute or two, once")
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        let partial = "\(cache)/.\(name).\(UUID().uuidString)"
        let making = try await Command.run(
            ["debootstrap", "--variant=minbase", "--include=\(packages)", "bookworm", partial], timeout: .seconds(900))
        guard making.status == 0 else {
            let log = (try? String(contentsOfFile: "\(partial)/debootstrap/debootstrap.log", encoding: .utf8)) ?? ""
            try? FileManager.default.removeItem(atPath: partial)
            throw OfficeError(.unavailable, "debootstrap", "\(making.exit): \(making.stderr)\(log.suffix(2000))")
        }
        try? FileManager.default.removeItem(atPath: "\(partial)/var/cache/apt/archives")
        // Whole under its name, or not at all; of two that make it at once the first counts.
        if rename(partial, image.path) != 0 { try? FileManager.default.removeItem(atPath: partial) }
        return image
    }

    /// The names of the packages that a .deb depends on, the first of alternatives.
    package static func dependencies(ofPackage deb: String) async throws -> [String] {
        let field = try await Command.run(["dpkg-deb", "-f", deb, "Depends"]).checked().stdout
        return field.split(separator: ",").compactMap { dependency in
            dependency.split(separator: "|").first?.split(whereSeparator: { " (\n".contains($0) }).first.map(
                String.init)
        }
    }

    /// FNV-1a: names trees apart, nothing more.
    private static func digest(_ text: String) -> String {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
