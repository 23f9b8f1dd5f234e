import ArgumentParser
import OfficeCore
import OfficeTransfer

struct MakeDirectory: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "mkdir", abstract: "Make folders.")

    @Argument(help: "NODE/SHARE/PATH of the new folder.")
    var paths: [ByteString]

    @Flag(
        name: [.short, .long],
        help: "Make the folders on the way too; one that is there already is no error.")
    var parents = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var changes = NameChanges(verb: "mkdir")
        for path in paths { try changes.add(try path.officePath()) { .makeFolder($0.path, parents: parents) } }
        try await changes.perform(in: session)
    }
}
