import ArgumentParser
import OfficeControl
import OfficeCore

struct Peers: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "Show the nodes seen on the network, members or not.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let peers: [PeerModel] = try await session.client.get("/v1/peers")
        try await session.show(array: peers) { Self.table(peers) }
    }

    static func table(_ peers: [PeerModel]) -> Table {
        var table = Table("NAME", "MEMBER", "ROLE", "STATE", "VIA", "ID", "PORT", "ADDRESSES")
        for peer in peers {
            table.add(
                (peer.name ?? "-").escapedForTerminal, peer.member ? "yes" : "no", peer.role.escapedForTerminal,
                presence(online: peer.online, lastSeen: peer.lastSeen), peer.via.escapedForTerminal,
                (peer.id.map { String($0.prefix(16)) } ?? "-").escapedForTerminal, String(peer.port),
                peer.addresses.joined(separator: " ").escapedForTerminal)
        }
        return table
    }
}
