import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer

struct Put: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Copy files and folders from here into the office.",
        usage: "officeshare put <src> ... <path> [--recursive] [--force] [--queue] [--limit <rate>]",
        discussion: """
            Into PATH where that is a folder, else as PATH. A file counts once the receiver has it verified on its \
            disk. What is there already with the same content counts as done. Interrupted, the same again goes on.
            """)

    @Argument(help: ArgumentHelp("What is to be copied, and at last NODE/SHARE/PATH.", valueName: "path"))
    var paths: [ByteString]

    @Flag(name: [.short, .long], help: "Folders with all that is in them.")
    var recursive = false

    @Flag(name: [.short, .long], help: "Replace files that are there and different.")
    var force = false

    @Flag(help: "If the node is away, put them when it is back: 'officeshare sent' shows how it stands.")
    var queue = false

    @OptionGroup var transfer: TransferOptionGroup
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if paths.count < 2 { throw ValidationError("What to copy and where to have to be named") }
    }

    func run(in session: Session) async throws {
        let sources = try paths.dropLast().map { try LocalPath($0).bytes }
        let destination = try RemotePlace(try paths[paths.count - 1].officePath())
        let transferOptions = transfer.options(in: session, recursive: recursive, force: force)
        let client = session.client
        let ended = try await stoppable("put") {
            try await ControlledTransfer.run(.put, "\(destination)", transferOptions, in: session) { options in
                await Uploader(transport: client, options: options).put(sources, to: destination)
            }
        }
        var summary = ended.answer
        if queue, ended.cancellation == nil, summary.hasToWait(for: nil) {
            let (recursive, force) = (self.recursive, self.force)
            let queued = try await stoppable("put") {
                try await OutboxUpload(session: session).queue(
                    sources, to: destination, recursive: recursive, force: force)
            }
            summary.queued = queued.map(\.id)
            summary.forgiveWaiting(for: [nil])
        }
        try await TransferReport.show(summary, verb: "put", in: session, cancellation: ended.cancellation)
    }
}
