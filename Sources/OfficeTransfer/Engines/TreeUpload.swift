import OfficeCore
import OfficeFolders

/// One source of a `put`: a file, or a folder with all that is in it.
struct TreeUpload: Sendable {
    private static let batchEntries = 512
    private static let batchBytes: Int64 = 64 << 20
    /// Batches that are being sent at once: while one is put on the disk there, the next is on its way.
    private static let batchesAtOnce = 2
    /// Changes in one exchange.
    private static let changesAtOnce = 1024

    let session: TransferSession
    let source: [UInt8]
    let destination: RemotePlace
    let isOneOfSeveral: Bool
    private let stop = StopFlag()

    init(session: TransferSession, source: [UInt8], destination: RemotePlace, isOneOfSeveral: Bool) {
        self.session = session
        self.source = source
        self.destination = destination
        self.isOneOfSeveral = isOneOfSeveral
    }

    func run() async throws {
        try await withTaskCancellationHandler {
            let (source, stop, recursive) = (self.source, self.stop, session.options.recursive)
            let (place, listing) = try await session.pool.run {
                let place = try LocalPlace.source(source, followingLinks: !recursive)
                let listing = try LocalListing(place.path, in: place.folder, recursive: recursive, stop: stop)
                return (place, listing)
            }
            guard recursive || listing.root.kind != .directory else {
                throw RemoteListing.needsRecursive(place.name)
            }
            let failuresBefore = session.ledger.failures
            for failure in listing.failures { session.ledger.failed(place.name + "/" + failure.what, failure) }
            let chooser = UploadDestination(session: session, destination: destination, isOneOfSeveral: isOneOfSeveral)
            let choice = try await chooser.choose(for: place, kind: listing.root.kind)
            let context = UploadContext(
                folder: place.folder, local: place.path, destination: choice.root, name: place.name,
                force: session.options.force, keepsMetadata: false,
                usesBases: EditBase.isKept(at: choice.root) && !session.options.force,
                changes: session.options.changes,
                key: try await place.uploadKey(to: choice.root, pool: session.pool), ledger: session.ledger, stop: stop)
            let end = try await Self.bring(listing.inventory, context, session: session)
            try await Self.apply(end, at: context.destination, session: session)
            if session.ledger.failures == failuresBefore { try await chooser.clear(choice) }
        } onCancel: {
            stop.set()
        }
    }

    typealias NamedChange = (name: String, change: Change)

    /// Uploads everything of an inventory: offers in order (a folder before what is in it), contents a few batches
    /// at a time.
    /// - Returns: What is to be done at the very end: times of folders, and of files that were there.
    static func bring(
        _ inventory: Inventory, _ context: UploadContext, session: TransferSession
    ) async throws -> [NamedChange] {
        session.ledger.expect(files: inventory.items, bytes: inventory.bytes)
        var folders: [Entry] = []
        var metadata: [FileUpload] = []
        try await withThrowingTaskGroup(of: Handover<[FileUpload]>.self) { group in
            var running = 0
            var cursor = InventoryCursor(inventory)
            while case let entries = try cursor.next(upTo: batchEntries, bytes: batchBytes), !entries.isEmpty {
                try context.stop.check()
                folders += entries.filter { $0.kind == .directory }
                // The root of the share is there, and is nobody's to offer.
                let uploads = entries.filter { !(context.destination.path.isRoot && $0.path.isRoot) }
                    .map { FileUpload(context, $0) }
                let batch = BatchUpload(session: session, context: context, batch: Handover(uploads))
                try await batch.offer()
                if running == batchesAtOnce, let done = try await group.next() {
                    metadata += done.value.filter(\.metadataOnly)
                    running -= 1
                }
                group.addTask {
                    try await batch.send()
                    return batch.batch
                }
                running += 1
            }
            for try await done in group { metadata += done.value.filter(\.metadataOnly) }
        }
        return try endChanges(folders, metadata, context)
    }

    /// Times and modes of files that were there already, and of the folders, deepest first.
    private static func endChanges(
        _ folders: [Entry], _ files: [FileUpload], _ context: UploadContext
    ) throws(OfficeError) -> [NamedChange] {
        var changes: [NamedChange] = []
        for file in files {
            let path = try file.remotePath()
            changes.append((file.name, .setExecutable(path, file.entry.executable)))
            changes.append((file.name, .setModified(path, file.entry.modified)))
        }
        for folder in folders.reversed() {
            let path = try context.destination.path.appending(folder.path)
            if !path.isRoot { changes.append((path.description, .setModified(path, folder.modified))) }
        }
        return changes
    }

    /// Changes that may be made twice, asked for until they are made. What one is refused is noted.
    static func apply(
        _ changes: [NamedChange], at place: RemotePlace, session: TransferSession
    ) async throws {
        for first in stride(from: 0, to: changes.count, by: changesAtOnce) {
            let part = Array(changes[first..<min(first + changesAtOnce, changes.count)])
            try await session.persist(place, hasBegun: true) {
                let results = try await session.change(part.map(\.change), at: place)
                for (result, part) in zip(results, part) {
                    // What an earlier try has removed already is no failure.
                    if case .failure(let error) = result, error.code != .notFound {
                        session.ledger.failed(part.name, error)
                    }
                }
                return true
            }
        }
    }
}

/// Walks an inventory in portions.
struct InventoryCursor {
    private let inventory: Inventory
    private var entries: ArraySlice<Entry> = []
    private var nextChunk = 0

    init(_ inventory: Inventory) {
        self.inventory = inventory
    }

    mutating func next() throws(OfficeError) -> Entry? {
        while entries.isEmpty, nextChunk < inventory.chunkCount {
            entries = try inventory.chunk(nextChunk)[...]
            nextChunk += 1
        }
        return entries.popFirst()
    }

    /// The next entries: as many as `count`, but no more once their files have `bytes`.
    mutating func next(upTo count: Int, bytes: Int64) throws(OfficeError) -> [Entry] {
        var portion: [Entry] = []
        var sum: Int64 = 0
        while portion.count < count, sum < bytes, let entry = try next() {
            portion.append(entry)
            if entry.kind == .file { sum += entry.size }
        }
        return portion
    }
}
