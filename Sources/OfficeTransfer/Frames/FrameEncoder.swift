package import NIOCore
import OfficeCore

/// Writes frames one behind the other into one buffer, so that many small ones travel in one write.
///
/// It trusts its caller with lengths that the house makes itself (digests per frame, entries per frame); texts
/// that come from elsewhere are cut to their limit.
package struct FrameEncoder: Sendable {
    private var buffer = ByteBuffer()
    private let limits: TransferLimits
    /// Buffers that were handed out, to be used again once nobody else has them.
    private var recycled: [ByteBuffer] = []

    package init(limits: TransferLimits = TransferLimits()) {
        self.limits = limits
    }

    package var readableBytes: Int { buffer.readableBytes }
    package var isEmpty: Bool { buffer.readableBytes == 0 }

    /// What was written so far; the encoder begins anew.
    package mutating func take() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }

    /// Makes room at once where much is about to be written.
    package mutating func reserve(_ bytes: Int) { buffer.reserveCapacity(minimumWritableBytes: bytes) }

    /// What was written so far, as `take` has it; the encoder goes on in a buffer that it handed out before, where
    /// that is free again: the memory of a long transfer is that of a few buffers.
    package mutating func takeRecycling() -> ByteBuffer {
        let full = buffer
        recycled.append(full)
        buffer = recycled.count > Self.recycledBuffers ? recycled.removeFirst() : ByteBuffer()
        buffer.clear()
        return full
    }

    /// One more than are on their way at once.
    private static let recycledBuffers = 5

    /// One frame in a buffer of its own.
    package static func encoded(_ frame: Frame) -> ByteBuffer {
        var encoder = FrameEncoder()
        encoder.write(frame)
        return encoder.take()
    }

    package mutating func write(_ frame: Frame) {
        switch frame {
        case .list(let list): write(.list) { $0.write(list) }
        case .want(let want): write(.want) { $0.write(want) }
        case .offer(let offer): write(.offer) { $0.write(offer) }
        case .store(let head): write(.store) { $0.write(head) }
        case .change(let item, let change): write(.change) { $0.write(item, change) }
        case .entries(let entries): write(.entries) { $0.write(entries) }
        case .begin(let head): write(.begin) { $0.write(head) }
        case .need(let need): write(.need) { $0.write(need) }
        case .fail(let item, let error): write(.fail) { $0.write(item, error) }
        case .data(let bytes): writeData(bytes)
        case .keep(let blocks): write(.keep) { $0.write(blocks) }
        case .held(let item, let blocks):
            write(.held) {
                $0.buffer.writeInteger(item)
                $0.write(blocks)
            }
        case .manifest(let item, let first, let digests):
            write(.manifest) {
                $0.buffer.writeMultipleIntegers(item, UInt32(first), UInt32(digests.count))
                for digest in digests { $0.write(digest) }
            }
        case .chunks(let item, let chunks):
            write(.chunks) {
                $0.buffer.writeMultipleIntegers(item, UInt32(chunks.count))
                for chunk in chunks { $0.buffer.writeMultipleIntegers(UInt32(chunk.length), chunk.mark) }
            }
        case .ping: write(.ping) { _ in }
        case .block, .blockEnd, .hole, .done, .committed, .progress, .have, .source, .end: writeSmall(frame)
        }
    }

    /// Frames of a few fixed fields.
    private mutating func writeSmall(_ frame: Frame) {
        switch frame {
        case .block(let index, let length):
            write(.block) { $0.buffer.writeMultipleIntegers(UInt32(index), UInt32(length)) }
        case .blockEnd(let index, let digest):
            write(.blockEnd) {
                $0.buffer.writeInteger(UInt32(index))
                $0.write(digest)
            }
        case .hole(let index): write(.hole) { $0.buffer.writeInteger(UInt32(index)) }
        case .done(let item, let wasThere):
            write(.done) { $0.buffer.writeMultipleIntegers(item, UInt8(wasThere ? 1 : 0)) }
        case .committed(let item, let root, let name):
            write(.committed) {
                $0.buffer.writeInteger(item)
                $0.write(root.digest)
                if let name { $0.write(long: name.bytes) }
            }
        case .progress(let bytes): write(.progress) { $0.buffer.writeInteger(bytes) }
        case .have(let item, let blocks):
            write(.have) {
                $0.buffer.writeMultipleIntegers(item, UInt32(blocks.capacity))
                $0.buffer.writeBytes(blocks.bitmap)
            }
        case .source(let name):
            write(.source) {
                $0.buffer.writeInteger(UInt8(name.bytes.count))
                $0.buffer.writeBytes(name.bytes)
            }
        case .end(let item, let root):
            write(.end) {
                $0.buffer.writeInteger(item)
                if let root { $0.write(root.digest) }
            }
        default: break
        }
    }

    /// The type, the length of what `payload` writes, and that.
    private mutating func write(_ kind: Frame.Kind, _ payload: (inout FrameEncoder) -> Void) {
        buffer.writeInteger(kind.rawValue)
        let lengthAt = buffer.writerIndex
        buffer.writeInteger(UInt32(0))
        payload(&self)
        buffer.setInteger(UInt32(buffer.writerIndex - lengthAt - 4), at: lengthAt)
    }
}

// MARK: Content

extension FrameEncoder {
    /// DATA frames over `bytes`, cut where one would be too long.
    private mutating func writeData(_ bytes: ByteBuffer) {
        var rest = bytes
        while let piece = rest.readSlice(length: min(limits.dataBytes, rest.readableBytes)), piece.readableBytes > 0 {
            buffer.writeMultipleIntegers(Frame.Kind.data.rawValue, UInt32(piece.readableBytes))
            buffer.writeImmutableBuffer(piece)
        }
    }

    /// One DATA frame whose `count` bytes `fill` puts straight into the buffer; what it throws leaves the encoder
    /// without that frame.
    package mutating func writeData<Failure: Error>(
        count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let start = buffer.writerIndex
        buffer.writeMultipleIntegers(Frame.Kind.data.rawValue, UInt32(count))
        var failure: Failure?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { raw in
            do throws(Failure) {
                try fill(UnsafeMutableRawBufferPointer(rebasing: raw[..<count]))
                return count
            } catch {
                failure = error
                return 0
            }
        }
        guard let failure else { return }
        buffer.moveWriterIndex(to: start)
        throw failure
    }
}

// MARK: Fields

extension FrameEncoder {
    private mutating func write(_ digest: Digest256) { buffer.writeBytes(digest.bytes) }

    private mutating func write(_ blocks: [BlockDigest]) {
        buffer.writeInteger(UInt32(blocks.count))
        for block in blocks {
            buffer.writeInteger(UInt32(block.index))
            write(block.digest)
        }
    }

    private mutating func write(_ path: RelativePath) {
        let lengthAt = buffer.writerIndex
        buffer.writeInteger(UInt16(0))
        var first = true
        for component in path.components {
            if !first { buffer.writeInteger(UInt8(ascii: "/")) }
            first = false
            buffer.writeBytes(component.bytes)
        }
        buffer.setInteger(UInt16(buffer.writerIndex - lengthAt - 2), at: lengthAt)
    }

    private mutating func write(long bytes: some Collection<UInt8>) {
        buffer.writeInteger(UInt16(bytes.count))
        buffer.writeBytes(bytes)
    }

    private mutating func write(short text: String) {
        let bytes = text.utf8.prefix(255)
        buffer.writeInteger(UInt8(bytes.count))
        buffer.writeBytes(bytes)
    }

    private mutating func write(_ time: FileTime) {
        buffer.writeMultipleIntegers(time.seconds, time.nanoseconds)
    }

    private mutating func write(_ list: ListRequest) {
        let flags: UInt8 =
            (list.recursive ? 1 : 0) | (list.withSelf ? 2 : 0) | (list.pattern == nil ? 0 : 4)
        buffer.writeInteger(flags)
        write(list.path)
        write(long: list.pattern ?? [])
        buffer.writeInteger(UInt32(clamping: list.limit ?? 0))
    }

    private mutating func write(_ want: Want) {
        buffer.writeMultipleIntegers(want.item, want.purpose.rawValue)
        write(want.path)
        write(short: want.token)
        buffer.writeInteger(UInt32(want.ranges.count))
        for range in want.ranges {
            buffer.writeMultipleIntegers(UInt32(range.lowerBound), UInt32(range.count))
        }
    }

    private mutating func write(_ offer: Offer) {
        buffer.writeMultipleIntegers(
            offer.item, offer.kind.rawValue,
            UInt8((offer.executable ? 1 : 0) | (offer.force ? 2 : 0) | (offer.base == nil ? 0 : 4)), offer.size)
        write(offer.modified)
        write(offer.path)
        write(short: offer.key)
        write(long: offer.target ?? [])
        if let base = offer.base { write(base.digest) }
    }

    private mutating func write(_ head: StoreHead) {
        let condition: (code: UInt8, token: String) =
            switch head.condition {
            case .never: (0, "")
            case .always: (1, "")
            case .ifUnchanged(let token): (2, token)
            case .ifBase(let root): (3, root.digest.hex)
            }
        buffer.writeMultipleIntegers(head.item, UInt8(head.executable ? 1 : 0), condition.code, head.size)
        write(head.modified)
        write(head.path)
        write(short: head.key)
        write(short: condition.token)
    }

    private mutating func write(_ head: FileHead) {
        buffer.writeMultipleIntegers(head.item, UInt8(head.executable ? 1 : 0), head.size)
        write(head.modified)
        write(short: head.token)
    }

    private mutating func write(_ need: Need) {
        buffer.writeMultipleIntegers(need.item, UInt8(need.existing == nil ? 0 : 1))
        guard let existing = need.existing else { return }
        buffer.writeInteger(existing.size)
        write(short: existing.token)
    }

    private mutating func write(_ entries: [Entry]) {
        buffer.writeInteger(UInt32(entries.count))
        for entry in entries {
            buffer.writeMultipleIntegers(entry.kind.rawValue, UInt8(entry.executable ? 1 : 0), entry.size)
            write(entry.modified)
            write(entry.path)
            if entry.kind == .symlink { write(long: entry.target ?? []) }
        }
    }

    private mutating func write(_ item: UInt32, _ error: OfficeError) {
        buffer.writeInteger(item)
        write(short: error.code.rawValue)
        write(long: clipped(error.what))
        write(long: clipped(error.why))
        buffer.writeInteger(UInt8(error.mend == nil ? 0 : 1))
        if let mend = error.mend { write(long: clipped(mend)) }
    }

    /// The text in at most `limits.textBytes` bytes, cut between characters.
    private func clipped(_ text: String) -> [UInt8] {
        guard text.utf8.count > limits.textBytes else { return Array(text.utf8) }
        var out: [UInt8] = []
        for character in text {
            guard out.count + character.utf8.count <= limits.textBytes else { break }
            out += character.utf8
        }
        return out
    }

    private mutating func write(_ item: UInt32, _ change: Change) {
        buffer.writeInteger(item)
        switch change {
        case .makeFolder(let path, let parents):
            buffer.writeMultipleIntegers(UInt8(1), UInt8(parents ? 1 : 0))
            write(path)
        case .move(let from, let to, let force):
            buffer.writeMultipleIntegers(UInt8(2), UInt8(force ? 1 : 0))
            write(from)
            write(to)
        case .remove(let path, let recursive):
            buffer.writeMultipleIntegers(UInt8(3), UInt8(recursive ? 1 : 0))
            write(path)
        case .setModified(let path, let time):
            buffer.writeMultipleIntegers(UInt8(4), UInt8(0))
            write(path)
            write(time)
        case .setExecutable(let path, let executable):
            buffer.writeMultipleIntegers(UInt8(5), UInt8(executable ? 1 : 0))
            write(path)
        case .mark(let path, let key, let action):
            buffer.writeMultipleIntegers(UInt8(6), action.rawValue)
            write(path)
            write(short: key)
        }
    }
}
