import ArgumentParser
import OfficeControl
import OfficeCore

struct OfficeMembers: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "members", abstract: "Show who is in the office.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let members: [MemberModel] = try await session.client.get("/v1/office/members")
        try await session.show(array: members) { Self.table(members) }
    }

    static func table(_ members: [MemberModel]) -> Table {
        var table = Table("NAME", "RIGHTS", "ROLE", "STATE", "VERSION", "ID", "ADDRESSES")
        for member in members {
            table.add(
                member.name.escapedForTerminal, member.admin ? "admin" : "member", member.role.escapedForTerminal,
                presence(online: member.online, lastSeen: member.lastSeen),
                (member.version ?? "-").escapedForTerminal, String(member.id.prefix(16)),
                member.addresses.joined(separator: " ").escapedForTerminal)
        }
        return table
    }
}

/// `online`, or since when not.
func presence(online: Bool, lastSeen: Timestamp?) -> String {
    if online { return "online" }
    return lastSeen.map { "offline, seen \(HumanText.localTime($0))" } ?? "offline"
}
