import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization

/// The serving end of the share exchanges: a folder, frames in, frames out. Knows nothing of HTTP, users or
/// access; whoever calls it has decided those.
///
/// Files are read, hashed and written on the pool's threads, a few buffers ahead of the network and never more.
package final class ShareResponder: Sendable {
    private let limits: TransferLimits
    private let hashCache: any HashCache
    private let pool: WorkPool
    private let receptions = Receptions()
    /// How long an exchange may be silent before it says that it is alive.
    private let pingInterval: Duration
    private let clock: any Clock<Duration>

    package init(
        limits: TransferLimits = TransferLimits(), hashCache: any HashCache = MemoryHashCache(),
        pool: WorkPool = WorkPool(), pingInterval: Duration = .seconds(1),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.limits = limits
        self.hashCache = hashCache
        self.pool = pool
        self.pingInterval = pingInterval
        self.clock = clock
    }

    /// Carries out one exchange, to its end.
    ///
    /// What fails before anything was answered is thrown, and is the whole answer's; after that it is told to the
    /// other side by a FAIL frame, and `write`'s and `request`'s own errors (the connection's) alone are thrown.
    package func respond(
        to verb: ShareVerb, in folder: any FolderChanging, mayWrite: Bool, request: BodyStream,
        write: @escaping BodyWriter
    ) async throws {
        guard mayWrite || !verb.writes else {
            throw OfficeError(
                .notAllowed, "share", "it is read-only for you", mend: "Ask its owner to share it with --rw.")
        }
        let answer = Answer(write)
        do {
            try await carryOut(verb, in: folder, request: request, answer: answer)
        } catch let error as OfficeError where answer.hasBegun && !answer.isBroken {
            try await answer.write(FrameEncoder.encoded(.fail(item: Frame.wholeExchange, error)))
        }
    }

    private func carryOut(
        _ verb: ShareVerb, in folder: any FolderChanging, request: BodyStream, answer: Answer
    ) async throws {
        let stop = StopFlag()
        try await withTaskCancellationHandler {
            defer { stop.set() }
            switch verb {
            case .list: try await list(in: folder.folder, request, answer, stop)
            case .store: try await store(in: folder, request, answer, stop)
            case .fetch, .offer, .change: try await answerItems(verb, in: folder, request, answer, stop)
            }
        } onCancel: {
            stop.set()
        }
    }

    // MARK: The verbs

    private func list(in folder: Folder, _ request: BodyStream, _ answer: Answer, _ stop: StopFlag) async throws {
        var reader = FrameReader(request, limits: limits)
        guard let frames = try await reader.next(upTo: 2), case .list(let list) = frames.first, frames.count == 1 else {
            throw malformed("a listing asks by one LIST")
        }
        let limits = self.limits
        let maker = try await pool.run { Handover(try ListMaker(list, in: folder, limits: limits)) }
        try await pump(answer, stop) { maker.value.next() }
    }

    /// The verbs whose items are answered one by one, in their order.
    private func answerItems(
        _ verb: ShareVerb, in folder: any FolderChanging, _ request: BodyStream, _ answer: Answer, _ stop: StopFlag
    ) async throws {
        let destination = verb.writes ? try await pool.run { try Destination(folder) } : nil
        var reader = FrameReader(request, limits: limits)
        var items = 0
        while let frames = try await reader.next(upTo: limits.items) {
            items += frames.count
            guard items <= limits.items else { throw tooMany(limits.items) }
            let make = try maker(verb, frames, folder.folder, destination, stop)
            try await pump(answer, stop, make)
        }
        try await answer.write(FrameEncoder.encoded(.end(item: Frame.wholeExchange, root: nil)))
    }

    private func maker(
        _ verb: ShareVerb, _ frames: [Frame], _ folder: Folder, _ destination: Destination?, _ stop: StopFlag
    ) throws(OfficeError) -> ByteOutlet.Maker {
        guard let destination else {
            let wants = try frames.map { (frame) throws(OfficeError) in
                guard case .want(let want) = frame else { throw malformed("a fetch asks by WANT") }
                return want
            }
            let maker = Handover(
                FetchMaker(wants: wants, folder: folder, cache: hashCache, limits: limits, stop: stop))
            return { maker.value.next() }
        }
        if verb == .offer {
            let offers = try frames.map { (frame) throws(OfficeError) in
                guard case .offer(let offer) = frame else { throw malformed("an offer is made by OFFER") }
                return offer
            }
            let maker = Handover(
                OfferMaker(
                    offers: offers, destination: destination, cache: hashCache, receptions: receptions, pool: pool,
                    limits: limits, stop: stop))
            return { try maker.value.next() }
        }
        let changes = try frames.map { (frame) throws(OfficeError) in
            guard case .change(let item, let change) = frame else { throw malformed("a change is made by CHANGE") }
            return (item: item, change: change)
        }
        let maker = Handover(
            ChangeMaker(changes: changes, destination: destination, receptions: receptions, limits: limits))
        return { maker.value.next() }
    }

    private func store(
        in folder: any FolderChanging, _ request: BodyStream, _ answer: Answer, _ stop: StopFlag
    ) async throws {
        let (answers, queue) = AsyncStream.makeStream(of: ByteBuffer.self)
        let (pool, receptions, limits) = (self.pool, self.receptions, self.limits)
        let verified = VerifiedBytes()
        let receiver = try await pool.run {
            let receiver = StoreReceiver(
                destination: try Destination(folder), receptions: receptions, pool: pool, limits: limits, stop: stop,
                verifiedBytes: verified
            ) { queue.yield(FrameEncoder.encoded($0)) }
            return Handover(receiver)
        }
        let inlet = ByteInlet(pool: pool) { try receiver.value.receive($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await buffer in answers { try await answer.write(buffer) } }
            group.addTask {
                try await self.everyPing { queue.yield(FrameEncoder.encoded(.progress(bytes: verified.value))) }
            }
            defer { group.cancelAll() }
            var failure: (any Error)?
            do {
                for try await piece in request { try await inlet.push(piece) }
            } catch {
                failure = error
            }
            // What has come is taken in, also of a connection that broke: it need not come again.
            do { try await inlet.finish() } catch { failure = error }
            try await pool.run { receiver.value.close() }
            queue.finish()
            try await group.next()
            if let failure { throw failure }
        }
        guard receiver.value.isOver else { throw cutOff() }
    }

    // MARK: The pump

    /// Sends what `make` makes, and a sign of life where it takes long.
    private func pump(_ answer: Answer, _ stop: StopFlag, _ make: @escaping ByteOutlet.Maker) async throws {
        let outlet = ByteOutlet(pool: pool, make: make)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.everyPing { outlet.nudge(with: FrameEncoder.encoded(.ping)) } }
                defer { group.cancelAll() }
                while let buffer = try await outlet.next() {
                    if buffer.readableBytes > 0 { try await answer.write(buffer) }
                }
            }
        } catch {
            stop.set()
            await outlet.close()
            throw error
        }
    }

    private func everyPing(_ action: () -> Void) async throws {
        while !Task.isCancelled {
            try await clock.sleep(for: pingInterval)
            action()
        }
    }
}

/// Where an answer goes, and whether it has begun.
private final class Answer: Sendable {
    private struct State {
        var hasBegun = false
        var isBroken = false
    }

    private let writer: BodyWriter
    private let state = Mutex(State())

    init(_ writer: @escaping BodyWriter) {
        self.writer = writer
    }

    var hasBegun: Bool { state.withLock { $0.hasBegun } }
    /// Whether a write failed: then nothing more can be told.
    var isBroken: Bool { state.withLock { $0.isBroken } }

    func write(_ buffer: ByteBuffer) async throws {
        state.withLock { $0.hasBegun = true }
        do {
            try await writer(buffer)
        } catch {
            state.withLock { $0.isBroken = true }
            throw error
        }
    }
}
