import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct OfficeInvite: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite", abstract: "Print a code that lets one machine join.",
        discussion: "Tell it by voice or message to whoever runs 'officeshare office join CODE' there.")

    @Option(help: ArgumentHelp("How long the code lives: 90s, 15m, 2h.", valueName: "time"))
    var ttl = Seconds(15 * 60)

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let request = InviteRequest(ttlSeconds: ttl.value)
        let invitation: InvitationModel = try await session.client.send(.post, "/v1/office/invitations", request)
        // The code alone on standard output, so that it can be piped to 'office join -'.
        try await session.show(invitation) { [invitation.code] }
        session.notice(
            "It admits one machine, until \(HumanText.localTime(invitation.expires)): run there "
                + "'officeshare office join \(invitation.code)'.")
    }
}
