import ArgumentParser
import OfficeControl
import OfficeCore

struct OfficeLog: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Show the office's signed log, entry by entry.")

    @Flag(help: "Check every hash and signature from the first entry on.")
    var verify = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let entries: [LogEntryModel] = try await session.client.get("/v1/office/log\(verify ? "?verify=1" : "")")
        try await session.show(array: entries) { Self.table(entries) }
        if verify { session.notice("\(HumanText.count(entries.count, "entry", "entries")) checked: all hold.") }
    }

    static func table(_ entries: [LogEntryModel]) -> Table {
        var table = Table([
            .init("NUMBER", right: true), .init("TIME"), .init("AUTHOR"), .init("KIND"), .init("HASH"),
            .init("DETAILS"),
        ])
        for entry in entries {
            let details = entry.details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            table.add(
                String(entry.number), HumanText.localTime(entry.time), entry.author.escapedForTerminal,
                entry.kind.escapedForTerminal, String(entry.hash.prefix(16)),
                details.joined(separator: " ").escapedForTerminal)
        }
        return table
    }
}
