import Crypto
import NIOCore
import OfficeCore
import OfficeFolders

/// Fetches one file's missing blocks from its owner and from every node that keeps a copy, all at once.
///
/// The owner's manifest is here before: whatever a source sends is held against it. What a source is slow with, others
/// are asked for; one that is lost is tried again, one that sends what is wrong is not asked again, and it goes on
/// while any of them delivers.
struct SwarmDownload {
    /// How often silent sources are looked for, and new ones.
    private static let tick = Duration.milliseconds(200)
    private static let ticksBetweenSearches = 10

    let session: TransferSession
    let context: DownloadContext
    let download: Handover<FileDownload>
    /// What all sources send is taken in here: while one piece is written another is hashed. More threads would only
    /// queue for the one file.
    private let workers = WorkPool(threads: 2, syncThreads: 1)

    func run() async throws {
        guard let common = download.value.common else { return }
        let state = SwarmState(
            reception: common.reception, manifest: common.manifest, ledger: session.ledger, clock: session.options.clock
        )
        state.add(context.source.node)
        for copy in context.copies { state.add(copy) }
        let root = MerkleTree.root(size: common.head.size, leaves: common.manifest)
        let sharing = SwarmSharing(
            session: session, place: context.source, path: try download.value.remotePath(), root: root,
            leaves: common.manifest, size: common.head.size)
        if download.value.isShared { await sharing.renew(state) }
        try await fetch(state, sharing, token: common.head.token)
        try await settle(state)
    }

    private func settle(_ state: SwarmState) async throws {
        let (download, folder, pool) = (self.download, context.folder, session.pool)
        if state.ownerChanged, !state.isFinished { return try await pool.run { try download.value.sourceChanged() } }
        if let failure = state.failure { throw failure }
        guard state.isFinished else {
            throw state.givesUp(after: .zero) ?? cutOff()
        }
        try await pool.run {
            download.value.allCame()
            let commits = CommitGroup(folder: folder, pool: pool)
            commits.add(try download.value.commitItem()) { result in
                switch result {
                case .success: download.value.finish()
                case .failure(let error): download.value.fail(error)
                }
            }
            commits.flush()
        }
    }

    // MARK: Asking

    private func fetch(_ state: SwarmState, _ sharing: SwarmSharing, token: String) async throws {
        let (events, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        bell.yield()
        let clock = session.options.clock
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for tick in 1... {
                    try await clock.watch(Self.tick)
                    if tick % Self.ticksBetweenSearches == 0 { await search(state) }
                    bell.yield()
                }
            }
            group.addTask {
                while true {
                    try await clock.watch(sharing.interval)
                    await sharing.renew(state)
                    bell.yield()
                }
            }
            defer { group.cancelAll() }
            for await _ in events {
                try Task.checkCancellation()
                if state.isFinished || state.failure != nil || state.ownerChanged { return }
                if let error = state.givesUp(after: session.options.patience) { throw error }
                for request in state.requests() {
                    let token = request.source == 0 ? token : ContentToken.token(of: sharing.root)
                    group.addTask {
                        await ask(request, token, state, sharing) { bell.yield() }
                        bell.yield()
                    }
                }
            }
        }
    }

    /// Nodes that keep a copy by now.
    private func search(_ state: SwarmState) async {
        for copy in await session.transport.copies(node: context.source.node, share: context.source.share) {
            state.add(copy)
        }
    }

    /// One request to one source, to its end.
    private func ask(
        _ request: BlockScheduler.Request, _ token: String, _ state: SwarmState, _ sharing: SwarmSharing,
        news: @escaping @Sendable () -> Void
    ) async {
        var failure: OfficeError?
        var isCut = false
        do {
            let source = state.shared(request.source)
            var isHolder = false
            if case .holder = source { isHolder = true }
            var want = Want(item: 0, path: isHolder ? .root : sharing.path)
            want.token = token
            want.ranges = request.ranges
            // Nothing but what it has, where it isn't asked for anything.
            if isHolder, request.ranges.isEmpty { want.purpose = .hashes }
            let bytes = FrameEncoder.encoded(.want(want))
            let limits = session.options.limits
            let receiver = Handover(SwarmReceiver(request, state, limits: limits, news: news))
            let inlet = ByteInlet(pool: workers) { try receiver.value.receive($0) }
            try await session.exchange(
                with: context.source, .fetch, server: state.name(of: request.source),
                shared: sharing.isShared ? (sharing.root, source) : nil, send: { try await $0(bytes) },
                receive: { body in
                    for try await piece in body { try await inlet.push(piece) }
                    try await inlet.finish()
                })
            if !receiver.value.isOver { failure = cutOff() }
        } catch let error as OfficeError {
            isCut = error == SwarmState.cut
            failure = isCut ? nil : error
        } catch {
            isCut = error is CancellationError
            failure = isCut ? nil : cutOff()
        }
        state.ended(request, by: failure, isCut: isCut)
    }
}

/// Takes in one source's answer to one request. Blocking code, called by one thread at a time.
private final class SwarmReceiver {
    private let request: BlockScheduler.Request
    private let state: SwarmState
    private let news: @Sendable () -> Void
    private var decoder: FrameDecoder
    private var hasBegun = false
    private var hasEnded = false
    private(set) var isOver = false
    private var pings = 0
    /// Of the block that comes.
    private var hasher = SHA256()

    init(
        _ request: BlockScheduler.Request, _ state: SwarmState, limits: TransferLimits,
        news: @escaping @Sendable () -> Void
    ) {
        self.request = request
        self.state = state
        self.news = news
        decoder = FrameDecoder(limits: limits)
    }

    func receive(_ pieces: [ByteBuffer]) throws(OfficeError) {
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next() { try take(frame) }
        }
    }

    private func take(_ frame: Frame) throws(OfficeError) {
        guard !isOver else { throw malformed("frames behind the end") }
        let isSign = frame.isSignOfLife
        pings = isSign ? pings + 1 : 0
        guard pings < SignsOfLife.limit else { throw malformed("nothing but signs of life") }
        // That it is alive is no sign that it sends.
        if !isSign { state.heard(request) }
        switch frame {
        case .ping: return
        case .progress(let arrived) where hasBegun && !hasEnded: state.waits(arrived, request)
        case .have(0, let blocks) where hasBegun && !hasEnded:
            try state.has(blocks, request)
            news()
        case .fail(_, let error): throw error
        case .begin(let head) where !hasBegun && head.item == 0 && head.size == state.geometry.size: hasBegun = true
        case .block(let index, let length) where hasBegun && !hasEnded:
            try state.block(index, length: length, of: request)
            hasher = SHA256()
        case .data(let piece) where hasBegun && !hasEnded:
            guard try state.data(piece, of: request) else { return }
            piece.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) }
        case .blockEnd(let index, _) where hasBegun && !hasEnded:
            try state.blockEnd(index, digest: Digest256(hasher.finalize()), of: request)
            news()
        case .hole(let index) where hasBegun && !hasEnded:
            try state.hole(index, of: request)
            news()
        case .end(0, _) where hasBegun && !hasEnded: hasEnded = true
        case .end(Frame.wholeExchange, nil) where hasEnded: isOver = true
        default: throw malformed("a frame out of place")
        }
    }
}

extension Frame {
    fileprivate var isSignOfLife: Bool {
        switch self {
        case .ping, .progress: true
        default: false
        }
    }
}
