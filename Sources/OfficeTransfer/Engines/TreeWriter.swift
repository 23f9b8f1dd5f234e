import OfficeCore
import OfficeFolders

/// Builds a tree here after an inventory: folders and links at once, files as downloads in batches, times of the
/// folders at the very end. Blocking code, used by one thread at a time.
final class TreeWriter {
    private static let batchFiles = 512
    private static let batchBytes: Int64 = 64 << 20
    /// Files in a batch whose partial files are open while they wait.
    private static let batchLarge = 32

    private let context: DownloadContext
    private let inventory: Inventory
    private var cursor: InventoryCursor
    private let root: RelativePath
    /// Nothing was there before: what is in the way is not looked for.
    private let isNew: Bool
    /// A folder that could not be made: what is below it is passed over.
    private var skipped: RelativePath?

    init(_ context: DownloadContext, inventory: Inventory, root: RelativePath, isNew: Bool) {
        self.context = context
        self.inventory = inventory
        cursor = InventoryCursor(inventory)
        self.root = root
        self.isNew = isNew
    }

    /// The next files to fetch, after their folders were made; nil when there are no more. Throws only what stops
    /// everything.
    func nextBatch() throws(OfficeError) -> [FileDownload]? {
        var batch: [FileDownload] = []
        var bytes: Int64 = 0
        var large = 0
        while batch.count < Self.batchFiles, bytes < Self.batchBytes, large < Self.batchLarge {
            try context.stop.check()
            guard let entry = try cursor.next() else { break }
            if let skipped, entry.path.relative(to: skipped) != nil { continue }
            skipped = nil
            do throws(OfficeError) {
                guard let download = try prepare(entry) else { continue }
                batch.append(download)
                bytes += entry.size
                if entry.size > Int64(BlockGeometry.smallestBlock) { large += 1 }
            } catch {
                context.ledger.failed(context.source.description(of: entry.path), error)
                if error.code == .noSpace { throw error }
                if entry.kind == .directory { skipped = entry.path }
            }
        }
        return batch.isEmpty ? nil : batch
    }

    private func prepare(_ entry: Entry) throws(OfficeError) -> FileDownload? {
        let local = try root.appending(entry.path)
        let existing = isNew ? nil : try LocalPlace.entry(local, in: context.folder)
        switch entry.kind {
        case .directory:
            try makeFolder(local, existing)
            return nil
        case .symlink:
            try makeLink(entry, local, existing)
            return nil
        case .file:
            if let existing, existing.kind == .directory || (existing.kind == .symlink && !context.force) {
                throw inTheWay(existing)
            }
            return try FileDownload(
                context, entry, local: local, hasExisting: existing.map { isWorthComparing($0, entry) } ?? false)
        }
    }

    /// Whether the source's hashes are asked for first. A forced file of one block that differs in size just comes.
    private func isWorthComparing(_ existing: Entry, _ entry: Entry) -> Bool {
        guard existing.kind == .file else { return false }
        return !context.force || existing.size == entry.size || entry.size > Int64(BlockGeometry.smallestBlock)
    }

    private func makeFolder(_ local: RelativePath, _ existing: Entry?) throws(OfficeError) {
        if local.isRoot { return }
        if let existing {
            guard existing.kind == .directory else { throw inTheWay(existing) }
        } else {
            try context.folder.makeDirectory(local)
        }
    }

    private func makeLink(_ entry: Entry, _ local: RelativePath, _ existing: Entry?) throws(OfficeError) {
        guard let target = entry.target else { throw malformed("a symlink without a target") }
        if existing?.target != target {
            guard existing == nil || (context.force && existing?.kind != .directory) else {
                throw inTheWay(existing ?? entry)
            }
            try context.folder.makeSymlink(local, target: target, replacing: existing == nil ? .never : .always)
            try context.folder.setModified(local, entry.modified)
        }
        context.ledger.done()
    }

    private func inTheWay(_ existing: Entry) -> OfficeError {
        let (what, mend): (String, String) =
            switch existing.kind {
            case .directory: ("a folder", "Remove it first.")
            case .symlink: ("a different symlink", "Add --force to replace it.")
            case .file: ("a file", "Remove it first.")
            }
        return OfficeError(.exists, existing.path.description, "\(what) of that name is there already", mend: mend)
    }

    /// Everything is there: the folders get their times, deepest first, and their names are made durable.
    func finish(pool: WorkPool) throws(OfficeError) {
        var folders: [RelativePath] = []
        for chunk in (0..<inventory.chunkCount).reversed() {
            for entry in try inventory.chunk(chunk).reversed() where entry.kind == .directory {
                let local = try root.appending(entry.path)
                do throws(OfficeError) {
                    guard try LocalPlace.entry(local, in: context.folder)?.kind == .directory else { continue }
                    try context.folder.setModified(local, entry.modified)
                    folders.append(local)
                } catch {
                    context.ledger.failed(context.source.description(of: entry.path), error)
                }
            }
        }
        let (folder, all) = (context.folder, folders)
        pool.concurrently(all.count) { try? folder.sync(all[$0]) }
        if !root.isRoot { try folder.sync(root.parent) }
    }
}
