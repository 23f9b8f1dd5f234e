import ArgumentParser
import OfficeControl
import OfficeCore

struct ShareList: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Show what this machine offers.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let shares: [ShareModel] = try await session.client.get("/v1/shares")
        let output = shares.map(ShareOutput.init)
        try await session.show(array: output) { ShareOutput.table(output) }
    }
}
