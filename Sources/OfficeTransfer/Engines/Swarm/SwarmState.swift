import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization

/// One file while its blocks come from several sources at once: which source is asked for what, and what came.
///
/// Each block is compared with the leaf of the source's own manifest, so that a wrong one is known at once, and who
/// sent it. One source at a time writes a block in place; who sends the same block besides, near the end or after a
/// stall, keeps it in memory until it is whole and right, so that nothing wrong is ever written over what is right.
final class SwarmState: Sendable {
    /// Bytes that all second copies of blocks together may take.
    private static let spareBytes = 32 << 20
    /// How long a source may be silent, with blocks to send, before others are asked for them.
    private static let silence = Duration.seconds(1)
    /// The same where others read it, too: one waits for its own blocks, and the owner has many to serve.
    private static let sharedSilence = Duration.seconds(4)
    /// Nodes that one content is fetched from at once.
    private static let mostSources = 40
    private static let policy = BlockScheduler.Policy()

    private struct State {
        var scheduler: BlockScheduler
        let reception: FileReception
        var sources: [SwarmSource] = []
        var incoming: [Int: SwarmIncoming] = [:]
        /// Which request writes a block in place.
        var writers: [Int: Int] = [:]
        var stopped: Set<Int> = []
        var spareBytes = 0
        var failure: OfficeError?
        var lastError: OfficeError?
        var ownerChanged = false
        /// Others read the same.
        var isShared = false
        var lastBlock: Duration

        /// Whether the rest of the answer is of no use any more.
        func isOver(_ request: BlockScheduler.Request) -> Bool {
            scheduler.isFinished || stopped.contains(request.id) || sources[request.source].isDead
        }
    }

    let geometry: BlockGeometry
    private let manifest: [Digest256]
    private let ledger: TransferLedger
    private let clock: TransferClock
    private let state: Mutex<Handover<Box>>

    /// The state behind a reference, so that the non-sendable reception can live in a mutex.
    private final class Box {
        var state: State
        init(_ state: State) { self.state = state }
    }

    init(reception: FileReception, manifest: [Digest256], ledger: TransferLedger, clock: TransferClock) {
        geometry = reception.geometry
        self.manifest = manifest
        self.ledger = ledger
        self.clock = clock
        state = Mutex(
            Handover(
                Box(
                    State(
                        scheduler: BlockScheduler(held: reception.held), reception: reception, lastBlock: clock.now())))
        )
    }

    private func locked<T>(_ body: (inout State) -> T) -> T { state.withLock { body(&$0.value.state) } }

    private func lockedThrowing<T>(_ body: (inout State) throws(OfficeError) -> T) throws(OfficeError) -> T {
        let result: Result<T, OfficeError> = locked { state in
            do throws(OfficeError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    // MARK: Sources

    var isFinished: Bool { locked { $0.scheduler.isFinished } }
    /// What ends the whole: this disk is full, or the owner has another version by now.
    var failure: OfficeError? { locked { $0.failure } }
    var ownerChanged: Bool { locked { $0.ownerChanged } }

    /// The source's number; the first is the owner.
    func add(_ name: Label) {
        let now = clock.now()
        locked { state in
            guard !state.sources.contains(where: { $0.name == name }) else { return }
            state.sources.append(SwarmSource(name: name, heard: now))
            state.scheduler.added(state.sources.count - 1, now: now)
        }
    }

    /// A node that holds blocks in passing; of one that is a source already, how it is with it now.
    func add(_ holder: ContentDemand.Holder) {
        let now = clock.now()
        locked { state in
            if let known = state.sources.firstIndex(where: { $0.name == holder.name }) {
                guard state.sources[known].isHolder else { return }
                return state.scheduler.holder(known, key: holder.key, isReading: holder.isReading)
            }
            guard state.sources.count < Self.mostSources else { return }
            state.sources.append(SwarmSource(name: holder.name, isHolder: true, heard: now))
            state.scheduler.added(state.sources.count - 1, now: now)
            state.scheduler.holder(state.sources.count - 1, key: holder.key, isReading: holder.isReading)
        }
    }

    /// Others read the same: the owner is spared, and this reader has that key among them.
    func share(as own: UInt64) {
        let now = clock.now()
        locked { state in
            state.isShared = true
            state.scheduler.share(as: own, now: now)
        }
    }

    /// The blocks that are here.
    var held: BlockSet { locked { $0.scheduler.held } }

    func name(of source: Int) -> Label { locked { $0.sources[source].name } }

    /// Who is asked, where others read the same.
    func shared(_ source: Int) -> SharedSource {
        locked { state in
            let known = state.sources[source]
            return known.isHolder ? .holder(known.name) : .keeper(known.name)
        }
    }

    /// What a holder has.
    func has(_ blocks: BlockSet, _ request: BlockScheduler.Request) throws(OfficeError) {
        try lockedThrowing { state throws(OfficeError) in
            guard state.sources[request.source].isHolder, blocks.capacity == geometry.count else {
                throw malformed("blocks that are not the content's")
            }
            state.scheduler.has(request.source, blocks)
        }
    }

    /// A holder waits for what it was asked for; so many blocks came to it.
    func waits(_ arrived: Int64, _ request: BlockScheduler.Request) {
        let isMore = locked { state in
            defer { state.sources[request.source].arrived = arrived }
            return arrived > state.sources[request.source].arrived
        }
        if isMore { heard(request) }
    }

    /// What is to be asked for now. Requests that have to end are noted: `isStopped`.
    func requests() -> [BlockScheduler.Request] {
        let now = clock.now()
        return locked { state in
            watch(&state, now)
            var requests: [BlockScheduler.Request] = []
            for action in state.scheduler.actions(now: now) {
                switch action {
                case .ask(let request):
                    state.sources[request.source].requests += 1
                    if state.sources[request.source].requests == 1 { state.sources[request.source].heard = now }
                    requests.append(request)
                case .stop(let request): state.stopped.insert(request)
                }
            }
            return requests
        }
    }

    /// Who is silent too long is not waited for; who has rested is tried again.
    private func watch(_ state: inout State, _ now: Duration) {
        for index in state.sources.indices where !state.sources[index].isDead {
            if let retry = state.sources[index].retryAt {
                guard now >= retry else { continue }
                state.sources[index].retryAt = nil
                state.sources[index].heard = now
                state.scheduler.added(index, now: now)
            } else if state.sources[index].requests > 0,
                now - state.sources[index].heard
                    > (state.isShared ? Self.sharedSilence : Self.silence)
            {
                state.scheduler.stalled(index)
            }
        }
    }

    /// Whether all that could be asked are silent or gone for so long that it is time to give up.
    func givesUp(after patience: Duration) -> OfficeError? {
        let now = clock.now()
        return locked { state in
            let isHopeless = state.sources.allSatisfy(\.isDead)
            guard isHopeless || now - state.lastBlock > patience else { return nil }
            return state.lastError
                ?? OfficeError(
                    .temporary, "transfer", "none of its sources sends any more", mend: "Run the same again to go on.")
        }
    }

    // MARK: Requests

    /// A request ended: answered, or by an error.
    ///
    /// - Parameter isCut: It was ended here: that something didn't come says nothing.
    func ended(_ request: BlockScheduler.Request, by error: OfficeError?, isCut: Bool = false) {
        let now = clock.now()
        locked { state in
            abandon(request.id, &state)
            state.stopped.remove(request.id)
            state.scheduler.ended(request.id)
            state.sources[request.source].requests -= 1
            guard let error else {
                state.sources[request.source].pause = SwarmSource.firstPause
                if state.sources[request.source].isHolder, !isCut {
                    let held = state.scheduler.held
                    state.scheduler.lacked(
                        request.ranges.joined().filter { !held.contains($0) }, by: request.source)
                }
                return
            }
            state.lastError = error
            switch error.code {
            case .noSpace, .io: state.failure = error
            case .changed where request.source == 0: state.ownerChanged = true
            case .temporary, .unavailable, .limit: rest(request.source, &state, now)
            // It hasn't begun to read, or knows no ticket yet.
            case .notFound where state.sources[request.source].isHolder: rest(request.source, &state, now)
            default: kill(request.source, &state)
            }
        }
    }

    private func rest(_ source: Int, _ state: inout State, _ now: Duration) {
        guard !state.sources[source].isDead else { return }
        state.scheduler.removed(source)
        state.sources[source].retryAt = now + state.sources[source].pause
        state.sources[source].pause = min(state.sources[source].pause * 2, SwarmSource.longestPause)
    }

    private func kill(_ source: Int, _ state: inout State) {
        state.sources[source].isDead = true
        state.scheduler.removed(source)
    }

    /// What a request left unfinished is not written by it any more.
    private func abandon(_ request: Int, _ state: inout State) {
        guard let block = state.incoming.removeValue(forKey: request) else { return }
        release(block, of: request, &state)
        if block.filled > 0, !state.reception.held.contains(block.index) { ledger.resent(1) }
    }

    private func release(_ block: SwarmIncoming, of request: Int, _ state: inout State) {
        if block.spare != nil { state.spareBytes -= geometry.length(of: block.index) }
        guard state.writers[block.index] == request else { return }
        state.writers[block.index] = nil
        if !state.reception.held.contains(block.index) { state.reception.spoil(block.index) }
    }

    // MARK: Blocks

    func block(_ index: Int, length: Int, of request: BlockScheduler.Request) throws(OfficeError) {
        try lockedThrowing { state throws(OfficeError) in
            try check(request, state)
            guard state.incoming[request.id] == nil, index >= 0, index < geometry.count,
                length == geometry.length(of: index), request.ranges.contains(where: { $0.contains(index) })
            else { throw malformed("a block that was not asked for") }
            var block = SwarmIncoming(index: index, source: request.source)
            if state.reception.held.contains(index) {
                block.isTooLate = true
            } else if state.writers[index] == nil {
                state.writers[index] = request.id
            } else if state.spareBytes + length <= Self.spareBytes {
                block.spare = []
                state.spareBytes += length
            } else {
                block.isTooLate = true
            }
            state.incoming[request.id] = block
        }
    }

    /// Puts a piece of a block where it belongs. False where the block came in the meantime: the rest is passed over.
    ///
    /// Nothing is copied and nothing hashed here: all who send wait for each other in it.
    func data(_ piece: ByteBuffer, of request: BlockScheduler.Request) throws(OfficeError) -> Bool {
        try lockedThrowing { state throws(OfficeError) in
            try check(request, state)
            guard let at = state.incoming.index(forKey: request.id) else { throw malformed("data out of place") }
            let (index, filled) = (state.incoming.values[at].index, state.incoming.values[at].filled)
            guard filled + piece.readableBytes <= geometry.length(of: index) else {
                throw malformed("data out of place")
            }
            ledger.moved(piece.readableBytes, with: state.sources[request.source].name)
            state.incoming.values[at].filled += piece.readableBytes
            if state.incoming.values[at].isTooLate { return false }
            if state.incoming.values[at].spare != nil {
                state.incoming.values[at].spare?.append(contentsOf: piece.readableBytesView)
                return true
            }
            // Another source may have finished it since.
            guard !state.reception.held.contains(index) else {
                state.incoming.values[at].isTooLate = true
                return false
            }
            let reception = state.reception
            let result = piece.withUnsafeReadableBytes { bytes in
                Result { () throws(OfficeError) in try reception.place(bytes, in: index, at: filled) }
            }
            try result.get()
            return true
        }
    }

    /// - Parameter digest: What all of its data hashes to.
    func blockEnd(_ index: Int, digest: Digest256, of request: BlockScheduler.Request) throws(OfficeError) {
        try lockedThrowing { state throws(OfficeError) in
            try check(request, state)
            guard let block = state.incoming[request.id], block.index == index,
                block.filled == geometry.length(of: index)
            else { throw malformed("a block that ends out of place") }
            state.incoming[request.id] = nil
            defer { release(block, of: request.id, &state) }
            guard !block.isTooLate else {
                _ = state.scheduler.delivered(index, of: request.id, now: clock.now())
                return
            }
            guard digest == manifest[index] else { return reject(index, of: request, &state) }
            try keep(index, block, request, &state)
        }
    }

    /// A block that is a hole at the source: the manifest says whether it is all zeros.
    func hole(_ index: Int, of request: BlockScheduler.Request) throws(OfficeError) {
        try lockedThrowing { state throws(OfficeError) in
            try check(request, state)
            guard index >= 0, index < geometry.count, request.ranges.contains(where: { $0.contains(index) }) else {
                throw malformed("a block that was not asked for")
            }
            guard !state.reception.held.contains(index), state.writers[index] == nil else {
                _ = state.scheduler.delivered(index, of: request.id, now: clock.now())
                return
            }
            guard try state.reception.fillHole(index, digest: manifest[index]) else {
                return reject(index, of: request, &state)
            }
            delivered(index, request, &state)
        }
    }

    private func keep(
        _ index: Int, _ block: SwarmIncoming, _ request: BlockScheduler.Request, _ state: inout State
    ) throws(OfficeError) {
        if state.reception.held.contains(index) {
            _ = state.scheduler.delivered(index, of: request.id, now: clock.now())
            return
        }
        if let spare = block.spare {
            let reception = state.reception
            let result = spare.withUnsafeBytes { bytes in
                Result { () throws(OfficeError) in try reception.place(bytes, in: index, at: 0) }
            }
            try result.get()
            // Whoever writes it in place writes no further: it is here.
            state.writers[index] = nil
        }
        try state.reception.take(index, manifest[index])
        delivered(index, request, &state)
    }

    private func delivered(_ index: Int, _ request: BlockScheduler.Request, _ state: inout State) {
        let now = clock.now()
        state.sources[request.source].accepted += 1
        if state.scheduler.delivered(index, of: request.id, now: now) {
            ledger.verified(geometry.length(of: index), with: state.sources[request.source].name)
        }
        state.lastBlock = now
    }

    private func reject(_ index: Int, of request: BlockScheduler.Request, _ state: inout State) {
        state.reception.spoil(index)
        ledger.rejected(with: state.sources[request.source].name)
        state.scheduler.rejected(index, of: request.id)
        state.sources[request.source].rejected += 1
        let source = state.sources[request.source]
        if Self.policy.isUntrue(rejected: source.rejected, accepted: source.accepted) { kill(request.source, &state) }
    }

    /// Every frame is a sign of life; an answer that is of no use any more is cut off by an error.
    private func check(_ request: BlockScheduler.Request, _ state: borrowing State) throws(OfficeError) {
        guard !state.isOver(request) else { throw Self.cut }
    }

    func heard(_ request: BlockScheduler.Request) {
        let now = clock.now()
        locked { state in
            state.sources[request.source].heard = now
            guard state.scheduler.isAside(request.source), !state.sources[request.source].isDead,
                state.sources[request.source].retryAt == nil
            else { return }
            state.scheduler.revived(request.source, now: now)
        }
    }
}
