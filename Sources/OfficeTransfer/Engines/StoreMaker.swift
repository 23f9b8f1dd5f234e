import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization

/// What the receiver of a store has said so far of the items, told by the task that reads its answers to the code
/// that makes the frames; and the other way, what those hold.
final class StoreAnswers: Sendable {
    enum Verdict: Sendable {
        case committed(ContentRoot, FileName?)
        case failed(OfficeError)
    }

    private let verdicts = Mutex([UInt32: Verdict]())
    /// Bytes of content in each buffer that was made and not yet sent.
    private let made = Mutex([Int]())

    func didMake(_ bytes: Int) { made.withLock { $0.append(bytes) } }
    /// The oldest buffer has left. How much content was in it.
    func didSend() -> Int { made.withLock { $0.isEmpty ? 0 : $0.removeFirst() } }

    /// False where the item had its verdict already.
    func note(_ verdict: Verdict, of item: UInt32) -> Bool {
        verdicts.withLock { $0.updateValue(verdict, forKey: item) == nil }
    }

    func verdict(of item: UInt32) -> Verdict? { verdicts.withLock { $0[item] } }
    var count: Int { verdicts.withLock { $0.count } }
}

/// Makes the frames of a store, a buffer at a time. Blocking code, called by one thread at a time.
final class StoreMaker {
    private let uploads: [FileUpload]
    private let answers: StoreAnswers
    private let limits: TransferLimits
    private let stop: StopFlag
    private var encoder: FrameEncoder
    private var item = 0
    private var current: BlockSending?
    private var isOver = false
    /// Bytes of content in the buffer that is being made.
    private var content = 0
    /// The roots of what was sent to its end.
    private(set) var roots: [UInt32: ContentRoot] = [:]
    /// Items that changed here while they were sent, or could not be read.
    private(set) var failures: [UInt32: OfficeError] = [:]

    init(_ uploads: [FileUpload], answers: StoreAnswers, limits: TransferLimits, stop: StopFlag) {
        self.uploads = uploads
        self.answers = answers
        self.limits = limits
        self.stop = stop
        encoder = FrameEncoder(limits: limits)
    }

    func next() throws(OfficeError) -> ByteBuffer? {
        content = 0
        if !isOver { encoder.reserve(FetchMaker.bufferBytes + 4096) }
        while !isOver, let room = FetchMaker.room(in: encoder, limits) {
            try stop.check()
            guard item < uploads.count else {
                encoder.write(.end(item: Frame.wholeExchange, root: nil))
                isOver = true
                break
            }
            do throws(OfficeError) {
                try step(uploads[item], room)
            } catch {
                failures[UInt32(item)] = error
                endItem(with: error)
            }
        }
        guard !encoder.isEmpty else { return nil }
        answers.didMake(content)
        return encoder.takeRecycling()
    }

    private func step(_ upload: FileUpload, _ room: Int) throws(OfficeError) {
        // Refused there already: the rest of it would be for nothing.
        if case .failed(let error)? = answers.verdict(of: UInt32(item)) { return endItem(with: error) }
        guard let current else { return try begin(upload) }
        let block = current.block
        if let bytes = try current.step(into: &encoder, pieceBytes: room) {
            content += bytes
            if let block, current.block != block { upload.didSend(block: block) }
            return
        }
        try current.checkUnchanged()
        guard let root = current.root else { throw malformed("a file without all of its hashes") }
        encoder.write(.end(item: UInt32(item), root: root))
        roots[UInt32(item)] = root
        nextItem()
    }

    private func begin(_ upload: FileUpload) throws(OfficeError) {
        let sending = try upload.sending()
        encoder.write(.store(try sending.head(UInt32(item))))
        current = sending.blocks
        let keep = upload.keepBlocks
        for first in stride(from: 0, to: keep.count, by: 4096) {
            encoder.write(.keep(Array(keep[first..<min(first + 4096, keep.count)])))
        }
        if sending.blocks.geometry.count > 4 { sending.blocks.file.adviseSequential() }
    }

    private func endItem(with error: OfficeError) {
        if current != nil { encoder.write(.fail(item: UInt32(item), error)) }
        nextItem()
    }

    private func nextItem() {
        uploads[item].closeFile()
        current = nil
        item += 1
    }
}
