import NIOCore
import OfficeCore
import OfficeFolders

/// One source of a `get`: a file, or a folder with all that is in it.
struct TreeDownload {
    /// Batches on their way at once: while one is put on the disk the next comes in.
    private static let batchesAtOnce = 2

    let session: TransferSession
    let source: RemotePlace
    let chooser: DestinationChooser
    private let stop = StopFlag()

    init(session: TransferSession, source: RemotePlace, chooser: DestinationChooser) {
        self.session = session
        self.source = source
        self.chooser = chooser
    }

    func run() async throws {
        try await withTaskCancellationHandler {
            let listing = try await RemoteListing.load(source, session: session, recursive: chooser.recursive)
            session.ledger.expect(files: listing.inventory.items, bytes: listing.inventory.bytes)
            let (chooser, source, stop) = (self.chooser, self.source, self.stop)
            let choice = try await session.pool.run {
                do throws(OfficeError) {
                    return try chooser.choose(for: source, kind: listing.root.kind)
                } catch  where error.code == .notAllowed {
                    throw cannotWrite(escapedForTerminal(chooser.destination))
                }
            }
            let context = DownloadContext(
                source: source, folder: choice.folder, force: session.options.force, keepsMetadata: false,
                changes: session.options.changes, ledger: session.ledger, stop: stop,
                limits: session.options.limits,
                copies: await session.transport.copies(node: source.node, share: source.share),
                destination: escapedForTerminal(chooser.destination))
            let writer = Handover(
                TreeWriter(context, inventory: listing.inventory, root: choice.root, isNew: choice.isNew))
            try await Self.bring(writer, context, session: session)
            try await Self.finish(writer, session: session)
            let hasFailed = !listing.failures.isEmpty || session.ledger.failures > 0
            try await session.pool.run {
                if hasFailed { choice.marker?.close() } else { try choice.marker?.discard() }
            }
        } onCancel: {
            stop.set()
        }
    }

    /// Brings everything of the writer's inventory, a few batches at a time.
    static func bring(
        _ writer: Handover<TreeWriter>, _ context: DownloadContext, session: TransferSession
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            while let batch = try await session.pool.run({ try writer.value.nextBatch().map { Handover($0) } }) {
                if running == batchesAtOnce {
                    try await group.next()
                    running -= 1
                }
                group.addTask { try await BatchDownload(session: session, context: context, batch: batch).run() }
                running += 1
            }
            try await group.waitForAll()
        }
    }

    /// What comes when everything is there.
    static func finish(_ writer: Handover<TreeWriter>, session: TransferSession) async throws {
        let pool = session.pool
        try await pool.run { try writer.value.finish(pool: pool) }
    }
}

func cannotWrite(_ destination: String) -> OfficeError {
    OfficeError(.cannotCreate, destination, "it can't be written to here", mend: "Name another destination.")
}

/// What a source is, before anything moves.
struct RemoteListing: Sendable {
    var root: Entry
    var inventory = Inventory()
    var failures: [OfficeError] = []

    /// Asks until it is whole, or patience ends.
    static func load(
        _ place: RemotePlace, session: TransferSession, recursive: Bool, onlySelf: Bool = false, server: Label? = nil
    ) async throws -> RemoteListing {
        var listing: RemoteListing?
        try await session.persist(place, hasBegun: false) {
            listing = try await attempt(
                place, session: session, recursive: recursive, onlySelf: onlySelf,
                server: server)
            return true
        }
        guard let listing else { throw cutOff() }
        for failure in listing.failures {
            session.ledger.failed("\(place.node)/\(place.share)/\(failure.what)", failure)
        }
        return listing
    }

    private static func attempt(
        _ place: RemotePlace, session: TransferSession, recursive: Bool, onlySelf: Bool, server: Label?
    ) async throws -> RemoteListing {
        let request = ListRequest(
            path: place.path, recursive: recursive, withSelf: true, limit: onlySelf ? 1 : nil)
        let limits = session.options.limits
        do {
            return try await session.exchange(
                with: place, .list, server: server, send: { try await $0(FrameEncoder.encoded(.list(request))) },
                receive: { body in
                    var listing: RemoteListing?
                    for try await batch in ListingStream(body, of: request, limits: limits) {
                        if listing == nil, let root = batch.entries.first {
                            guard root.path.isRoot else { throw malformed("a listing without the folder itself") }
                            listing = RemoteListing(root: root)
                            if root.kind == .directory, !recursive, !onlySelf { throw needsRecursive(place) }
                        }
                        listing?.inventory.append(batch.entries)
                        listing?.failures += batch.failures
                    }
                    guard let listing else { throw malformed("an empty listing") }
                    return listing
                })
        } catch let error as OfficeError where error.code != .temporary && error.code != .unavailable {
            throw error.about(place.description)
        }
    }

    static func needsRecursive(_ place: some CustomStringConvertible) -> OfficeError {
        OfficeError(.usage, "\(place)", "it is a folder", mend: "Add -r to copy it with all that is in it.")
    }
}
