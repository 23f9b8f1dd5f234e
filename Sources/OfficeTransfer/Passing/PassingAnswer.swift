import NIOCore
import OfficeCore
import OfficeFolders

/// Answers one WANT for blocks that this node holds in passing.
///
/// What is here goes first; what is still on its way here is waited for while anything comes at all, so that a reader
/// need not ask again and again. What doesn't come is left out: to lack a block is no lie.
package struct PassingAnswer: Sendable {
    /// How often a waiting reader hears that blocks come, if not the ones it wants.
    private static let sign = Duration.milliseconds(500)
    /// Signs without any block, after which nothing is waited for any more.
    private static let mostSigns = 8

    private let cache: BlockCache
    private let key: BlockCache.Key
    private let pool: WorkPool
    private let limits = TransferLimits()

    package init(of key: BlockCache.Key, in cache: BlockCache, pool: WorkPool) {
        self.cache = cache
        self.key = key
        self.pool = pool
    }

    /// Throws `.notFound` where there is nothing of the content here.
    package func answer(_ request: BodyStream, write: @escaping BodyWriter) async throws {
        let want = try await Self.want(of: key.root, in: request)
        guard let size = cache.size(of: key), let held = cache.holds(key) else { throw notHere }
        guard (want.ranges.last?.upperBound ?? 0) <= held.capacity else {
            throw malformed("blocks that the content has not")
        }
        let wanted = BlockSet(capacity: held.capacity, want.purpose == .hashes ? [] : Array(want.ranges.joined()))
        var encoder = FrameEncoder(limits: limits)
        encoder.write(
            .begin(
                FileHead(
                    item: want.item, size: size, modified: FileTime(seconds: 0, nanoseconds: 0), executable: false,
                    token: want.token)))
        encoder.write(.have(item: want.item, held))
        try await write(encoder.take())
        try await send(wanted, write)
        if let held = cache.holds(key) { encoder.write(.have(item: want.item, held)) }
        encoder.write(.end(item: want.item, root: nil))
        encoder.write(.end(item: Frame.wholeExchange, root: nil))
        try await write(encoder.take())
    }

    /// The one thing that may be asked.
    static func want(of root: ContentRoot, in request: BodyStream) async throws -> Want {
        var reader = FrameReader(request, limits: TransferLimits())
        guard let frames = try await reader.next(upTo: 2), case .want(let want) = frames.first, frames.count == 1,
            want.token == ContentToken.token(of: root), want.purpose == .blocks || want.purpose == .hashes
        else { throw malformed("blocks in passing are asked for by one WANT of their content") }
        return want
    }

    private func send(_ wanted: BlockSet, _ write: BodyWriter) async throws {
        let (number, bell) = cache.listen(to: key, for: wanted)
        defer { cache.mute(number, of: key) }
        var (rest, arrived, signs) = (wanted, Int64(-1), 0)
        while !rest.isEmpty, let standing = cache.take(rest, of: key) {
            if let ready = standing.ready {
                rest.remove(ready.block)
                signs = 0
                defer { cache.release(ready.block, of: key) }
                try await send(ready, write)
                continue
            }
            guard standing.mayCome else { return }
            if await bell.wait(for: Self.sign) { continue }
            try Task.checkCancellation()
            signs = standing.arrived == arrived ? signs + 1 : 0
            guard signs < Self.mostSigns else { return }
            arrived = standing.arrived
            try await write(FrameEncoder.encoded(.progress(bytes: arrived)))
        }
    }

    private typealias Ready = (block: Int, length: Int, offset: Int64, digest: Digest256, file: ScratchFile)

    private func send(_ ready: Ready, _ write: BodyWriter) async throws {
        let limits = self.limits
        var sent = 0
        while sent < ready.length {
            let (start, count) = (sent, min(limits.dataBytes, ready.length - sent))
            let piece = try await pool.run {
                var encoder = FrameEncoder(limits: limits)
                encoder.reserve(count + 128)
                if start == 0 { encoder.write(.block(index: ready.block, length: ready.length)) }
                try encoder.writeData(count: count) { raw throws(OfficeError) in
                    guard try ready.file.read(into: raw, at: ready.offset + Int64(start)) == count else {
                        throw OfficeError(.io, "scratch file", "it is shorter than it was")
                    }
                }
                if start + count == ready.length { encoder.write(.blockEnd(index: ready.block, digest: ready.digest)) }
                return encoder.take()
            }
            try await write(piece)
            sent += count
        }
    }

    private var notHere: OfficeError {
        OfficeError(.notFound, key.root.short, "this node holds nothing of it")
    }
}
