import Crypto
package import NIOCore
import OfficeCore
import OfficeFolders

/// Takes the blocks of one answer into the cache while it flows through to who asked.
///
/// It knows nothing of what was asked: what is no block of the content, or not what the manifest says, isn't kept. What
/// it can't read ends it, and nothing else.
package final class ContentTap: Sendable {
    /// Bytes that may wait for the disk.
    private static let capacity = 256 << 10

    private let inlet: ByteInlet
    private let pool: WorkPool
    private let taking: Handover<Taking>

    package init(into cache: BlockCache, _ key: BlockCache.Key, pool: WorkPool) {
        let taking = Handover(Taking(cache, key))
        self.taking = taking
        self.pool = pool
        inlet = ByteInlet(pool: pool, capacity: Self.capacity) { taking.value.take($0) }
    }

    /// Returns when there is room for another. The disk's troubles are not the transfer's: nothing is thrown.
    package func take(_ piece: ByteBuffer) async { try? await inlet.push(piece) }

    /// No more comes.
    package func finish() async {
        try? await inlet.finish()
        let taking = self.taking
        try? await pool.run { taking.value.giveUp() }
    }
}

/// The frames of one answer, as far as they are blocks. Blocking code, called by one thread at a time.
private final class Taking {
    private struct Open {
        let block: Int
        let file: ScratchFile
        let offset: Int64
        let length: Int
        var filled = 0
        var hasher = SHA256()
    }

    private let cache: BlockCache
    private let key: BlockCache.Key
    private var decoder = FrameDecoder()
    private var open: Open?
    private var zeros = ZeroDigests()
    private var isOver = false

    init(_ cache: BlockCache, _ key: BlockCache.Key) {
        self.cache = cache
        self.key = key
    }

    func take(_ pieces: [ByteBuffer]) {
        for piece in pieces where !isOver {
            decoder.append(piece)
            do throws(OfficeError) {
                while let frame = try decoder.next() { try take(frame) }
            } catch {
                giveUp()
            }
        }
    }

    private func take(_ frame: Frame) throws(OfficeError) {
        switch frame {
        case .block(let index, let length):
            close(nil)
            guard let file = cache.begin(key, index, length: length) else { return }
            open = Open(block: index, file: file, offset: cache.offset(of: index, in: key), length: length)
        case .data(let piece): try write(piece)
        case .blockEnd(let index, _):
            guard let open, open.block == index, open.filled == open.length else { return close(nil) }
            close(Digest256(open.hasher.finalize()))
        case .hole(let index): cache.hole(key, index) { zeros.digest(length: $0) }
        default: return
        }
    }

    private func write(_ piece: ByteBuffer) throws(OfficeError) {
        guard let block = open else { return }
        guard block.filled + piece.readableBytes <= block.length else { return close(nil) }
        let result = piece.withUnsafeReadableBytes { bytes in
            open?.hasher.update(bufferPointer: bytes)
            return Result { () throws(OfficeError) in
                try block.file.write(bytes, at: block.offset + Int64(block.filled))
            }
        }
        open?.filled += piece.readableBytes
        // A full disk: nothing is kept then.
        do throws(OfficeError) { try result.get() } catch { close(nil) }
    }

    private func close(_ digest: Digest256?) {
        guard let block = open else { return }
        open = nil
        cache.end(key, block.block, digest: digest)
    }

    func giveUp() {
        close(nil)
        isOver = true
    }
}
