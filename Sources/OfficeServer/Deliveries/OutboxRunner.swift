import Logging
import OfficeCore
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

/// Brings what waits in the outbox to its nodes: offers it, again and again, until they have signed for it, and carries
/// out queued uploads.
struct OutboxRunner: Service {
    private static let firstPause = Duration.milliseconds(500)
    private static let longestPause = Duration.seconds(30)
    /// How often a node is asked after what it knows already. It tells by itself, if all goes well.
    private static let interval = Duration.seconds(20)
    private static let tidying = Duration.seconds(600)

    let post: PostRoom.Parts
    let work: AsyncStream<Destination>
    let logger: Logger

    private var outbox: Outbox { post.outbox }

    func run() async throws {
        let lanes = Lanes<Destination>()
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    await outbox.prune()
                    try? await Task.sleep(for: Self.tidying)
                }
            }
            for destination in await outbox.destinations {
                lanes.wake(destination) { lane in group.addTask { await keep(lane, lanes) } }
            }
            for await destination in work.cancelOnGracefulShutdown() {
                lanes.wake(destination) { lane in group.addTask { await keep(lane, lanes) } }
            }
            group.cancelAll()
        }
    }

    /// Serves one node until nothing waits for it.
    private func keep(_ lane: Lanes<Destination>.Lane, _ lanes: Lanes<Destination>) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            var failure: OfficeError?
            for delivery in await outbox.due(for: lane.key, asking: Self.interval) {
                guard !Task.isCancelled else { return }
                do {
                    try await serve(delivery)
                } catch {
                    let error = Self.officeError(error, delivery)
                    failure = error
                    // What keeps one from being taken may not keep the next; a node that isn't there keeps all.
                    let isForAll = error.code == .unavailable || error.code == .temporary
                    await outbox.explain(error.why, to: lane.key, only: isForAll ? nil : delivery.id)
                    if isForAll { break }
                }
            }
            if let failure {
                logger.debug("a delivery has to wait", metadata: [LogKey.error: "\(failure)"])
            } else {
                pause = Self.firstPause
                guard await outbox.isWaiting(for: lane.key) else {
                    if lanes.end(lane) { return }
                    continue
                }
            }
            if await lane.pause(failure == nil ? Self.interval : pause) {
                pause = Self.firstPause
            } else if failure != nil {
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    private static func officeError(_ error: any Error, _ delivery: OutgoingDelivery) -> OfficeError {
        error as? OfficeError ?? OfficeError(.temporary, delivery.name.description, "the connection was lost")
    }

    private func serve(_ delivery: OutgoingDelivery) async throws {
        switch delivery.errand {
        case .send: try await offer(delivery)
        case .put(let upload): try await put(delivery, upload)
        }
    }

    private func offer(_ delivery: OutgoingDelivery) async throws {
        guard let offer = delivery.offer else { return }
        let report = try await post.offer(offer, to: delivery.to)
        try await outbox.told(report, by: delivery.to, key: try await post.key(of: delivery.to))
    }

    /// Uploads as the command line would, in its user's name. What can't be put now or later is kept, and said.
    private func put(_ delivery: OutgoingDelivery, _ upload: OutgoingDelivery.Upload) async throws {
        var (owner, share) = (delivery.to, upload.share)
        switch await post.aliases.target(of: owner, share) {
        case .space(let space):
            if let office = await post.office.state?.office { (owner, share) = (office.asOwner, space) }
        case .share(let node, let successor): (owner, share) = (node, successor)
        case nil: break
        }
        let node = try Label(await post.office.name(of: owner))
        try await post.checkOnline(owner)
        try await outbox.uploading(delivery.id)
        var options = TransferOptions()
        options.recursive = upload.recursive
        // What is in a space now may be another's work since this was queued: a person looks first.
        let isSpace = await post.office.isOffice(owner)
        options.force = upload.force && !(isSpace && delivery.attempt == 1)
        let content = try await outbox.spool.measure(delivery.content)
        let folder = try await outbox.spool.folder(delivery.content)
        for note in upload.notes ?? [] { EditNote.write(note.bytes, on: note.name, in: folder) }
        let base = Array((outbox.spool.path + "/" + delivery.content.description + "/").utf8)
        let summary = await post.uploader(to: owner, as: delivery.user, options: options).put(
            content.names.map { base + $0.bytes },
            to: RemotePlace(node: node, share: share, path: upload.path))
        let codes = Set(summary.failed.map(\.error.code))
        if let passing = summary.failed.first(where: { Self.passes($0.error.code) })?.error { throw passing }
        var refusal = codes.isEmpty ? nil : summary.failed.first?.error
        if isSpace, let conflict = summary.failed.first(where: { $0.error.code == .exists }) {
            refusal = OfficeError(
                .exists, conflict.path,
                "\(conflict.path) is there and different, so it wasn't replaced: 'officeshare resend --force' does that"
            )
        }
        let beside = summary.conflicts.first.map {
            "\($0.path) was changed meanwhile: this is beside it, as '\($0.copy)'"
        }
        try await outbox.uploaded(delivery.id, refused: refusal, saying: beside)
    }

    /// Whether the same may do later what failed now.
    private static func passes(_ code: OfficeError.Code) -> Bool {
        switch code {
        case .unavailable, .temporary, .io, .noSpace, .overQuota, .limit, .changed, .fault: true
        case .notFound, .notAllowed, .exists, .usage, .malformed, .cannotCreate, .configuration, .partial: false
        }
    }
}
