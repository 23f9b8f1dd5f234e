import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization

/// Some files that travel together, over as many exchanges as it takes.
struct BatchDownload {
    private static let firstWatch = Duration.milliseconds(100)
    private static let longestWatch = Duration.seconds(1)

    let session: TransferSession
    let context: DownloadContext
    let batch: Handover<[FileDownload]>

    func run() async throws {
        do {
            try await session.persist(context.source, hasBegun: true) {
                try await announce()
                if batch.value.contains(where: { !$0.isSettled && $0.common == nil }) { try await fetch() }
                for download in batch.value where download.common != nil {
                    try await SwarmDownload(session: session, context: context, download: Handover(download)).run()
                }
                return batch.value.allSatisfy(\.isSettled)
            }
        } catch {
            try await close()
            throw error
        }
        try await close()
    }

    private func close() async throws {
        let batch = self.batch
        try await session.pool.run { for download in batch.value { download.close() } }
    }

    // MARK: What others read, too

    /// Asks the owner before anything moves: what others read at the same time comes from all of them.
    private func announce() async throws {
        for download in batch.value {
            guard let reading = try download.reading(), await isInDemand(reading) else { continue }
            download.becomeShared()
        }
    }

    private func isInDemand(_ reading: ContentReading) async -> Bool {
        await session.transport.reading(reading, node: context.source.node, share: context.source.share) != nil
    }

    /// Asks again while they come one by one: who was alone with a file may not stay so. Returns when one is in demand.
    private func watch(_ readings: [Int: ContentReading], _ cursor: Cursor) async -> Int? {
        var interval = Self.firstWatch
        while (try? await session.options.clock.watch(interval)) != nil {
            let now = cursor.now
            if let reading = readings[now], await isInDemand(reading) { return now }
            interval = min(interval * 2, Self.longestWatch)
        }
        return nil
    }

    // MARK: Fetching

    /// One exchange for all that is not settled; it ends early where a file turns out to be in demand.
    private func fetch() async throws {
        let open = batch.value.filter { !$0.isSettled && $0.common == nil }
        var readings: [Int: ContentReading] = [:]
        for (item, download) in open.enumerated() { readings[item] = try download.reading() }
        let cursor = Cursor()
        let downloads = Handover(open)
        guard !readings.isEmpty else { return try await fetch(downloads, cursor) }
        let shareable = readings
        let demanded = try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                try await fetch(downloads, cursor)
                return nil
            }
            group.addTask {
                guard let item = await watch(shareable, cursor) else { throw CancellationError() }
                return item
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        if let demanded { open[demanded].becomeShared() }
    }

    private func fetch(_ downloads: Handover<[FileDownload]>, _ cursor: Cursor) async throws {
        let (pool, limits) = (session.pool, session.options.limits)
        let folder = context.folder
        let (receiver, wants) = try await pool.run {
            let open = downloads.value
            var encoder = FrameEncoder(limits: limits)
            for (item, download) in open.enumerated() {
                encoder.write(.want(try download.want(item: UInt32(item))))
            }
            let commits = CommitGroup(folder: folder, pool: pool)
            return (Handover(FetchReceiver(open, commits: commits, limits: limits, cursor: cursor)), encoder.take())
        }
        let inlet = ByteInlet(pool: pool) { try receiver.value.receive($0) }
        var failure: (any Error)?
        do {
            try await session.exchange(
                with: context.source, .fetch, send: { try await $0(wants) },
                receive: { body in
                    for try await piece in body { try await inlet.push(piece) }
                    try await inlet.finish()
                })
        } catch {
            failure = error
        }
        // What has come is taken in, also of a connection that broke: it need not come again.
        do { try await inlet.finish() } catch { failure = error }
        try await pool.run { receiver.value.close() }
        if let failure { throw failure }
        guard receiver.value.isOver else { throw cutOff() }
    }
}

/// Which of the files comes now, for who watches from another task.
final class Cursor: Sendable {
    private let item = Atomic(0)

    var now: Int {
        get { item.load(ordering: .relaxed) }
        set { item.store(newValue, ordering: .relaxed) }
    }
}
