import ArgumentParser
import OfficeCore
import OfficeTransfer

struct Remove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove files, links and empty folders; with -r whole folders.")

    @Argument(help: "NODE/SHARE/PATH of what is to go.")
    var paths: [ByteString]

    @Flag(name: [.short, .long], help: "Folders with all that is in them.")
    var recursive = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var changes = NameChanges(verb: "rm")
        for path in paths { try changes.add(try path.officePath()) { .remove($0.path, recursive: recursive) } }
        try await changes.perform(in: session)
    }
}
