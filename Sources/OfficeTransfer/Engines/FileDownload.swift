import NIOCore
import OfficeCore
import OfficeFolders

/// What the files of one download have in common.
struct DownloadContext: Sendable {
    let source: RemotePlace
    let folder: Folder
    let force: Bool
    /// Times and modes are brought up to date even where the content is the same.
    let keepsMetadata: Bool
    /// How often a file that keeps changing is begun anew.
    let changes: Int
    let ledger: TransferLedger
    let stop: StopFlag
    var limits = TransferLimits()
    /// Nodes that keep copies of the source's share: large files come from all of them.
    var copies: [Label] = []
    /// Where it goes to, as people named it.
    var destination: String?
    /// What the content has to be; nil: whatever the source has.
    var content: NamedContent?
}

/// One file on its way here, over as many exchanges as it takes. Blocking code, used by one thread at a time.
///
/// Where something here may be kept (the same file, or what is left of another version) it asks for the source's
/// hashes first, else at once for the blocks that are missing.
final class FileDownload {
    enum Phase {
        /// The source's hashes are to be asked for.
        case hashes
        /// The source's chunks are, for an older version of it is here.
        case chunks
        /// Parts of blocks are, of which the rest is here.
        case parts
        /// Blocks are.
        case blocks
        /// It is complete, and is being put on the disk.
        case committing
        /// Done, or failed.
        case settled
    }

    private static let source: BlockScheduler.Source = 0
    /// Bytes from which several sources are worth their requests.
    private static let severalSourcesFrom: Int64 = 4 << 20
    /// The same of what is sent: it is offered to all its receivers at once, by a link that may be slow.
    private static let severalReceiversFrom: Int64 = 512 << 10

    let context: DownloadContext
    /// Beneath the source's path; and here.
    let path: RelativePath
    let local: RelativePath
    var phase: Phase
    private(set) var reception: FileReception?
    /// The version that blocks are asked of; nil: whichever is there.
    var token: String?
    var head: FileHead?
    var manifest: [Digest256] = []
    private var scheduler = BlockScheduler(held: BlockSet(capacity: 0))
    private var request: BlockScheduler.Request?
    private var rejected = 0
    var delta: DeltaDownload?
    /// What is to be fetched of blocks whose rest is here.
    var pages: [Range<Int>] = []
    private var changes = 0
    var hasExisting: Bool
    /// Several sources are to send it: what each sends is compared with the source's hashes.
    private var wantsManifest: Bool
    /// Others read it at the same time.
    private(set) var isShared = false
    /// Who answers, where that is not the node it is asked of.
    private var server: Label?
    private let size: Int64
    /// Bytes that the ledger expects of it.
    private var expected: Int64

    init(_ context: DownloadContext, _ entry: Entry, local: RelativePath, hasExisting: Bool) throws(OfficeError) {
        self.context = context
        self.local = local
        self.hasExisting = hasExisting
        path = entry.path
        expected = entry.size
        size = entry.size
        wantsManifest = !context.copies.isEmpty && entry.size >= Self.severalSourcesFrom
        phase = hasExisting || wantsManifest ? .hashes : .blocks
        // Of a file of one block nothing can be left.
        guard !hasExisting, BlockGeometry(size: entry.size).count > 1 else { return }
        let reception = try openPartial()
        token = reception.held.isEmpty ? nil : reception.token
        if reception.isComplete || wantsManifest { phase = .hashes }
        if token != nil { renewScheduler(reception) }
    }

    var name: String { context.source.description(of: path) }
    var isSettled: Bool { phase == .settled }
    var isCommitting: Bool { phase == .committing }
    var ledger: TransferLedger { context.ledger }
    var node: Label { server ?? context.source.node }

    func openPartial() throws(OfficeError) -> FileReception {
        if let reception { return reception }
        let partial: PartialFile
        do throws(OfficeError) {
            partial = try context.folder.partial(for: local, key: "get \(name)")
        } catch  where error.code == .notAllowed {
            throw cannotWrite(context.destination ?? "\(local)")
        }
        let reception = try FileReception(partial: partial, stop: context.stop)
        self.reception = reception
        if reception.heldBytes > 0 { ledger.resumed(reception.heldBytes) }
        return reception
    }

    func renewScheduler(_ reception: FileReception) {
        scheduler = BlockScheduler(held: reception.held)
        scheduler.added(Self.source, now: .zero)
        request = nil
    }

    private func nextRequest() {
        guard request == nil, case .ask(let next)? = scheduler.actions(now: .zero).first else { return }
        request = next
        rejected = 0
    }

    // MARK: Asking

    func want(item: UInt32) throws(OfficeError) -> Want {
        var want = Want(item: item, path: try context.source.path.appending(path))
        head = nil
        server = nil
        ledger.begin(name)
        if let token, phase != .hashes { want.token = token }
        switch phase {
        case .hashes:
            manifest = []
            want.purpose = .hashes
        case .chunks:
            delta?.beginChunks()
            want.purpose = .chunks
        case .parts:
            want.purpose = .parts
            delta?.isAskedForParts = true
            want.ranges = pages
        case .blocks, .committing, .settled:
            guard token != nil else { break }
            nextRequest()
            want.ranges = request?.ranges ?? []
        }
        return want
    }

    /// The exchange broke off.
    func interrupted() {
        if phase == .parts, delta?.isAskedForParts == true { interruptParts() }
        if reception?.abandonBlock() == true { ledger.resent(1) }
        endRequest()
        // All is here but the word that it is all: no block is asked for, only whether it is the same.
        if phase == .blocks, reception?.isComplete == true { phase = .hashes }
    }

    private func endRequest() {
        if let request { scheduler.ended(request.id) }
        request = nil
    }

    // MARK: Answers

    func begin(_ head: FileHead) throws(OfficeError) {
        guard self.head == nil else { throw malformed("a file that begins twice") }
        // A source that says another size than it was taken for would fill the disk.
        guard context.content == nil || context.content?.size == head.size else { throw anotherContent }
        self.head = head
        ledger.expect(files: 0, bytes: head.size - expected)
        expected = head.size
        guard phase != .hashes else { return }
        guard token == nil || token == head.token else { throw malformed("a version that was not asked for") }
        guard token == nil else { return }
        let reception = try openPartial()
        try adopt(head, in: reception) { _, _ in false }
        renewScheduler(reception)
        nextRequest()
    }

    /// Goes over to a version; what is not kept is not counted any more.
    func adopt(
        _ head: FileHead, in reception: FileReception, keeping isUnchanged: (Int, Digest256) -> Bool
    ) throws(OfficeError) {
        let before = reception.heldBytes
        try reception.begin(size: head.size, token: head.token, keeping: isUnchanged)
        if before > reception.heldBytes { ledger.outdated(before - reception.heldBytes) }
        token = head.token
    }

    func manifest(first: Int, digests: [Digest256]) throws(OfficeError) {
        guard phase == .hashes, let head, first == manifest.count,
            first + digests.count <= BlockGeometry(size: head.size).count
        else { throw malformed("hashes out of place") }
        manifest += digests
    }

    func block(_ index: Int, length: Int) throws(OfficeError) {
        try open().beginBlock(index, length: length)
    }

    func data(_ piece: ByteBuffer) throws(OfficeError) {
        if phase == .parts { return try part(piece) }
        let reception = try open()
        ledger.moved(piece.readableBytes, with: node)
        try reception.add(piece)
    }

    func blockEnd(_ index: Int, digest: Digest256) throws(OfficeError) {
        let reception = try open()
        guard let request else { throw malformed("a block that was not asked for") }
        if try reception.endBlock(index, digest: digest) {
            try delivered(index, reception, request)
        } else {
            rejected += 1
            scheduler.rejected(index, of: request.id)
            ledger.rejected(with: node)
        }
    }

    func hole(_ index: Int) throws(OfficeError) {
        let reception = try open()
        guard let request else { throw malformed("a block that was not asked for") }
        try reception.addHole(index)
        try delivered(index, reception, request)
    }

    private func delivered(
        _ index: Int, _ reception: FileReception, _ request: BlockScheduler.Request
    ) throws(OfficeError) {
        guard scheduler.delivered(index, of: request.id, now: .zero) else { throw malformed("a block that came twice") }
        ledger.verified(reception.geometry.length(of: index), with: node)
    }

    /// The reception, while blocks of it may come.
    private func open() throws(OfficeError) -> FileReception {
        guard phase == .blocks, head != nil, let reception else { throw malformed("content out of place") }
        return reception
    }

    func end(root: ContentRoot?) throws(OfficeError) {
        guard let head else { throw malformed("the end of a file that did not begin") }
        switch phase {
        case .hashes: try endHashes(head, root)
        case .chunks: try endChunks()
        case .parts: try endParts()
        case .blocks: try endBlocks(root)
        case .committing, .settled: throw malformed("the end of a file that is over")
        }
    }

    private func endBlocks(_ root: ContentRoot?) throws(OfficeError) {
        let reception = try open()
        let isWhole = request?.ranges.count == 1 && request?.ranges.first == 0..<reception.geometry.count
        let missing = (request?.ranges.joined().count { !reception.held.contains($0) } ?? 0) - rejected
        guard reception.abandonBlock() == false, missing <= 0 else { throw malformed("blocks that are missing") }
        endRequest()
        guard reception.isComplete else {
            guard scheduler.isAside(Self.source) else { return }
            throw OfficeError(
                .temporary, name, "\(node) sends blocks that arrive damaged", mend: "Run the same again to go on.")
        }
        if let root, root != reception.root {
            guard !isWhole else { throw malformed("a root that is not the content's") }
            // Blocks of an earlier time and of now don't fit: it changed without a sign.
            return try sourceChanged()
        }
        phase = .committing
    }

    /// The source answered that it is another version by now.
    func sourceChanged() throws(OfficeError) {
        reception?.abandonBlock()
        endRequest()
        changes += 1
        guard changes < context.changes else {
            throw OfficeError(
                .temporary, name, "it keeps changing while it is read", mend: "Run the same again when it is at rest.")
        }
        token = nil
        delta = nil
        phase = hasExisting || wantsManifest || reception?.held.isEmpty == false ? .hashes : .blocks
    }

    // MARK: Several sources

    /// Another node than the one that was asked answers.
    func answered(by server: Label) { self.server = server }

    /// What is told to the owner of it, if it is large enough that others reading it matter.
    func reading() throws(OfficeError) -> ContentReading? {
        let least = context.content == nil ? Self.severalSourcesFrom : Self.severalReceiversFrom
        guard size >= least, !isShared, !isSettled, !isCommitting else { return nil }
        return ContentReading(path: try remotePath(), size: size)
    }

    /// Others read it, too: the blocks that are missing come from all of them.
    func becomeShared() {
        guard !isShared, !isSettled, !isCommitting else { return }
        isShared = true
        guard !wantsManifest else { return }
        wantsManifest = true
        phase = .hashes
    }

    /// What several sources work on; nil where it is for one alone.
    var common: (reception: FileReception, head: FileHead, manifest: [Digest256])? {
        guard wantsManifest, phase == .blocks, let reception, let head, reception.geometry.count > 1,
            manifest.count == reception.geometry.count
        else { return nil }
        return (reception, head, manifest)
    }

    /// Path beneath the share of what is fetched.
    func remotePath() throws(OfficeError) -> RelativePath { try context.source.path.appending(path) }

    /// Every block has come, whoever sent it.
    func allCame() { phase = .committing }

    // MARK: The end

    /// What has to be committed, once the phase is `committing`.
    func commitItem() throws(OfficeError) -> CompleteFile {
        guard let reception, let head else { throw malformed("a file without content") }
        guard context.content == nil || context.content?.root == reception.root else {
            try reception.partial.discard()
            throw anotherContent
        }
        return CompleteFile(
            partial: reception.partial, path: local, size: head.size, modified: head.modified,
            executable: head.executable, replacing: context.force ? .always : .never)
    }

    private var anotherContent: OfficeError {
        OfficeError(.notFound, name, "its source has another content by now")
    }

    /// It has its name, and is on the disk.
    func finish() { finish(root: reception?.root) }

    func finish(root: ContentRoot?) {
        reception?.partial.close()
        reception = nil
        noteBase(root)
        phase = .settled
        ledger.done()
    }

    /// Where it is the office's: what edits of it will be made from.
    private func noteBase(_ root: ContentRoot?) {
        guard let root, let head, EditBase.isKept(at: context.source), let place = try? context.source.below(path),
            let entry = try? context.folder.entry(local)
        else { return }
        place.base(root, size: head.size, modified: entry.modified).note(on: local, in: context.folder)
    }

    func fail(_ error: OfficeError) {
        close()
        phase = .settled
        ledger.failed(name, error, at: error.code == .cannotCreate ? error.what : nil)
    }

    /// Lets go of the partial file, which stays for the next time.
    func close() {
        reception?.partial.close()
        reception = nil
    }
}
