import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct OfficeJoin: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Join an office by a code from 'officeshare office invite'.")

    @Argument(help: "The code; '-' reads it from standard input, where no other user can see it.")
    var code: ByteString

    @Option(
        help: ArgumentHelp(
            "Where the inviting node is, if it can't be found by itself.", valueName: "host[:port]"))
    var via: ByteString?

    @Option(help: ArgumentHelp("This node's name in the office (default: the host name).", valueName: "node"))
    var name: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var typed = code
        if typed.bytes == Array("-".utf8) {
            typed = try await session.secretFromInput(prompt: "Code: ", what: "the code")
        }
        let request = OfficeJoinRequest(
            code: try typed.text("the code"), via: try via?.text("--via"), name: try name?.text("--name"))
        let joined: JoinedModel = try await session.client.send(.post, "/v1/office/join", request)
        try await session.show(joined) {
            [
                "This node is '\(joined.node.name.escapedForTerminal)' of office "
                    + "'\(joined.office.name.escapedForTerminal)' now."
            ]
        }
    }
}
