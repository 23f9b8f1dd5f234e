import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct OfficeCreate: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Found an office with this node as its first admin.",
        discussion: """
            Prints the office's recovery key, once. Keep it on paper: it makes any member an admin again when \
            every admin's disk is lost ('officeshare office recover').
            """)

    @Argument(help: "The office's name.")
    var name: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let request = OfficeCreateRequest(name: try name.text("the office's name"))
        let created: OfficeCreatedModel = try await session.client.send(.post, "/v1/office", request)
        try await session.show(created) {
            [
                "Office '\(created.name.escapedForTerminal)' is founded, and this node is its admin.",
                "",
                "Recovery key:  \(session.terminal.styled(created.recoveryKey, .bold))",
                "",
                "Write it down on paper now: it is shown this once and kept nowhere. Who holds it can make any",
                "member an admin, and without it an office whose admins are lost stays as it is.",
            ]
        }
        session.notice("Next: 'officeshare office invite' prints a code that lets another machine in.")
    }
}
