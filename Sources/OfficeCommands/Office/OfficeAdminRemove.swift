import ArgumentParser
import OfficeControl

struct OfficeAdminRemove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Make an admin an ordinary member.")

    @Argument(help: "The node's name.")
    var node: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        try await session.change(.revoke(node: try node.text("NODE")), done: "\(node) is no admin any more.")
    }
}
