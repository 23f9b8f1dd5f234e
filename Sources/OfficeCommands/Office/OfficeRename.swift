import ArgumentParser
import OfficeControl

struct OfficeRename: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a node another name: an admin any, every node itself.")

    @Argument(help: "The node's name now.")
    var node: ByteString

    @Argument(help: "Its new name.")
    var new: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let change = OfficeChange.rename(node: try node.text("NODE"), name: try new.text("NEW"))
        try await session.change(change, done: "\(node) is \(new) now.")
    }
}
