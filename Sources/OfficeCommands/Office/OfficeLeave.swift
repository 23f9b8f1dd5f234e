import ArgumentParser
import OfficeControl

struct OfficeLeave: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "leave", abstract: "Take this node out of its office.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        try await session.change(.leave, done: "This node has left its office.")
    }
}
