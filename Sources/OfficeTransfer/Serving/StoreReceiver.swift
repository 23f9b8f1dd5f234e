import NIOCore
import OfficeCore
import OfficeFolders
import Synchronization

/// Takes in the frames of a store: blocks into partial files, which get their names when they are complete, true
/// to the sender's root, and on the disk. Blocking code, called by one thread at a time.
///
/// What is wrong with one file fails that item, and its further frames are passed over. What breaks the protocol
/// fails the exchange. Either way what was verified stays in the partial files for the next time.
final class StoreReceiver {
    /// One file, from STORE to END.
    private struct Current {
        let head: StoreHead
        let partial: PartialFile
        let reception: FileReception
        var existing: ReadableFile?
        var damaged = 0
        let reservation: Reservation?
    }

    private let destination: Destination
    private let receptions: Receptions
    private let limits: TransferLimits
    private let stop: StopFlag
    private let commits: CommitGroup
    private var decoder: FrameDecoder
    private var current: Current?
    /// The item whose frames are passed over.
    private var failedItem: UInt32?
    private var items = 0
    private(set) var isOver = false
    /// Bytes verified so far; read from any thread.
    let verifiedBytes: VerifiedBytes
    /// Takes frames for the sender: at most a few for each item, so it never has to wait.
    private let answer: (Frame) -> Void

    init(
        destination: Destination, receptions: Receptions, pool: WorkPool, limits: TransferLimits, stop: StopFlag,
        verifiedBytes: VerifiedBytes, answer: @escaping (Frame) -> Void
    ) {
        self.verifiedBytes = verifiedBytes
        self.destination = destination
        self.receptions = receptions
        self.limits = limits
        self.stop = stop
        self.answer = answer
        commits = CommitGroup(folder: destination.changes, pool: pool)
        decoder = FrameDecoder(limits: limits)
    }

    /// The name under which an upload's partial file is found again.
    static func partialKey(_ key: String) -> String { "store-" + key }

    func receive(_ pieces: [ByteBuffer]) throws(OfficeError) {
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next() {
                try take(frame)
            }
        }
    }

    /// No more comes: what is complete is committed, what is not stays for the next time.
    func close() {
        commits.flush()
        if let current { receptions.close(current.partial) }
        current = nil
    }

    private func take(_ frame: Frame) throws(OfficeError) {
        guard !isOver else { throw malformed("frames behind the end") }
        switch frame {
        case .ping: break
        case .store(let head): try begin(head)
        case .end(Frame.wholeExchange, nil): try finish()
        case .keep, .block, .data, .blockEnd, .hole, .end, .fail: try takeContent(frame)
        default: throw malformed("a frame out of place")
        }
    }

    private func finish() throws(OfficeError) {
        guard current == nil else { throw malformed("an end within a file") }
        commits.flush()
        isOver = true
        answer(.end(item: Frame.wholeExchange, root: nil))
    }

    private func begin(_ head: StoreHead) throws(OfficeError) {
        guard current == nil, failedItem == nil else { throw malformed("a file within a file") }
        items += 1
        guard items <= limits.items else { throw tooMany(limits.items) }
        do throws(OfficeError) {
            let key = Self.partialKey(head.key)
            let reservation = try destination.changes.reserve(head.size, for: head.path)
            let partial = try receptions.open(head.path, key: key, in: destination)
            do throws(OfficeError) {
                let verified = receptions.takeVerified(head.path, key: key, in: destination)
                let reception = try FileReception(partial: partial, verified: verified, stop: stop)
                try reception.begin(size: head.size, token: "", keeping: { _, _ in true })
                current = Current(head: head, partial: partial, reception: reception, reservation: reservation)
            } catch {
                receptions.close(partial)
                throw error
            }
        } catch {
            fail(head.item, error)
        }
    }

    /// Frames of the open file. An error of the protocol's is the exchange's, any other the file's.
    private func takeContent(_ frame: Frame) throws(OfficeError) {
        if let failedItem {
            switch frame {
            case .end(failedItem, _), .fail(failedItem, _): self.failedItem = nil
            case .end, .fail: throw malformed("the end of another file")
            default: break
            }
            return
        }
        guard let item = current?.head.item else { throw malformed("content outside of a file") }
        do throws(OfficeError) {
            try apply(frame)
        } catch  where error.code != .malformed {
            fail(item, error)
            // END and FAIL end the item themselves.
            switch frame {
            case .end, .fail: failedItem = nil
            default: break
            }
        }
    }

    private func apply(_ frame: Frame) throws(OfficeError) {
        guard let reception = current?.reception else { return }
        switch frame {
        case .keep(let blocks): try keep(blocks, reception)
        case .block(let index, let length):
            reception.forget(index)
            try reception.beginBlock(index, length: length)
        case .data(let piece): try reception.add(piece)
        case .blockEnd(let index, let digest):
            if try reception.endBlock(index, digest: digest) {
                verifiedBytes.add(reception.geometry.length(of: index))
            } else {
                current?.damaged += 1
            }
        case .hole(let index):
            reception.forget(index)
            try reception.addHole(index)
            verifiedBytes.add(reception.geometry.length(of: index))
        case .end(let item, let root): try complete(item, root)
        case .fail(let item, _): try abandon(item)
        default: break
        }
    }

    /// Blocks that are here: in the partial file, or in the file that is to be replaced.
    private func keep(_ blocks: [BlockDigest], _ reception: FileReception) throws(OfficeError) {
        for block in blocks where reception.digest(of: block.index) != block.digest {
            try stop.check()
            guard let path = current?.head.path else { return }
            if current?.existing == nil { current?.existing = try destination.folder.open(path) }
            guard let existing = current?.existing else { return }
            reception.forget(block.index)
            guard try reception.copyBlock(block.index, digest: block.digest, from: existing) else {
                throw OfficeError(
                    .changed, path.description, "the file there changed meanwhile", mend: "Run the same again.")
            }
        }
    }

    private func abandon(_ item: UInt32) throws(OfficeError) {
        guard let current, current.head.item == item else { throw malformed("the end of another file") }
        receptions.close(current.partial)
        self.current = nil
    }

    private func complete(_ item: UInt32, _ root: ContentRoot?) throws(OfficeError) {
        guard let current, current.head.item == item, let root else { throw malformed("the end of another file") }
        guard current.reception.isComplete else {
            throw OfficeError(
                .temporary, current.head.path.description,
                current.damaged > 0 ? "\(current.damaged) blocks arrived damaged" : "blocks are missing",
                mend: "Run the same again to send those.")
        }
        guard current.reception.root == root else {
            throw malformed("a root that is not the content's")
        }
        let head = current.head
        let commit = CompleteFile(
            partial: current.partial, path: head.path, size: head.size, modified: head.modified,
            executable: head.executable, replacing: try replacement(head.condition, head.path),
            base: head.condition.base, root: root, reservation: current.reservation)
        self.current = nil
        let (receptions, answer, partial) = (self.receptions, self.answer, current.partial)
        commits.add(commit) { result in
            receptions.close(partial)
            switch result {
            case .success(let name): answer(.committed(item: item, root: root, name: name))
            case .failure(let error): answer(.fail(item: item, error))
            }
        }
    }

    private func replacement(
        _ condition: StoreHead.Condition, _ path: RelativePath
    ) throws(OfficeError) -> Replacement {
        switch condition {
        case .never, .ifBase: return .never
        case .always: return .always
        case .ifUnchanged(let token):
            guard let identity = FileIdentity(token: token) else { throw malformed("a token that names no version") }
            return .ifUnchanged(identity)
        }
    }

    private func fail(_ item: UInt32, _ error: OfficeError) {
        if let current { receptions.close(current.partial) }
        current = nil
        failedItem = item
        answer(.fail(item: item, error))
    }
}

extension StoreHead.Condition {
    fileprivate var base: ContentRoot? { if case .ifBase(let root) = self { root } else { nil } }
}

func tooMany(_ limit: Int) -> OfficeError {
    OfficeError(
        .limit, "transfer", "more than \(limit) items in one exchange", mend: "Send them in several exchanges.")
}

/// How many bytes a store has verified, counted by the thread that receives, and told by another.
final class VerifiedBytes: Sendable {
    private let count = Atomic<Int64>(0)

    func add(_ bytes: Int) { count.add(Int64(bytes), ordering: .relaxed) }
    var value: Int64 { count.load(ordering: .relaxed) }
}
