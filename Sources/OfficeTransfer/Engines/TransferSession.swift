import NIOCore
import OfficeCore
import Synchronization

/// What all exchanges of one command share: where they go, what they count, how fast and how patient they are.
struct TransferSession: Sendable {
    /// Bytes sent at once where the rate is limited.
    private static let slowStep = 16 << 10

    let transport: any ShareTransport
    let pool: WorkPool
    let options: TransferOptions
    let ledger: TransferLedger
    private let rateLimit: RateLimit?

    init(transport: any ShareTransport, pool: WorkPool, options: TransferOptions) {
        self.transport = transport
        self.pool = pool
        var options = options
        if let hold = options.hold { options.clock = hold.clock }
        self.options = options
        ledger = TransferLedger(clock: options.clock, report: options.progress)
        rateLimit = options.bytesPerSecond.map { RateLimit(bytesPerSecond: $0, clock: options.clock) }
    }

    // MARK: One exchange

    /// An exchange that is given up as lost when neither side gave a sign for as long as patience lasts.
    func exchange<Answer: Sendable>(
        with place: RemotePlace, _ verb: ShareVerb, server: Label? = nil,
        shared: (content: ContentRoot, source: SharedSource)? = nil,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let life = SignOfLife(clock: options.clock)
        let (transport, rateLimit, clock, hold) = (self.transport, self.rateLimit, options.clock, options.hold)
        let limitsSending = verb.writes
        try await hold?.pass()
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask {
                let sending: @Sendable (_ write: BodyWriter) async throws -> Void = { write in
                    try await send { piece in
                        // A slow sender sends little at a time: nobody may think that it sleeps.
                        var rest = piece
                        let step = limitsSending && rateLimit != nil ? Self.slowStep : piece.readableBytes
                        while let part = rest.readSlice(length: min(step, rest.readableBytes)),
                            part.readableBytes > 0
                        {
                            try await hold?.pass()
                            if limitsSending { try await rateLimit?.take(part.readableBytes) { life.touch() } }
                            try await write(part)
                            life.touch()
                        }
                    }
                }
                let receiving: @Sendable (_ body: BodyStream) async throws -> Answer = { body in
                    let alive = body.map { piece in
                        life.touch()
                        try await hold?.pass()
                        if !limitsSending { try await rateLimit?.take(piece.readableBytes) { life.touch() } }
                        return piece
                    }
                    return try await receive(BodyStream(alive))
                }
                if let shared {
                    return try await transport.fetchShared(
                        shared.content, node: place.node, share: place.share, from: shared.source, send: sending,
                        receive: receiving)
                }
                return try await transport.exchange(
                    node: place.node, share: place.share, verb: verb, server: server, send: sending,
                    receive: receiving)
            }
            group.addTask {
                while life.age < options.patience { try await clock.watch(.seconds(1)) }
                throw OfficeError(
                    .temporary, place.description, "\(place.node) gives no sign any more",
                    mend: "Run the same again to go on.")
            }
            defer { group.cancelAll() }
            while let answer = try await group.next() {
                if let answer { return answer }
            }
            throw cutOff()
        }
    }

    /// Changes in one exchange, with its patience.
    func change(_ changes: [Change], at place: RemotePlace) async throws -> [Result<Bool, OfficeError>] {
        try await exchange(
            with: place, .change, send: { try await ChangeExchange.send(changes, $0) },
            receive: { try await ChangeExchange.receive($0, count: changes.count) })
    }

    // MARK: Until it is done

    /// Calls `attempt` until it says that all is done: again at once while it gets on, and after a breath while it
    /// doesn't, for as long as patience lasts.
    ///
    /// - Parameter hasBegun: Whether the other side has been reached before: an error of the very first attempt is
    ///   thrown as it is.
    func persist(_ place: RemotePlace, hasBegun: Bool, _ attempt: () async throws -> Bool) async throws {
        var lastProgress = options.clock.now()
        var breath: Duration = .milliseconds(50)
        while true {
            let mark = ledger.mark
            var failure: OfficeError?
            do {
                if try await attempt() { return }
            } catch let error as OfficeError where error.code == .temporary || error.code == .unavailable {
                guard hasBegun || ledger.mark != mark else { throw error }
                failure = error
            }
            try Task.checkCancellation()
            if ledger.mark != mark {
                lastProgress = options.clock.now()
                breath = .milliseconds(50)
            } else if options.clock.now() - lastProgress >= options.patience {
                throw OfficeError(
                    .temporary, place.description, failure?.why ?? "nothing comes any more",
                    mend: failure?.mend ?? "Run the same again to go on.")
            }
            guard failure != nil || ledger.mark == mark else { continue }
            try await options.clock.sleep(breath)
            breath = min(breath * 2, .seconds(1))
        }
    }
}

/// When a connection last showed that it is alive.
private final class SignOfLife: Sendable {
    private let clock: TransferClock
    private let last: Mutex<Duration>

    init(clock: TransferClock) {
        self.clock = clock
        last = Mutex(clock.now())
    }

    func touch() { last.withLock { $0 = clock.now() } }
    var age: Duration { clock.now() - last.withLock { $0 } }
}
