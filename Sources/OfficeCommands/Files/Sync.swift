import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer
import Synchronization

struct Sync: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Make a folder's contents equal to another's, here or there.",
        usage: "officeshare sync <src> <dest> [--delete] [--dry-run] [--checksum] [--limit <rate>]",
        discussion: """
            The side that is here starts with '/', './' or '../'; the other is NODE/SHARE/PATH. Files that differ in \
            size, time or mode are replaced; what DEST has besides stays, unless --delete is given.
            """)

    @Argument(help: "What is to be copied.")
    var src: ByteString

    @Argument(help: "What is to be like it.")
    var dest: ByteString

    @Flag(help: "Remove from DEST what SRC doesn't have.")
    var delete = false

    @Flag(name: [.customShort("n"), .long], help: "Only say what would be done.")
    var dryRun = false

    @Flag(name: [.short, .long], help: "Compare contents, too, where size and time are equal.")
    var checksum = false

    @OptionGroup var transfer: TransferOptionGroup
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if LocalPath.isWrittenLocally(src.bytes) == LocalPath.isWrittenLocally(dest.bytes) {
            throw ValidationError("One of SRC and DEST has to be here ('/', './' or '../' before it), the other not")
        }
    }

    func run(in session: Session) async throws {
        let actions = Actions()
        var plan = Synchronizer.Plan()
        plan.delete = delete
        plan.dryRun = dryRun
        plan.comparesContent = checksum
        if dryRun { plan.observe = { actions.add($0) } }
        let goesOut = LocalPath.isWrittenLocally(src.bytes)
        let place = try RemotePlace(try (goesOut ? dest : src).officePath())
        let here = (goesOut ? src : dest).bytes
        let transferOptions = transfer.options(in: session, recursive: true, force: true)
        let (client, finished) = (session.client, plan)
        let ended = try await stoppable("sync") {
            try await ControlledTransfer.run(.sync, "\(place)", transferOptions, in: session) { options in
                let synchronizer = Synchronizer(transport: client, options: options, plan: finished)
                return goesOut
                    ? await synchronizer.upload(here, to: place) : await synchronizer.download(place, to: here)
            }
        }
        let summary = ended.answer
        if dryRun { try await show(actions.all, summary, in: session) }
        if !dryRun || summary.failure != nil {
            try await TransferReport.show(summary, verb: "sync", in: session, cancellation: ended.cancellation)
        }
    }

    /// What would be done: lines for people, and in JSON the summary with `actions` besides.
    private func show(_ actions: [SyncAction], _ summary: TransferSummary, in session: Session) async throws {
        guard summary.failure == nil else { return }
        if session.wantsJSON {
            return try await session.console.write(JSONText.document(DryRun(summary: summary, actions: actions)))
        }
        let lines = actions.map { action in
            switch action {
            case .transfer(let path, let kind): "copy    \(path)\(kind == .directory ? "/" : "")\n"
            case .delete(let path, let kind): "delete  \(path)\(kind == .directory ? "/" : "")\n"
            }
        }
        try await session.console.write(lines.joined())
    }
}

/// What a sync is going to do, in order.
private final class Actions: Sendable {
    private let actions = Mutex<[SyncAction]>([])
    func add(_ action: SyncAction) { actions.withLock { $0.append(action) } }
    var all: [SyncAction] { actions.withLock { $0 } }
}

/// A summary, with what would have been done.
private struct DryRun: Encodable {
    let summary: TransferSummary
    let actions: [SyncAction]

    private struct Action: Encodable {
        let action: String
        let path: String
        /// Base64, only where the path is not UTF-8.
        let pathBytes: String?

        init(_ action: SyncAction) {
            let path: RelativePath
            switch action {
            case .transfer(let transferred, _): (self.action, path) = ("copy", transferred)
            case .delete(let deleted, _): (self.action, path) = ("delete", deleted)
            }
            self.path = String(decoding: path.bytes, as: UTF8.self)
            pathBytes = String(validating: path.bytes, as: UTF8.self) == nil ? Base64.encode(path.bytes) : nil
        }
    }

    private enum CodingKeys: String, CodingKey { case actions }

    func encode(to encoder: any Encoder) throws {
        try summary.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(actions.map(Action.init), forKey: .actions)
    }
}
