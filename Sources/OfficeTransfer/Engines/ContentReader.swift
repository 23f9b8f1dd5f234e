import Crypto
import NIOCore
import OfficeCore

/// Reads a file of a share from its first byte to its last: `cat`.
///
/// Only verified blocks are handed on, in order, all of one version of the file. A lost link is mended by asking
/// again for what has not been handed on; a file that changes on the way ends it, for what was handed on can't be
/// taken back.
package struct ContentReader: Sendable {
    private let transport: any ShareTransport
    private let pool: WorkPool
    private let options: TransferOptions

    package init(
        transport: some ShareTransport, pool: WorkPool = WorkPool(), options: TransferOptions = TransferOptions()
    ) {
        self.transport = transport
        self.pool = pool
        self.options = options
    }

    /// Hands the content to `write`. Throws what stopped it.
    @discardableResult
    package func read(_ place: RemotePlace, write: @escaping BodyWriter) async throws -> TransferSummary {
        let session = TransferSession(transport: transport, pool: pool, options: options)
        let reading = Handover(Reading(place, session: session, write: write))
        do {
            try await session.persist(place, hasBegun: false) { try await reading.value.attempt(reading) }
        } catch let error as OfficeError where error.what == "transfer" || !error.isOfTheWay {
            throw error.about(place.description)
        }
        session.ledger.done()
        return session.ledger.finish(failure: nil)
    }
}

extension OfficeError {
    /// Whether it is about what lies between here and the file, and names that.
    fileprivate var isOfTheWay: Bool { code == .temporary || code == .unavailable }
}

/// How far a file is read. Used by one task at a time.
private final class Reading {
    private let place: RemotePlace
    private let session: TransferSession
    private let write: BodyWriter
    private var head: FileHead?
    private var geometry = BlockGeometry(size: 0)
    /// Blocks that were handed on.
    private var next = 0
    /// Pieces of the block that comes, until it is verified.
    private var pieces: [ByteBuffer] = []
    private var filled = 0
    private var isInBlock = false
    private var changes = 0
    /// Who answers.
    private var server: Label

    init(_ place: RemotePlace, session: TransferSession, write: @escaping BodyWriter) {
        self.place = place
        self.session = session
        self.write = write
        server = place.node
    }

    /// One exchange for what is missing; true when there is nothing more.
    func attempt(_ this: Handover<Reading>) async throws -> Bool {
        (pieces, filled, isInBlock) = ([], 0, false)
        server = place.node
        var want = Want(item: 0, path: place.path)
        if let head, next > 0 {
            if next == geometry.count { return true }
            want.token = head.token
            want.ranges = [next..<geometry.count]
        } else {
            head = nil
        }
        let request = FrameEncoder.encoded(.want(want))
        let limits = session.options.limits
        return try await session.exchange(
            with: place, .fetch, send: { try await $0(request) },
            receive: { body in try await this.value.receive(FrameReader(body, limits: limits)) })
    }

    /// Takes in one answer; true where it was whole, false where another has to follow.
    private func receive(_ reader: FrameReader) async throws -> Bool {
        var reader = reader
        var (hasBegun, hasEnded) = (false, false)
        while let frames = try await reader.next() {
            for frame in frames {
                switch frame {
                case .end(Frame.wholeExchange, nil) where hasEnded:
                    try await reader.drain()
                    return true
                case .source(let name) where !hasBegun: server = name
                case _ where hasEnded: throw malformed("more than was asked for")
                case .end(0, _):
                    guard next == geometry.count, hasBegun, !isInBlock else {
                        throw malformed("blocks that are missing")
                    }
                    hasEnded = true
                case .begin(let head) where !hasBegun:
                    hasBegun = true
                    try begin(head)
                default:
                    guard try await take(frame) else { return false }
                }
            }
        }
        throw cutOff()
    }

    private func begin(_ head: FileHead) throws(OfficeError) {
        guard self.head == nil || self.head?.token == head.token && self.head?.size == head.size else {
            throw malformed("a version that was not asked for")
        }
        if self.head == nil { session.ledger.expect(files: 1, bytes: head.size) }
        self.head = head
        geometry = BlockGeometry(size: head.size)
        session.ledger.begin(place.description)
    }

    /// False where the exchange is over, and another has to follow.
    private func take(_ frame: Frame) async throws -> Bool {
        switch frame {
        case .fail(_, let error):
            try failed(error)
            return false
        case .block(let index, let length) where isNext(index) && length == geometry.length(of: index):
            (pieces, filled, isInBlock) = ([], 0, true)
        case .data(let piece) where isInBlock && filled + piece.readableBytes <= geometry.length(of: next):
            pieces.append(piece)
            filled += piece.readableBytes
            session.ledger.moved(piece.readableBytes, with: server)
        case .blockEnd(let index, let digest) where isInBlock && index == next && filled == geometry.length(of: next):
            return try await finishBlock(digest)
        case .hole(let index) where isNext(index): try await writeHole()
        default: throw malformed("a frame out of place")
        }
        return true
    }

    private func isNext(_ index: Int) -> Bool {
        head != nil && !isInBlock && index == next && next < geometry.count
    }

    private func finishBlock(_ digest: Digest256) async throws -> Bool {
        let pieces = self.pieces
        (self.pieces, isInBlock) = ([], false)
        let found = try await session.pool.run {
            var hasher = SHA256()
            for piece in pieces { piece.withUnsafeReadableBytes { hasher.update(bufferPointer: $0) } }
            return Digest256(hasher.finalize())
        }
        guard found == digest else {
            session.ledger.rejected(with: server)
            return false
        }
        for piece in pieces { try await write(piece) }
        session.ledger.verified(geometry.length(of: next), with: server)
        next += 1
        return true
    }

    private func writeHole() async throws {
        let length = geometry.length(of: next)
        let zeros = ByteBuffer(repeating: 0, count: min(length, readChunk))
        var left = length
        while left > 0 {
            try await write(zeros.getSlice(at: 0, length: min(left, readChunk)) ?? zeros)
            left -= readChunk
        }
        session.ledger.verified(length, with: server)
        next += 1
    }

    private func failed(_ error: OfficeError) throws(OfficeError) {
        guard error.code == .changed else { throw error }
        changes += 1
        guard next == 0, changes < session.options.changes else {
            throw OfficeError(
                .changed, place.description, "it changed while it was read", mend: "Run the same again.")
        }
        head = nil
    }
}
