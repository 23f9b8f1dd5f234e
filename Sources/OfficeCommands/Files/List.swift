import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer

struct List: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "Show all shares of the office, a node's, or what is in a folder.",
        discussion: """
            Entries are sorted by name, unless there are more than \(EntryPrinter.sortedCount): then they are \
            printed as they come.
            """)

    @Argument(help: "NODE, or NODE/SHARE/PATH; without it all shares of the office.")
    var path: ByteString?

    @Flag(name: .short, help: "Type (d, l, x for a program), size and time of change, too.")
    var long = false

    @Flag(name: [.customShort("R"), .customLong("recursive")], help: "All that is below, too.")
    var recursive = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        guard let target = try path?.officePath() else { return try await OfferList.show(node: nil, in: session) }
        guard target.share != nil else { return try await OfferList.show(node: target.node, in: session) }
        let place = try RemotePlace(target)
        await session.noticeCopies(of: [place])
        let printer = EntryPrinter(session: session, naming: .below(target), isLong: long)
        let failures = try await EntryListing(session: session, printer: printer)
            .run(ListRequest(path: place.path, recursive: recursive), at: place)
        try await printer.finish()
        // The folder itself was listed: what failed is some of it.
        if !failures.isEmpty { throw Failures(verb: "ls", errors: failures, code: .partial) }
    }
}
