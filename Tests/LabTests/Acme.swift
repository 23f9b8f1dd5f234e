import Foundation
import OfficeCore
import OfficeLab
import OfficeTrust
import Testing

/// A time that the product promises, on a machine that has time for it. Where it hasn't, `LAB_SLOWNESS`
/// says how many times as long everything may take there.
func promised(_ seconds: Double) -> Duration {
    let slowness = ProcessInfo.processInfo.environment["LAB_SLOWNESS"].flatMap(Double.init) ?? 1
    return .milliseconds(Int64(seconds * slowness * 1000))
}

extension Lab {
    /// Founds Acme on the first of these hosts and lets the others join; returns the recovery key.
    ///
    /// All of them see all others online when it returns.
    @discardableResult func foundOffice(of hosts: [LabHost]? = nil) async throws -> String {
        struct Created: Decodable { let recoveryKey: String }
        let hosts = hosts ?? self.hosts
        let key = try await hosts[0].ask("office", "create", "Acme", of: Created.self).recoveryKey
        for host in hosts.dropFirst() { try await host.must("office", "join", try await hosts[0].invite()) }
        try await settle(hosts)
        return key
    }

    /// Waits until each of these hosts sees all of them online.
    func settle(_ hosts: [LabHost]? = nil, within limit: Duration = promised(10)) async throws {
        let hosts = hosts ?? self.hosts
        for host in hosts {
            try await eventually("\(host.name) sees all others online", within: limit) {
                try await host.members().filter(\.online).count == hosts.count
            }
        }
    }
}

extension LabHost {
    private struct Invitation: Decodable { let code: String }

    /// A new joining code of this host.
    func invite() async throws -> String { try await ask("office", "invite", of: Invitation.self).code }

    /// A sound code that names this host and has a secret that it never gave out.
    func wrongCode() async throws -> String {
        JoinCode(inviter: try NodeID(hex: try await status().node.id)).printed
    }

    /// The hashes of the office log in the agreed order.
    func log() async throws -> [Entry] { try await ask("office", "log") }

    /// How many connections of the office this host has with an address.
    func connections(with address: String) async throws -> Int {
        let filter = "( sport = :8747 or dport = :8747 )"
        return try await run(["ss", "-tnH", "state", "established", filter]).checked().lines
            .count { $0.contains("\(address):") || $0.contains("\(address)]:") }
    }

    /// How many connections of the office this host has with another, by any of its addresses.
    func connections(with other: LabHost) async throws -> Int {
        let addresses = [other.address, other.address6, try await other.linkLocal()]
        var count = 0
        for address in addresses { count += try await connections(with: address) }
        return count
    }

    /// A folder of alice's with a file, shared as its name says.
    func share(_ name: String, _ options: String..., files: [String: String] = ["letter": "hers\n"]) async throws {
        try await run(["mkdir", "-p", "/home/alice/\(name)"], as: "alice").checked()
        for (file, text) in files { try write(text, to: "/home/alice/\(name)/\(file)", owner: "alice") }
        try await officeshare(["share", "add", "/home/alice/\(name)"] + options, as: "alice").checked()
    }
}
