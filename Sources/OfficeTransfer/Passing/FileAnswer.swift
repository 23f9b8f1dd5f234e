import Crypto
import NIOCore
package import OfficeCore
package import OfficeFolders

/// Answers one WANT for blocks of a content that another node owns from a file of this node's that is the same.
///
/// The bytes are hashed as they are read, and the file is compared with what it was before and after each block: what is
/// not the content ends the answer, before it says that such a block was whole.
package struct FileAnswer: Sendable {
    private let file: ReadableFile
    private let leaves: [Digest256]
    private let root: ContentRoot
    private let pool: WorkPool
    /// Told where the file's bytes aren't those that were hashed once.
    private let doubt: @Sendable () -> Void

    /// - Parameter leaves: The manifest of the content, which the file had when it was hashed.
    package init(
        from file: ReadableFile, leaves: [Digest256], root: ContentRoot, pool: WorkPool,
        doubt: @escaping @Sendable () -> Void
    ) {
        self.file = file
        self.leaves = leaves
        self.root = root
        self.pool = pool
        self.doubt = doubt
    }

    package func answer(_ request: BodyStream, write: @escaping BodyWriter) async throws {
        let want = try await PassingAnswer.want(of: root, in: request)
        let geometry = BlockGeometry(size: file.identity.size)
        guard (want.ranges.last?.upperBound ?? 0) <= geometry.count else {
            throw malformed("blocks that the content has not")
        }
        var encoder = FrameEncoder()
        encoder.write(
            .begin(
                FileHead(
                    item: want.item, size: geometry.size, modified: FileTime(seconds: 0, nanoseconds: 0),
                    executable: false, token: want.token)))
        encoder.write(.have(item: want.item, BlockSet(capacity: geometry.count, 0..<geometry.count)))
        try await write(encoder.take())
        if want.purpose == .blocks { try await send(want, write) }
        encoder.write(.end(item: want.item, root: nil))
        encoder.write(.end(item: Frame.wholeExchange, root: nil))
        try await write(encoder.take())
    }

    private func send(_ want: Want, _ write: BodyWriter) async throws {
        let sending = Handover(
            (blocks: BlockSending(file, ranges: want.ranges, known: []), encoder: Handover(Encoder())))
        let (leaves, doubt) = (self.leaves, self.doubt)
        while true {
            let piece = try await pool.run { () throws -> ByteBuffer? in
                let (blocks, encoder) = (sending.value.blocks, sending.value.encoder.value)
                encoder.frames.reserve(FetchMaker.bufferBytes + 4096)
                while let room = FetchMaker.room(in: encoder.frames, TransferLimits()), let block = blocks.block {
                    guard try blocks.step(into: &encoder.frames, pieceBytes: room) != nil else { break }
                    guard blocks.block == block || blocks.leaves[block] == leaves[block] else {
                        doubt()
                        throw changedWhileRead()
                    }
                }
                return encoder.frames.isEmpty ? nil : encoder.frames.takeRecycling()
            }
            guard let piece else { return }
            try await write(piece)
        }
    }

    private final class Encoder {
        var frames = FrameEncoder()
    }
}
