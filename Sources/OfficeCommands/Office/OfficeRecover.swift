import ArgumentParser
import OfficeControl

struct OfficeRecover: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Make this node an admin by the office's recovery key.",
        discussion: "The key is read from standard input, never from the command line.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let key = try await session.secretFromInput(prompt: "Recovery key: ", what: "the recovery key")
        try await session.change(.recover(key: try key.text("the recovery key")), done: "This node is an admin now.")
    }
}
