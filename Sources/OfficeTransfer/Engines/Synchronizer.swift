package import OfficeCore
import OfficeFolders

/// One thing that a sync does, or would do.
package enum SyncAction: Sendable, Equatable {
    /// A file or link comes new or anew; or a folder is made.
    case transfer(RelativePath, Entry.Kind)
    /// It is there and not in the source: it goes, with all that is in it.
    case delete(RelativePath, Entry.Kind)
}

/// Makes one tree equal to another: `sync`.
///
/// A file counts as unchanged when size, time (to the nanosecond) and mode are, as with rsync; `comparesContent`
/// compares hashes instead. Nothing is deleted unless that was asked for, and unless both trees could be read
/// whole and everything came: a folder that can't be read is no reason to remove its copy.
package struct Synchronizer: Sendable {
    package struct Plan: Sendable {
        /// Removes from the destination what the source doesn't have.
        package var delete = false
        /// Only says what would be done.
        package var dryRun = false
        package var comparesContent = false
        /// Told of each action, before it is carried out.
        package var observe: @Sendable (SyncAction) -> Void = { _ in }
        package init() {}
    }

    private let transport: any ShareTransport
    private let pool: WorkPool
    private let options: TransferOptions
    private let plan: Plan

    package init(
        transport: some ShareTransport, pool: WorkPool = WorkPool(), options: TransferOptions = TransferOptions(),
        plan: Plan = Plan()
    ) {
        self.transport = transport
        self.pool = pool
        var options = options
        options.force = true
        options.recursive = true
        self.options = options
        self.plan = plan
    }

    /// Makes `destination`, a path of this machine, equal to a place in a share.
    package func download(_ source: RemotePlace, to destination: [UInt8]) async -> TransferSummary {
        await run(source.description) { session, stop in
            try await bring(source, to: destination, session, stop)
        }
    }

    /// Makes a place in a share equal to `source`, a path of this machine.
    package func upload(_ source: [UInt8], to destination: RemotePlace) async -> TransferSummary {
        await run(escapedForTerminal(source)) { session, stop in
            try await send(source, to: destination, session, stop)
        }
    }

    private func run(
        _ name: String, _ body: @Sendable (TransferSession, StopFlag) async throws -> Void
    ) async -> TransferSummary {
        let session = TransferSession(transport: transport, pool: pool, options: options)
        let stop = StopFlag()
        let outcome = await withTaskCancellationHandler {
            await Outcome.of(name, in: session) { try await body(session, stop) }
        } onCancel: {
            stop.set()
        }
        return session.ledger.finish(failure: outcome.code)
    }

    private func bring(
        _ source: RemotePlace, to destination: [UInt8], _ session: TransferSession, _ stop: StopFlag
    ) async throws {
        let listing = try await RemoteListing.load(source, session: session, recursive: true)
        let (place, there) = try await pool.run {
            let place = try LocalPlace(destination, followingFolders: true)
            return (place, try LocalListing.ifAny(place, stop: stop))
        }
        let difference = try await compare(listing.inventory, there.inventory)
        for failure in there.failures { session.ledger.failed(place.name + "/" + failure.what, failure) }
        guard announce(difference, session) else { return }
        let context = DownloadContext(
            source: source, folder: place.folder, force: true, keepsMetadata: true, changes: options.changes,
            ledger: session.ledger, stop: stop, limits: options.limits)
        session.ledger.expect(files: difference.wanted.items, bytes: difference.wanted.bytes)
        try await remove(difference.inTheWay, at: place)
        let writer = Handover(
            TreeWriter(
                context, inventory: difference.wanted, root: place.path, isNew: there.inventory.chunkCount == 0))
        try await TreeDownload.bring(writer, context, session: session)
        if session.ledger.failures == 0 { try await remove(difference.extraneous, at: place) }
        try await TreeDownload.finish(writer, session: session)
    }

    private func send(
        _ source: [UInt8], to destination: RemotePlace, _ session: TransferSession, _ stop: StopFlag
    ) async throws {
        let (place, listing) = try await pool.run {
            let place = try LocalPlace.source(source, followingLinks: true)
            return (place, try LocalListing(place.path, in: place.folder, recursive: true, stop: stop))
        }
        for failure in listing.failures { session.ledger.failed(place.name + "/" + failure.what, failure) }
        let there = try await RemoteListing.ifAny(destination, session: session)
        let difference = try await compare(listing.inventory, there)
        guard announce(difference, session) else { return }
        let context = UploadContext(
            folder: place.folder, local: place.path, destination: destination, name: place.name, force: true,
            keepsMetadata: true, usesBases: EditBase.isKept(at: destination), changes: options.changes,
            key: try await place.uploadKey(to: destination, pool: pool), ledger: session.ledger, stop: stop)
        try await remove(difference.inTheWay, at: destination, session)
        let end = try await TreeUpload.bring(difference.wanted, context, session: session)
        if session.ledger.failures == 0 { try await remove(difference.extraneous, at: destination, session) }
        try await TreeUpload.apply(end, at: destination, session: session)
    }

    private func compare(_ source: Inventory, _ destination: Inventory) async throws -> TreeDifference {
        let comparesContent = plan.comparesContent
        return try await pool.run {
            try TreeDifference(from: source, to: destination, comparesContent: comparesContent)
        }
    }

    /// Tells what will be done. Whether it is to be done.
    private func announce(_ difference: TreeDifference, _ session: TransferSession) -> Bool {
        var cursor = InventoryCursor(difference.wanted)
        while let entry = try? cursor.next() {
            if entry.kind != .directory { plan.observe(.transfer(entry.path, entry.kind)) }
        }
        if plan.delete {
            for entry in difference.inTheWay + difference.extraneous { plan.observe(.delete(entry.path, entry.kind)) }
        }
        guard !plan.dryRun else { return false }
        session.ledger.unchanged(files: difference.unchanged, bytes: difference.unchangedBytes)
        return true
    }

    // MARK: Deleting

    private func remove(_ entries: [Entry], at place: LocalPlace) async throws {
        guard plan.delete else { return }
        try await pool.run {
            for entry in entries { try Self.remove(place.path.appending(entry.path), in: place.folder) }
        }
    }

    /// Somebody else may have been faster: then it is gone as well.
    private static func remove(_ path: RelativePath, in folder: Folder) throws(OfficeError) {
        do throws(OfficeError) {
            try folder.remove(path, recursive: true)
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }

    private func remove(_ entries: [Entry], at place: RemotePlace, _ session: TransferSession) async throws {
        guard plan.delete else { return }
        let changes = try entries.map { entry in
            let path = try place.path.appending(entry.path)
            return (name: path.description, change: Change.remove(path, recursive: true))
        }
        try await TreeUpload.apply(changes, at: place, session: session)
    }
}

extension LocalListing {
    /// Of what may not be there: then an empty one.
    static func ifAny(
        _ place: LocalPlace, stop: StopFlag
    ) throws(OfficeError) -> (inventory: Inventory, failures: [OfficeError]) {
        guard try place.entry() != nil else { return (Inventory(), []) }
        let listing = try LocalListing(place.path, in: place.folder, recursive: true, stop: stop)
        return (listing.inventory, listing.failures)
    }
}

extension RemoteListing {
    /// Of what may not be there: then an empty one.
    static func ifAny(_ place: RemotePlace, session: TransferSession) async throws -> Inventory {
        do {
            // What is about to be changed is the owner's, never a copy.
            return try await load(place, session: session, recursive: true, server: place.node).inventory
        } catch let error as OfficeError where error.code == .notFound && !place.path.isRoot {
            return Inventory()
        }
    }
}
