import ArgumentParser
import OfficeControl

struct OfficeAdminAdd: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Make a member an admin.")

    @Argument(help: "The node's name.")
    var node: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        try await session.change(.grant(node: try node.text("NODE")), done: "\(node) is an admin now.")
    }
}
