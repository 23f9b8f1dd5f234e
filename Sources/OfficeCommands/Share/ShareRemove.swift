import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct ShareRemove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Offer a folder no longer, and take the service's access back.",
        discussion: "Nothing in the folder is touched.")

    @Argument(help: "The share's name.")
    var name: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let name = try name.text("NAME")
        let access = try await ServiceAccess(session)
        let none: Int? = nil
        let share: ShareModel = try await session.client.send(.delete, ShareSet.path(of: name), none)
        do {
            for change in try await access.takeBack(share) { session.notice("\(change).") }
        } catch let error as OfficeError {
            throw OfficeError(
                error.code, error.what, "'\(name)' is shared no longer, but the service's access stays: \(error.why)",
                mend: error.mend ?? "Its owner can run: setfacl -R -x u:officeshare,d:u:officeshare DIR")
        }
        try await session.show(ShareOutput(share)) { ["'\(share.name.escapedForTerminal)' is shared no longer."] }
    }
}
