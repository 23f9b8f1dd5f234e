import ArgumentParser
import OfficeControl
import OfficeCore

struct Events: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Follow what happens, one JSON object a line, until interrupted.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let console = session.console
        try await session.client.lines("/v1/events") { line in
            // Empty lines are heartbeats.
            if !line.isEmpty { try await console.write(line + "\n") }
        }
        throw OfficeError(.temporary, "events", "the daemon ended the stream", mend: "Run the same again.")
    }
}
