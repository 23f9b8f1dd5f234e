import NIOCore
import OfficeCore
import OfficeFolders
import OfficeTransfer
import Synchronization

/// What may go wrong on the way, decided for each piece that is carried.
enum Fault: Sendable {
    case none
    /// This instead.
    case replaced(ByteBuffer)
    /// So many bytes more, then the connection is reset.
    case reset(after: Int)
    /// So many bytes more, then the body ends as if it were whole.
    case truncated(after: Int)
    /// Goes on after this.
    case delayed(@Sendable () async -> Void)
    /// Nothing more ever comes; meanwhile this is done again and again.
    case stalled(@Sendable () -> Void)
}

/// What is carried: which verb's which exchange, which way, and how many bytes went before.
struct Carried: Sendable {
    enum Way: Sendable { case request, answer }
    var verb: ShareVerb
    /// Who answers.
    var server: Label
    var exchange: Int
    var way: Way
    var offset: Int
    var piece: ByteBuffer
}

/// Carries exchanges to a `ShareResponder` in the same process, with a small buffer each way, and can cut, stall
/// and corrupt what it carries.
final class LoopTransport: ShareTransport {
    typealias Decide = @Sendable (Carried) -> Fault

    let folders: [Label: Folder]
    let responder: ShareResponder
    let mayWrite: Bool
    /// Nodes besides the share's own that serve it.
    private let copies: [Label]
    private let decide: Decide
    private let exchanges = Mutex([ShareVerb: Int]())
    private let carried = Mutex(0)

    init(
        _ folders: [Label: Folder], responder: ShareResponder, mayWrite: Bool = true,
        copies: [Label] = [],
        decide: @escaping Decide = { _ in .none }
    ) {
        self.folders = folders
        self.responder = responder
        self.mayWrite = mayWrite
        self.copies = copies
        self.decide = decide
    }

    func copies(node: Label, share: Label) async -> [Label] { copies }

    /// Exchanges of a verb so far.
    func count(of verb: ShareVerb) -> Int { exchanges.withLock { $0[verb, default: 0] } }
    /// Bytes carried, both ways.
    var bytes: Int { carried.withLock { $0 } }

    func exchange<Answer: Sendable>(
        node: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let server = server ?? node
        guard let folder = folders[server] else {
            throw OfficeError(.unavailable, "\(node)", "the node is offline", mend: "Start it.")
        }
        guard share == TestOffice.share else {
            throw OfficeError(.notFound, "\(share)", "there is no such share")
        }
        let number = exchanges.withLock { exchanges in
            exchanges[verb, default: 0] += 1
            return exchanges[verb, default: 0]
        }
        let (up, down) = (Pipe(), Pipe())
        let wires = (
            up: Wire(
                up, decide,
                Carried(
                    verb: verb, server: server, exchange: number, way: .request, offset: 0, piece: ByteBuffer())),
            down: Wire(
                down, decide,
                Carried(verb: verb, server: server, exchange: number, way: .answer, offset: 0, piece: ByteBuffer()))
        )
        defer { carried.withLock { $0 += wires.up.offset + wires.down.offset } }
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask { [responder, mayWrite] in
                do {
                    try await responder.respond(
                        to: verb, in: folder, mayWrite: mayWrite, request: BodyStream(up),
                        write: { try await wires.down.write($0) })
                    down.finish(nil)
                } catch {
                    let isWhole = wires.down.offset == 0 && error is OfficeError
                    down.finish(isWhole ? error : lost())
                }
                return nil
            }
            group.addTask {
                do {
                    try await send { try await wires.up.write($0) }
                    up.finish(nil)
                } catch {
                    up.finish(lost())
                }
                return nil
            }
            group.addTask { .some(try await receive(BodyStream(down))) }
            defer {
                up.finish(lost())
                down.finish(lost())
                group.cancelAll()
            }
            while let answer = try await group.next() {
                if let answer { return answer }
            }
            throw lost()
        }
    }
}

func lost() -> OfficeError {
    OfficeError(.temporary, "transfer", "the connection was lost", mend: "Run the same again to go on.")
}

/// One direction of an exchange, with what happens to it.
private final class Wire: Sendable {
    private let pipe: Pipe
    private let decide: LoopTransport.Decide
    private let state: Mutex<Carried>

    init(_ pipe: Pipe, _ decide: @escaping LoopTransport.Decide, _ start: Carried) {
        self.pipe = pipe
        self.decide = decide
        state = Mutex(start)
    }

    var offset: Int { state.withLock { $0.offset } }

    func write(_ piece: ByteBuffer) async throws {
        var carried = state.withLock { $0 }
        carried.piece = piece
        let fault = decide(carried)
        state.withLock { $0.offset += piece.readableBytes }
        switch fault {
        case .none: try await pipe.write(piece)
        case .replaced(let other): try await pipe.write(other)
        case .reset(let count):
            try await pipe.write(piece.getSlice(at: piece.readerIndex, length: count) ?? piece)
            pipe.finish(lost())
            throw lost()
        case .truncated(let count):
            try await pipe.write(piece.getSlice(at: piece.readerIndex, length: count) ?? piece)
            pipe.finish(nil)
            throw lost()
        case .delayed(let meanwhile):
            await meanwhile()
            try await pipe.write(piece)
        case .stalled(let meanwhile):
            while true {
                try Task.checkCancellation()
                meanwhile()
                await Task.yield()
            }
        }
    }
}

/// Bytes from one task to another; who writes waits while too much is under way.
final class Pipe: Sendable, AsyncSequence {
    private struct State {
        var pieces: [ByteBuffer] = []
        var end: Result<Void, any Error>?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let capacity = 4

    private func wake() {
        let waiters = state.withLock { state in
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func wait(while condition: @Sendable (borrowing [ByteBuffer], Bool) -> Bool) async throws {
        try Task.checkCancellation()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    guard condition(state.pieces, state.end != nil), !Task.isCancelled else { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        try Task.checkCancellation()
    }

    func write(_ piece: ByteBuffer) async throws {
        guard piece.readableBytes > 0 else { return }
        while state.withLock({ $0.end == nil && $0.pieces.count >= capacity }) {
            try await wait { $0.count >= 4 && !$1 }
        }
        try state.withLock { state in
            if case .failure(let error)? = state.end { throw error }
            state.pieces.append(piece)
        }
        wake()
    }

    func finish(_ error: (any Error)?) {
        state.withLock { state in
            if state.end == nil { state.end = error.map { .failure($0) } ?? .success(()) }
        }
        wake()
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let pipe: Pipe
        func next() async throws -> ByteBuffer? { try await pipe.next() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pipe: self) }

    private func next() async throws -> ByteBuffer? {
        while true {
            let step: ByteBuffer?? = try state.withLock { state in
                if !state.pieces.isEmpty { return .some(state.pieces.removeFirst()) }
                guard let end = state.end else { return nil }
                try end.get()
                return .some(nil)
            }
            if let step {
                wake()
                return step
            }
            try await wait { $0.isEmpty && !$1 }
        }
    }
}
