import Logging
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle
import Synchronization

/// Fetches what was accepted from the nodes that have it: verified, on the disk and under its name, before anybody
/// hears that it is delivered.
struct InboxRunner: Service {
    private static let firstPause = Duration.milliseconds(500)
    private static let longestPause = Duration.seconds(30)
    /// How often a sender hears how far it is.
    private static let telling = Duration.seconds(1)

    let post: PostRoom.Parts
    let work: AsyncStream<NodeID>
    let logger: Logger

    private var inbox: Inbox { post.inbox }

    func run() async throws {
        let lanes = Lanes<NodeID>()
        await withDiscardingTaskGroup { group in
            for node in await inbox.sources {
                lanes.wake(node) { lane in group.addTask { await keep(lane, lanes) } }
            }
            for await node in work.cancelOnGracefulShutdown() {
                lanes.wake(node) { lane in group.addTask { await keep(lane, lanes) } }
            }
            group.cancelAll()
        }
    }

    private func keep(_ lane: Lanes<NodeID>.Lane, _ lanes: Lanes<NodeID>) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            let moving = await inbox.moving(from: lane.key)
            guard !moving.isEmpty else {
                if lanes.end(lane) { return }
                continue
            }
            var hasFailed = false
            for delivery in moving where !Task.isCancelled {
                do {
                    try await fetch(delivery)
                } catch {
                    hasFailed = true
                    let why = (error as? OfficeError)?.why ?? "the connection was lost"
                    logger.debug("a delivery can't be fetched now", metadata: [LogKey.error: "\(error)"])
                    await inbox.explain(delivery.id, why)
                }
            }
            guard hasFailed else {
                pause = Self.firstPause
                continue
            }
            if await lane.pause(pause) {
                pause = Self.firstPause
            } else {
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    private func fetch(_ delivery: IncomingDelivery) async throws {
        guard await inbox[delivery.id]?.state == .moving else { return }
        var isMember = await post.office.isOtherMember(delivery.from)
        if !isMember { isMember = await post.office.isOffice(delivery.from) }
        guard isMember || delivery.from == post.office.identity.id else {
            _ = try await inbox.lost(delivery.id, "its sender is no member of the office any more")
            return
        }
        try await post.checkOnline(delivery.from)
        let summary = try await followed(delivery)
        if let passing = summary.failed.first(where: { Self.passes($0.error.code) })?.error {
            // Not what was verified when it got its name: the disk has lost it.
            if passing.code == .exists { await inbox.spool.remove(delivery.id) }
            await tellDamage(summary, delivery)
            throw passing
        }
        let failure = summary.failed.first.map { "\($0.path): \($0.error.why)" }
        if let failure, summary.files == 0 {
            var report = try await inbox.lost(delivery.id, failure)
            // Another content than was offered: why, is found out there.
            if summary.failed.contains(where: { $0.error.code == .notFound }) { report?.damaged = true }
            return await tell(report, delivery)
        }
        // Of a folder that somebody here wanted, what can be had is better than nothing.
        let size: Int64? = delivery.root == nil ? try await inbox.spool.measure(delivery.id).bytes : nil
        let report = try await inbox.fetched(delivery.id, size: size, but: failure)
        // Rejected while it came.
        if report?.state != .delivered { await inbox.spool.remove(delivery.id) }
        await tell(report, delivery)
    }

    /// Whether the same may do later what failed now.
    private static func passes(_ code: OfficeError.Code) -> Bool {
        switch code {
        case .unavailable, .temporary, .io, .noSpace, .overQuota, .limit, .changed, .fault, .exists, .configuration:
            true
        case .notFound, .notAllowed, .usage, .malformed, .cannotCreate, .partial: false
        }
    }

    /// On the board like every transfer, and with its sender told how far it is.
    private func followed(_ delivery: IncomingDelivery) async throws -> TransferSummary {
        let node = await post.office.name(of: delivery.from)
        let path =
            switch delivery.origin {
            case .sent(let user): "\(user)@\(node)/\(delivery.name)"
            case .wanted(let wish): "\(node)/\(wish.share)" + (wish.path.isRoot ? "" : "/\(wish.path)")
            }
        // Of a user who is gone it is root's.
        let user = delivery.to.map { Account.userID(named: $0.description) ?? 0 }
        let opening = TransferOpening(kind: .receive, path: path, paused: false)
        let (inbox, id) = (self.inbox, delivery.id)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await tellProgress(of: delivery) }
            defer { group.cancelAll() }
            let summary = try await post.transfers.follow(opening, userID: user) { options in
                var options = options
                let tell = options.progress
                options.progress = { progress in
                    tell(progress)
                    Task { await inbox.came(progress.bytes, of: id) }
                }
                let watched = options
                return await Result.caught { try await bring(delivery, watched) }
            }.get()
            await post.transfers.rejections.note(summary.sources, of: path)
            return summary
        }
    }

    /// What its sender sends isn't what it hashed once: only there it can be found out why.
    private func tellDamage(_ summary: TransferSummary, _ delivery: IncomingDelivery) async {
        guard case .sent = delivery.origin, var report = await inbox[delivery.id]?.report, report.state == .moving
        else { return }
        let sender = await post.office.name(of: delivery.from)
        guard summary.sources.contains(where: { $0.node == sender && $0.rejected > 0 }) else { return }
        report.damaged = true
        await post.report(report, to: delivery.from)
    }

    /// Tells a sender how far it is while it comes: what comes from others, it doesn't see itself.
    private func tellProgress(of delivery: IncomingDelivery) async {
        guard case .sent = delivery.origin else { return }
        var told: Int64?
        while (try? await Task.sleep(for: Self.telling)) != nil {
            guard let bytes = await inbox.bytesCome(delivery.id), bytes != told,
                var report = await inbox[delivery.id]?.report, report.state == .moving
            else { continue }
            told = bytes
            report.bytes = bytes
            await post.report(report, to: delivery.from)
        }
    }

    /// The one place where a delivery's content comes from: who gives the engine more sources does it here.
    private func bring(_ delivery: IncomingDelivery, _ options: TransferOptions) async throws -> TransferSummary {
        let folder = try await inbox.spool.make(delivery.id)
        let node = try Label(await post.office.name(of: delivery.from))
        switch delivery.origin {
        case .sent:
            guard let root = delivery.root else { return TransferSummary() }
            let source = RemotePlace(node: node, share: try Label(delivery.id.description), path: delivery.name)
            return await post.downloader(from: delivery.from, options: options).fetch(
                NamedContent(size: delivery.size, root: root), from: source, to: delivery.name, in: folder)
        case .wanted(let wish): return try await bring(wish, as: delivery, from: node, options)
        }
    }

    /// What a user here wants has a size only when it begins to come: what there is no room for is broken off then.
    private func bring(
        _ wish: IncomingDelivery.Wish, as delivery: IncomingDelivery, from node: Label, _ options: TransferOptions
    ) async throws -> TransferSummary {
        guard let user = delivery.to else { return TransferSummary() }
        let room = await inbox.room
        let isTooMuch = Mutex(false)
        let cancel = CancelToken()
        let report = options.progress
        var options = options
        options.recursive = wish.recursive
        options.force = true
        options.progress = { progress in
            report(progress)
            guard progress.totalBytes > room else { return }
            isTooMuch.withLock { $0 = true }
            cancel.cancel()
        }
        let source = RemotePlace(node: node, share: wish.share, path: wish.path)
        let downloader = post.downloader(as: user, options: options)
        let folder = Array("\(inbox.spool.path)/\(delivery.id)/".utf8)
        let summary = Mutex(TransferSummary())
        await cancel.run {
            let done = await downloader.get([source], to: folder)
            summary.withLock { $0 = done }
        }
        guard !isTooMuch.withLock({ $0 }) else {
            throw OfficeError(
                .noSpace, source.description, "there is no room for it in the inbox",
                mend: "Take something out of it, or raise 'inbox.spoolMegabytes'.")
        }
        return summary.withLock { $0 }
    }

    /// The sender asks by itself, later: what is told now is only sooner.
    private func tell(_ report: DeliveryReport?, _ delivery: IncomingDelivery) async {
        guard let report, case .sent = delivery.origin else { return }
        await post.report(report, to: delivery.from)
    }
}

extension Result where Failure == any Error {
    /// What an operation has come to.
    fileprivate static func caught(_ operation: () async throws -> Success) async -> Self {
        do { return .success(try await operation()) } catch { return .failure(error) }
    }
}
