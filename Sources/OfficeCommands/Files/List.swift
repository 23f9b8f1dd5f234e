import ArgumentParser
import OfficeControl
import OfficeCore

struct List: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "Show all shares of the office, a node's, or a folder's entries.")

    @Argument(help: "NODE, or NODE/SHARE/PATH; without it all shares of the office.")
    var path: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let target = try path?.officePath()
        try await OfferList.show(node: target?.node, in: session)
    }
}
