import NIOCore
import OfficeCore
import OfficeFolders

/// Makes the answer to OFFER frames: folders and links are made, of files it is said what is missing.
/// Blocking code, called by one thread at a time.
final class OfferMaker {
    private static let bufferBytes = 256 << 10

    private let destination: Destination
    private var folder: Folder { destination.folder }
    private var changes: any FolderChanging { destination.changes }
    private let cache: any HashCache
    private let receptions: Receptions
    private let pool: WorkPool
    private let limits: TransferLimits
    private let stop: StopFlag
    private var offers: ArraySlice<Offer>
    private var encoder: FrameEncoder
    /// Folders in which names were made that are not known to be on the disk.
    private var unsynced: Set<RelativePath> = []
    /// Whether something is told that was there before: to the sender it counts as done then, also if that was the sender's
    /// own doing a moment ago, which nobody has been told yet.
    private var tellsOfOld = false

    init(
        offers: [Offer], destination: Destination, cache: any HashCache, receptions: Receptions, pool: WorkPool,
        limits: TransferLimits, stop: StopFlag
    ) {
        self.offers = offers[...]
        self.destination = destination
        self.stop = stop
        self.cache = cache
        self.receptions = receptions
        self.pool = pool
        self.limits = limits
        encoder = FrameEncoder(limits: limits)
    }

    /// The next buffer of frames; nil when every offer is answered. Throws where what was made can't be told.
    func next() throws(OfficeError) -> ByteBuffer? {
        while encoder.readableBytes < Self.bufferBytes, let offer = offers.popFirst() {
            do throws(OfficeError) {
                try answer(offer)
            } catch {
                encoder.write(.fail(item: offer.item, error))
            }
        }
        try syncFolders()
        if tellsOfOld { try changes.confirm() }
        tellsOfOld = false
        return encoder.isEmpty ? nil : encoder.take()
    }

    /// Nothing is told to be there before it is on the disk.
    private func syncFolders() throws(OfficeError) {
        guard !unsynced.isEmpty else { return }
        let folders = Array(unsynced)
        unsynced = []
        let changes = self.changes
        // Where it fails the disk does, and what is put into these folders will tell.
        pool.concurrently(folders.count) { try? changes.sync(folders[$0]) }
        try changes.confirm()
    }

    private func answer(_ offer: Offer) throws(OfficeError) {
        guard !offer.path.isRoot else { throw alreadyThere(offer.path, "is the share itself") }
        let existing = try entryIfAny(offer.path)
        if existing != nil { tellsOfOld = true }
        switch offer.kind {
        case .directory: try makeFolder(offer, existing)
        case .symlink: try makeLink(offer, existing)
        case .file: try takeFile(offer, existing)
        }
    }

    private func entryIfAny(_ path: RelativePath) throws(OfficeError) -> Entry? {
        do throws(OfficeError) {
            return try folder.entry(path)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    private func makeFolder(_ offer: Offer, _ existing: Entry?) throws(OfficeError) {
        if let existing {
            guard existing.kind == .directory else { throw alreadyThere(offer.path, "is there and is no folder") }
        } else {
            try changes.makeDirectory(offer.path)
            unsynced.insert(offer.path.parent)
        }
        encoder.write(.done(item: offer.item, wasThere: existing != nil))
    }

    private func makeLink(_ offer: Offer, _ existing: Entry?) throws(OfficeError) {
        guard let target = offer.target else { throw malformed("a symlink without a target") }
        guard staysInside(target, at: offer.path) else {
            throw OfficeError(
                .notAllowed, offer.path.description, "the symlink leads out of the share",
                mend: "Send what it points to, or make it point to something inside.")
        }
        if existing?.target != target {
            if existing?.kind == .directory { throw alreadyThere(offer.path, "is there and is a folder") }
            guard existing == nil || offer.force else { throw alreadyThere(offer.path, "is there and is different") }
            try changes.makeSymlink(offer.path, target: target, replacing: offer.force ? .always : .never)
            unsynced.insert(offer.path.parent)
        }
        try changes.setModified(offer.path, offer.modified)
        encoder.write(.done(item: offer.item, wasThere: existing?.target == target))
    }

    /// What is there is told by its leaves, where they can be compared; the sender decides whether it is the same.
    private func takeFile(_ offer: Offer, _ existing: Entry?) throws(OfficeError) {
        var need = Need(item: offer.item)
        if let existing {
            guard existing.kind != .directory else { throw alreadyThere(offer.path, "is there and is a folder") }
            guard offer.force || offer.base != nil || (existing.kind == .file && existing.size == offer.size) else {
                throw alreadyThere(offer.path, "is there and is different")
            }
            if existing.kind == .file { need.existing = try describeIfThere(existing, for: offer) }
        }
        if BlockGeometry(size: offer.size).count > 1 { try tellHeld(offer) }
        encoder.write(.need(need))
    }

    /// Removed meanwhile there is nothing to compare with.
    private func describeIfThere(_ existing: Entry, for offer: Offer) throws(OfficeError) -> Need.Existing? {
        do throws(OfficeError) {
            return try describe(existing, for: offer)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    private func describe(_ existing: Entry, for offer: Offer) throws(OfficeError) -> Need.Existing? {
        let sameBlocks =
            BlockGeometry(size: existing.size).blockSize == BlockGeometry(size: offer.size).blockSize
        // A single block that differs in size has to be sent anyway.
        guard sameBlocks, existing.size == offer.size || existing.size > Int64(BlockGeometry.smallestBlock) else {
            return nil
        }
        let file = try folder.open(offer.path)
        let digests = try leaves(of: file, cache: cache, stop: stop)
        for first in stride(from: 0, to: digests.count, by: 4096) {
            let part = digests[first..<min(first + 4096, digests.count)]
            encoder.write(.manifest(item: offer.item, first: first, digests: Array(part)))
        }
        return Need.Existing(size: file.identity.size, token: file.identity.token)
    }

    private func tellHeld(_ offer: Offer) throws(OfficeError) {
        let key = StoreReceiver.partialKey(offer.key)
        let partial = try receptions.open(offer.path, key: key, in: destination)
        defer { receptions.close(partial) }
        // Nothing was there: nothing stays.
        guard !partial.isNew else { return try partial.discard() }
        let held = try FileReception(partial: partial, stop: stop).heldBlocks
        receptions.remember(held, offer.path, key: key, in: destination)
        for first in stride(from: 0, to: held.count, by: 4096) {
            encoder.write(.held(item: offer.item, Array(held[first..<min(first + 4096, held.count)])))
        }
    }

    private func alreadyThere(_ path: RelativePath, _ why: String) -> OfficeError {
        OfficeError(.exists, path.description, "it \(why)", mend: "Remove it first, or use --force where it is a file.")
    }

    /// Whether a link at `path` with this text stays in the share, judged by the text alone: relative, and never
    /// further up than it stands deep.
    private func staysInside(_ target: [UInt8], at path: RelativePath) -> Bool {
        guard target.first != UInt8(ascii: "/") else { return false }
        var depth = path.components.count - 1
        for part in target.split(separator: UInt8(ascii: "/")) where part != [UInt8(ascii: ".")] {
            depth += part == [UInt8(ascii: "."), UInt8(ascii: ".")] ? -1 : 1
            guard depth >= 0 else { return false }
        }
        return true
    }
}
