package import NIOCore
package import OfficeCore

/// Reads frames from pieces of a body, however they were cut. Strict: what is not exactly a frame is malformed.
///
/// DATA is handed on as slices of the pieces it came in, without waiting for the rest of its frame and without a
/// copy, so that a block of any size costs no memory here. Everything else is at most `limits.frameBytes` long.
package struct FrameDecoder: Sendable {
    private var buffer = ByteBuffer()
    /// Bytes of the open DATA frame that have not come yet.
    private var dataLeft = 0
    private let limits: TransferLimits

    package init(limits: TransferLimits = TransferLimits()) {
        self.limits = limits
    }

    package mutating func append(_ piece: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = piece
        } else {
            buffer.discardReadBytes()
            buffer.writeImmutableBuffer(piece)
        }
    }

    /// The next frame, or nil until more is appended.
    package mutating func next() throws(OfficeError) -> Frame? {
        if dataLeft > 0 { return nextData() }
        guard let code: UInt8 = buffer.getInteger(at: buffer.readerIndex),
            let length: UInt32 = buffer.getInteger(at: buffer.readerIndex + 1)
        else { return nil }
        guard let kind = Frame.Kind(rawValue: code) else { throw malformed("unknown frame \(code)") }
        guard length <= (kind == .data ? limits.dataBytes : limits.frameBytes) else {
            throw malformed("a frame of \(length) bytes")
        }
        if kind == .data {
            buffer.moveReaderIndex(forwardBy: Frame.headerBytes)
            guard length > 0 else { throw malformed("an empty DATA frame") }
            dataLeft = Int(length)
            return nextData()
        }
        guard buffer.readableBytes >= Frame.headerBytes + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: Frame.headerBytes)
        guard let payload = buffer.readSlice(length: Int(length)) else { return nil }
        var reader = FieldReader(payload, limits: limits)
        let frame = try reader.frame(kind)
        guard reader.isAtEnd else { throw malformed("a frame with more than its fields") }
        return frame
    }

    private mutating func nextData() -> Frame? {
        guard let slice = buffer.readSlice(length: min(dataLeft, buffer.readableBytes)), slice.readableBytes > 0
        else { return nil }
        dataLeft -= slice.readableBytes
        return .data(slice)
    }

    /// Whether everything that came made whole frames.
    package var isAtBoundary: Bool { dataLeft == 0 && buffer.readableBytes == 0 }
}

/// The error for bytes that are not the protocol's.
func malformed(_ why: String) -> OfficeError {
    OfficeError(
        .malformed, "transfer", "the other side does not speak the protocol: \(why)",
        mend: "Bring both nodes to the same version of officeshare.")
}

/// Takes a payload apart, field by field, within the limits.
struct FieldReader {
    private var payload: ByteBuffer
    private let limits: TransferLimits

    init(_ payload: ByteBuffer, limits: TransferLimits) {
        self.payload = payload
        self.limits = limits
    }

    var isAtEnd: Bool { payload.readableBytes == 0 }

    mutating func frame(_ kind: Frame.Kind) throws(OfficeError) -> Frame {
        switch kind {
        case .ping: .ping
        case .list: .list(try list())
        case .want: .want(try want())
        case .offer: .offer(try offer())
        case .store: .store(try storeHead())
        case .change: .change(item: try itemNumber(), try change())
        case .entries: .entries(try entries())
        case .begin: .begin(try fileHead())
        case .block: .block(index: try index(), length: Int(try integer(UInt32.self)))
        case .data: throw malformed("DATA out of place")
        case .blockEnd: .blockEnd(index: try index(), digest: try digest())
        case .hole: .hole(index: try index())
        case .manifest: try manifest()
        case .chunks: try chunks()
        case .held: .held(item: try integer(), try blockDigests())
        case .need: .need(try need())
        case .keep: .keep(try blockDigests())
        case .done: .done(item: try integer(), wasThere: try flags(upTo: 1) == 1)
        case .committed:
            .committed(item: try integer(), root: ContentRoot(try digest()), name: isAtEnd ? nil : try name())
        case .progress: .progress(bytes: try positive())
        case .have: try have()
        case .source: .source(try label())
        case .end: .end(item: try integer(), root: isAtEnd ? nil : ContentRoot(try digest()))
        case .fail: .fail(item: try integer(), try error())
        }
    }
}

// MARK: Fields

extension FieldReader {
    private mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(OfficeError) -> T {
        guard let value: T = payload.readInteger() else { throw malformed("a frame that ends early") }
        return value
    }

    /// A block's index: the largest file has far fewer than 2^31.
    private mutating func index() throws(OfficeError) -> Int {
        let index: UInt32 = try integer()
        guard index <= UInt32(Int32.max) else { throw malformed("block number \(index)") }
        return Int(index)
    }

    /// Of an item that somebody asks about: not the number that stands for the whole exchange.
    private mutating func itemNumber() throws(OfficeError) -> UInt32 {
        let item: UInt32 = try integer()
        guard item != Frame.wholeExchange else { throw malformed("an item without a number") }
        return item
    }

    private mutating func positive() throws(OfficeError) -> Int64 {
        let value: Int64 = try integer()
        guard value >= 0 else { throw malformed("a number below zero") }
        return value
    }

    private mutating func flags(upTo largest: UInt8) throws(OfficeError) -> UInt8 {
        let flags: UInt8 = try integer()
        guard flags <= largest else { throw malformed("unknown flags \(flags)") }
        return flags
    }

    private mutating func digest() throws(OfficeError) -> Digest256 {
        guard let bytes = payload.readBytes(length: Digest256.byteCount), let digest = Digest256(bytes) else {
            throw malformed("a frame that ends early")
        }
        return digest
    }

    private mutating func count(upTo limit: Int, of what: String) throws(OfficeError) -> Int {
        let count: UInt32 = try integer()
        guard count <= limit else { throw malformed("\(count) \(what) in one frame") }
        return Int(count)
    }

    private mutating func long(upTo limit: Int) throws(OfficeError) -> [UInt8] {
        let length: UInt16 = try integer()
        guard length <= limit, let bytes = payload.readBytes(length: Int(length)) else {
            throw malformed("a field of \(length) bytes")
        }
        return bytes
    }

    private mutating func text(upTo limit: Int) throws(OfficeError) -> String {
        String(decoding: try long(upTo: limit), as: UTF8.self)
    }

    private mutating func short(upTo limit: Int) throws(OfficeError) -> String {
        let length: UInt8 = try integer()
        guard length <= limit, let bytes = payload.readBytes(length: Int(length)),
            bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw malformed("a token that is too long or not plain ASCII") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Checked as every path at the edge, and exact: a doubled or final slash is malformed here. officeshare's own
    /// temporaries are nobody's to name.
    private mutating func path() throws(OfficeError) -> RelativePath {
        let bytes = try long(upTo: limits.pathBytes)
        let path = try RelativePath(parsing: bytes)
        let slashes = bytes.reduce(0) { $0 + ($1 == UInt8(ascii: "/") ? 1 : 0) }
        guard path.isRoot ? bytes.isEmpty : slashes == path.components.count - 1 else {
            throw malformed("a path with an empty name in it")
        }
        guard !path.isReserved else {
            throw OfficeError(.notFound, path.description, "there is no such file or folder")
        }
        return path
    }

    private mutating func name() throws(OfficeError) -> FileName {
        let name = try FileName(try long(upTo: FileName.maximumLength))
        guard !name.isReserved else { throw malformed("a name that is not one") }
        return name
    }

    private func base(_ token: String) throws(OfficeError) -> ContentRoot {
        do throws(OfficeError) {
            return try ContentRoot(hex: token)
        } catch {
            throw malformed("a base that is no root")
        }
    }

    private mutating func time() throws(OfficeError) -> FileTime {
        let time = FileTime(seconds: try integer(), nanoseconds: try integer())
        guard (0..<1_000_000_000).contains(time.nanoseconds) else { throw malformed("a time out of range") }
        return time
    }

    private mutating func size() throws(OfficeError) -> Int64 {
        let size: Int64 = try integer()
        guard (0...limits.fileBytes).contains(size) else { throw malformed("a file of \(size) bytes") }
        return size
    }

    private mutating func kind() throws(OfficeError) -> Entry.Kind {
        let code: UInt8 = try integer()
        guard let kind = Entry.Kind(rawValue: code) else { throw malformed("an entry of unknown kind \(code)") }
        return kind
    }

    /// A symlink's target: never empty, never with a NUL.
    private mutating func target() throws(OfficeError) -> [UInt8] {
        let target = try long(upTo: limits.pathBytes)
        guard !target.isEmpty, !target.contains(0) else { throw malformed("a symlink without a possible target") }
        return target
    }
}

// MARK: Frames

extension FieldReader {
    private mutating func list() throws(OfficeError) -> ListRequest {
        let flags = try flags(upTo: 7)
        let path = try path()
        let pattern = try long(upTo: limits.patternBytes)
        let limit: UInt32 = try integer()
        return ListRequest(
            path: path, recursive: flags & 1 != 0, withSelf: flags & 2 != 0,
            pattern: flags & 4 == 0 ? nil : pattern, limit: limit == 0 ? nil : Int(limit))
    }

    private mutating func want() throws(OfficeError) -> Want {
        let item = try itemNumber()
        let flags = try flags(upTo: 3)
        guard let purpose = Want.Purpose(rawValue: flags) else { throw malformed("unknown flags \(flags)") }
        let path = try path()
        let token = try short(upTo: limits.tokenBytes)
        var ranges: [Range<Int>] = []
        for _ in 0..<(try count(upTo: limits.ranges, of: "ranges")) {
            let first = try index()
            let count: UInt32 = try integer()
            guard count > 0, first >= (ranges.last?.upperBound ?? 0), Int(count) <= Int(Int32.max) - first else {
                throw malformed("ranges that are empty or out of order")
            }
            ranges.append(first..<(first + Int(count)))
        }
        return Want(item: item, path: path, token: token, purpose: purpose, ranges: ranges)
    }

    private mutating func offer() throws(OfficeError) -> Offer {
        let item = try itemNumber()
        let kind = try kind()
        let flags = try flags(upTo: 7)
        let size = try size()
        let modified = try time()
        let path = try path()
        let key = try short(upTo: limits.keyBytes)
        let target: [UInt8]?
        if kind == .symlink {
            target = try self.target()
        } else {
            target = nil
            guard try long(upTo: 0).isEmpty else { throw malformed("a target of what is no symlink") }
        }
        return Offer(
            item: item, path: path, kind: kind, size: size, modified: modified, executable: flags & 1 != 0,
            force: flags & 2 != 0, key: key, target: target, base: flags & 4 == 0 ? nil : ContentRoot(try digest()))
    }

    private mutating func storeHead() throws(OfficeError) -> StoreHead {
        let item = try itemNumber()
        let executable = try flags(upTo: 1) == 1
        let code = try flags(upTo: 3)
        let size = try size()
        let modified = try time()
        let path = try path()
        let key = try short(upTo: limits.keyBytes)
        let token = try short(upTo: limits.tokenBytes)
        let condition: StoreHead.Condition =
            switch code {
            case 0: .never
            case 1: .always
            case 2: .ifUnchanged(token)
            default: .ifBase(try base(token))
            }
        return StoreHead(
            item: item, path: path, size: size, modified: modified, executable: executable, key: key,
            condition: condition)
    }

    private mutating func fileHead() throws(OfficeError) -> FileHead {
        let item: UInt32 = try integer()
        let executable = try flags(upTo: 1) == 1
        return FileHead(
            item: item, size: try size(), modified: try time(), executable: executable,
            token: try short(upTo: limits.tokenBytes))
    }

    private mutating func need() throws(OfficeError) -> Need {
        let item: UInt32 = try integer()
        guard try flags(upTo: 1) == 1 else { return Need(item: item) }
        return Need(item: item, existing: .init(size: try size(), token: try short(upTo: limits.tokenBytes)))
    }

    private mutating func manifest() throws(OfficeError) -> Frame {
        let item: UInt32 = try integer()
        let first = try index()
        var digests: [Digest256] = []
        for _ in 0..<(try count(upTo: limits.digests, of: "digests")) { digests.append(try digest()) }
        return .manifest(item: item, first: first, digests: digests)
    }

    private mutating func have() throws(OfficeError) -> Frame {
        let item: UInt32 = try integer()
        let capacity = try index()
        guard let bitmap = payload.readBytes(length: payload.readableBytes),
            let blocks = BlockSet(capacity: capacity, bitmap: bitmap)
        else { throw malformed("blocks that don't fit their number") }
        return .have(item: item, blocks)
    }

    private mutating func label() throws(OfficeError) -> Label {
        let length: UInt8 = try integer()
        guard let bytes = payload.readBytes(length: Int(length)) else { throw malformed("a frame that ends early") }
        return try Label(String(decoding: bytes, as: UTF8.self))
    }

    private mutating func chunks() throws(OfficeError) -> Frame {
        let item: UInt32 = try integer()
        var chunks: [ContentChunk] = []
        for _ in 0..<(try count(upTo: limits.digests, of: "chunks")) {
            let length: UInt32 = try integer()
            guard length > 0 else { throw malformed("an empty chunk") }
            chunks.append(ContentChunk(length: Int(length), mark: try integer()))
        }
        return .chunks(item: item, chunks)
    }

    private mutating func blockDigests() throws(OfficeError) -> [BlockDigest] {
        var blocks: [BlockDigest] = []
        for _ in 0..<(try count(upTo: limits.digests, of: "digests")) {
            blocks.append(BlockDigest(index: try index(), digest: try digest()))
        }
        return blocks
    }

    private mutating func entries() throws(OfficeError) -> [Entry] {
        let count = try count(upTo: limits.entries, of: "entries")
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let kind = try kind()
            let executable = try flags(upTo: 1) == 1
            let size = try positive()
            let modified = try time()
            let path = try path()
            entries.append(
                Entry(
                    path: path, kind: kind, size: size, modified: modified, executable: executable,
                    target: kind == .symlink ? try target() : nil))
        }
        return entries
    }

    private mutating func error() throws(OfficeError) -> OfficeError {
        let code = try short(upTo: 32)
        let what = try text(upTo: limits.textBytes)
        let why = try text(upTo: limits.textBytes)
        let mend = try flags(upTo: 1) == 1 ? try text(upTo: limits.textBytes) : nil
        // A newer node may know more codes than we do.
        return OfficeError(OfficeError.Code(rawValue: code) ?? .fault, what, why, mend: mend)
    }

    private mutating func change() throws(OfficeError) -> Change {
        let code: UInt8 = try integer()
        let flags: UInt8 = try integer()
        guard flags <= (code == 6 ? 2 : code == 4 ? 0 : 1) else { throw malformed("unknown flags \(flags)") }
        let path = try path()
        switch code {
        case 1: return .makeFolder(path, parents: flags == 1)
        case 2: return .move(path, to: try self.path(), force: flags == 1)
        case 3: return .remove(path, recursive: flags == 1)
        case 4: return .setModified(path, try time())
        case 5: return .setExecutable(path, flags == 1)
        case 6:
            guard let action = Change.MarkAction(rawValue: flags) else { throw malformed("unknown flags \(flags)") }
            return .mark(path, key: try short(upTo: limits.keyBytes), action)
        default: throw malformed("an unknown change \(code)")
        }
    }
}
