import ArgumentParser
import OfficeControl

struct OfficeRemove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Put a node out of the office. Its connections end at once.")

    @Argument(help: "The node's name.")
    var node: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        try await session.change(.remove(node: try node.text("NODE")), done: "\(node) is no member any more.")
    }
}
