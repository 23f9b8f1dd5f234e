import NIOCore
import OfficeCore

/// Takes in the answer to a fetch: frames in the order of the WANTs. Blocking code, called by one thread at a time.
///
/// What is wrong with one file fails that file; what breaks the protocol fails the exchange, and so does a full
/// disk, for it fails everything.
final class FetchReceiver {
    private let downloads: [FileDownload]
    private let commits: CommitGroup
    private var decoder: FrameDecoder
    /// The download whose answer is next.
    private var next = 0 {
        didSet { cursor.now = next }
    }
    private let cursor: Cursor
    /// The rest of the answer for this item is passed over: it has failed here.
    private var passesOver = false
    private(set) var isOver = false
    /// Signs of life, one after the other.
    private var pings = 0

    init(_ downloads: [FileDownload], commits: CommitGroup, limits: TransferLimits, cursor: Cursor) {
        self.cursor = cursor
        self.downloads = downloads
        self.commits = commits
        decoder = FrameDecoder(limits: limits)
    }

    func receive(_ pieces: [ByteBuffer]) throws(OfficeError) {
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next() { try take(frame) }
        }
    }

    /// No more comes: what is complete is put on the disk.
    func close() {
        commits.flush()
        for download in downloads where !download.isSettled { download.interrupted() }
    }

    private func take(_ frame: Frame) throws(OfficeError) {
        guard !isOver else { throw malformed("frames behind the end") }
        pings = frame == .ping ? pings + 1 : 0
        switch frame {
        case .ping:
            guard pings < SignsOfLife.limit else { throw malformed("nothing but signs of life") }
            return
        case .fail(Frame.wholeExchange, let error): throw error
        case .source(let name):
            for download in downloads { download.answered(by: name) }
            return
        case .end(Frame.wholeExchange, nil):
            guard next == downloads.count else { throw malformed("an end before all is answered") }
            isOver = true
            return
        default: break
        }
        guard next < downloads.count else { throw malformed("more than was asked for") }
        let download = downloads[next]
        do throws(OfficeError) {
            try apply(frame, to: download)
        } catch  where error.code != .malformed && error.code != .noSpace {
            download.fail(error)
            passesOver = !isLast(frame)
        }
        if isLast(frame) {
            next += 1
            passesOver = false
        }
    }

    private func isLast(_ frame: Frame) -> Bool {
        switch frame {
        case .end, .fail: true
        default: false
        }
    }

    private func apply(_ frame: Frame, to download: FileDownload) throws(OfficeError) {
        if passesOver { return }
        let item = UInt32(next)
        switch frame {
        case .begin(let head) where head.item == item: try download.begin(head)
        case .manifest(item, let first, let digests): try download.manifest(first: first, digests: digests)
        case .chunks(item, let chunks): try download.chunks(chunks)
        case .block(let index, let length): try download.block(index, length: length)
        case .data(let piece): try download.data(piece)
        case .blockEnd(let index, let digest): try download.blockEnd(index, digest: digest)
        case .hole(let index): try download.hole(index)
        case .end(item, let root):
            try download.end(root: root)
            if download.isCommitting { try commit(download) }
        case .fail(item, let error): try failed(download, error)
        default: throw malformed("a frame out of place")
        }
    }

    private func commit(_ download: FileDownload) throws(OfficeError) {
        commits.add(try download.commitItem()) { result in
            switch result {
            case .success: download.finish()
            case .failure(let error): download.fail(error)
            }
        }
    }

    private func failed(_ download: FileDownload, _ error: OfficeError) throws(OfficeError) {
        switch error.code {
        case .changed: try download.sourceChanged()
        // For now: it is asked for again.
        case .temporary, .unavailable: download.interrupted()
        default: download.fail(error)
        }
    }
}
