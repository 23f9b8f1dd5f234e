import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeTransfer

struct Get: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Copy files and folders of the office here.",
        usage: "officeshare get <src> ... [<dest>] [--recursive] [--force] [--queue] [--limit <rate>]",
        discussion: """
            Into DEST where that is a folder, else as DEST; a single SRC comes into the current folder. What is \
            there already with the same content counts as done. Interrupted, the same again goes on.
            """)

    @Argument(help: ArgumentHelp("NODE/SHARE/PATH, one or more, and at last where to.", valueName: "path"))
    var paths: [ByteString]

    @Flag(name: [.short, .long], help: "Folders with all that is in them.")
    var recursive = false

    @Flag(name: [.short, .long], help: "Replace files that are there and different.")
    var force = false

    @Flag(help: "If the node is away, fetch them into your inbox when it is back: 'officeshare inbox' shows them.")
    var queue = false

    @OptionGroup var transfer: TransferOptionGroup
    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let destination = paths.count > 1 ? try LocalPath(paths[paths.count - 1]) : LocalPath.here
        let sources = try (paths.count > 1 ? paths.dropLast() : paths[...]).map { try RemotePlace(try $0.officePath()) }
        let transferOptions = transfer.options(in: session, recursive: recursive, force: force)
        let client = session.client
        let path = sources.first.map { "\($0)" } ?? ""
        await session.noticeCopies(of: sources)
        let ended = try await stoppable("get") {
            try await ControlledTransfer.run(.get, path, transferOptions, in: session) { options in
                await Downloader(transport: client, options: options).get(sources, to: destination.bytes)
            }
        }
        var summary = ended.answer
        let waiting = queue && ended.cancellation == nil ? sources.filter { summary.hasToWait(for: $0) } : []
        for source in waiting {
            let path = OfficePath(node: source.node, share: source.share, path: source.path)
            let wish: DeliveryModel = try await client.send(
                .post, "/v1/inbox", WishRequest(path: percentEncoded(path.bytes), recursive: recursive))
            summary.queued.append(wish.id)
        }
        summary.forgiveWaiting(for: waiting)
        try await TransferReport.show(summary, verb: "get", in: session, cancellation: ended.cancellation)
    }
}
