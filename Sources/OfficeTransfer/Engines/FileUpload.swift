import OfficeCore
import OfficeFolders

/// What the files of one upload have in common.
struct UploadContext: Sendable {
    /// Where the sources are read.
    let folder: Folder
    /// The root of what is copied, here and there.
    let local: RelativePath
    let destination: RemotePlace
    let name: String
    let force: Bool
    /// Times and modes are brought up to date even where the content is the same.
    let keepsMetadata: Bool
    /// Files that were edited go with what they were made from, and nothing else is replaced by them.
    let usesBases: Bool
    let changes: Int
    /// Names the upload to the receiver, from run to run.
    let key: String
    let ledger: TransferLedger
    let stop: StopFlag
}

/// One file on its way to a share, over as many exchanges as it takes: offered, then sent as far as it is missing
/// there. Blocking code, used by one thread at a time.
final class FileUpload {
    enum Phase {
        case offering
        case sending
        case settled
    }

    private let context: UploadContext
    /// Beneath the roots of the copy, here and there.
    let path: RelativePath
    private(set) var phase = Phase.offering
    private(set) var entry: Entry
    private var file: ReadableFile?
    /// The version that `leaves` and everything sent are of.
    private var identity: FileIdentity?
    /// Whether `entry` has to be looked up again.
    private var isStale = false
    /// Bytes that the ledger counts as present at the receiver, beside what is sent.
    private var present: Int64 = 0
    private var leaves: [Digest256?] = []
    private var held: [BlockDigest] = []
    private var existing: [Digest256] = []
    /// Blocks that were sent in the last exchange of this run, and how that broke off, if it did.
    private var sent = BlockSet(capacity: 0)
    private var breakage: Breakage?
    /// Blocks that were sent in this run and are there.
    private var arrived = 0
    private var keep: [BlockDigest] = []
    private var ranges: [Range<Int>] = []
    private var condition = StoreHead.Condition.never
    private var base: ContentRoot?
    private var changes = 0
    private var isFirstOffer = true
    /// Set where the content is there and only times and modes are to be sent.
    private(set) var metadataOnly = false

    init(_ context: UploadContext, _ entry: Entry) {
        self.context = context
        self.entry = entry
        path = entry.path
    }

    var name: String { path.isRoot ? context.name : context.name + "/" + path.description }
    var isSettled: Bool { phase == .settled }
    private var ledger: TransferLedger { context.ledger }
    private var node: Label { context.destination.node }

    func remotePath() throws(OfficeError) -> RelativePath { try context.destination.path.appending(path) }

    // MARK: Offered

    func offer(item: UInt32) throws(OfficeError) -> Offer {
        held = []
        existing = []
        ledger.begin(name)
        if isStale { try refresh() }
        let place = try context.destination.below(path)
        let local = try context.local.appending(path)
        base =
            context.usesBases && entry.kind == .file
            ? EditBase.ofEdit(entry, in: context.folder, at: local, for: place) : nil
        return Offer(
            item: item, path: try remotePath(), kind: entry.kind, size: entry.kind == .file ? entry.size : 0,
            modified: entry.modified, executable: entry.executable, force: context.force, key: context.key,
            target: entry.target, base: base)
    }

    private func refresh() throws(OfficeError) {
        var now = try context.folder.entry(try context.local.appending(path))
        guard now.kind == entry.kind else {
            throw OfficeError(.changed, name, "something else has its name now", mend: "Run the same again.")
        }
        ledger.expect(files: 0, bytes: now.size - entry.size)
        now.path = path
        entry = now
        isStale = false
    }

    /// The open file is kept only while it is sent.
    func closeFile() { file = nil }

    func holds(_ blocks: [BlockDigest]) throws(OfficeError) {
        guard held.count + blocks.count <= BlockGeometry(size: entry.size).count else {
            throw malformed("more blocks than the file has")
        }
        held += blocks
    }

    func exists(first: Int, digests: [Digest256]) throws(OfficeError) {
        guard first == existing.count, existing.count + digests.count <= 1 << 20 else {
            throw malformed("hashes out of place")
        }
        existing += digests
    }

    /// The receiver takes it: what has to be sent follows from what it has.
    func needed(_ need: Need) throws(OfficeError) {
        guard entry.kind == .file else { throw malformed("a need of what is no file") }
        let geometry = BlockGeometry(size: entry.size)
        guard need.existing == nil || existing.count == BlockGeometry(size: need.existing?.size ?? 0).count else {
            throw malformed("hashes that are not the file's")
        }
        keep = try comparable(geometry)
        // A batch has more files than there are descriptors.
        file = nil
        if let there = need.existing, there.size == entry.size, isSame(geometry) { return settleAsThere() }
        guard need.existing == nil || context.force || base != nil else {
            throw OfficeError(
                .exists, name, "a different file of that name is there already", mend: "Add --force to replace it.")
        }
        condition = base.map { .ifBase($0) } ?? (context.force ? .always : .never)
        let kept = BlockSet(capacity: geometry.count, keep.lazy.map(\.index))
        ranges = kept.missingRanges()
        count(kept, geometry)
        phase = .sending
    }

    /// The blocks there that are the same here. Only what can be compared is hashed.
    private func comparable(_ geometry: BlockGeometry) throws(OfficeError) -> [BlockDigest] {
        guard let file = try opened(), !held.isEmpty || !existing.isEmpty else { return [] }
        if leaves.count != geometry.count { leaves = [Digest256?](repeating: nil, count: geometry.count) }
        var same: [Int: Digest256] = [:]
        let reader = BlockReader()
        let candidates = held + existing.enumerated().map { BlockDigest(index: $0.offset, digest: $0.element) }
        for block in candidates where block.index < geometry.count && same[block.index] == nil {
            try context.stop.check()
            if leaves[block.index] == nil {
                leaves[block.index] = try reader.digest(of: block.index, in: geometry, from: file)
            }
            if leaves[block.index] == block.digest { same[block.index] = block.digest }
        }
        guard try file.currentIdentity() == file.identity else { throw changedWhileRead() }
        return same.sorted { $0.key < $1.key }.map { BlockDigest(index: $0.key, digest: $0.value) }
    }

    private func isSame(_ geometry: BlockGeometry) -> Bool {
        existing.count == geometry.count && zip(existing, leaves).allSatisfy { $0 == $1 }
    }

    /// What need not travel counts as resumed the first time; what travels again counts as resent.
    private func count(_ kept: BlockSet, _ geometry: BlockGeometry) {
        let bytes = keep.reduce(0) { $0 + Int64(geometry.length(of: $1.index)) }
        ledger.lost(present)
        if isFirstOffer { ledger.resumed(bytes) } else { ledger.present(bytes) }
        present = bytes
        isFirstOffer = false
        if sent.capacity == geometry.count { account(kept, geometry) }
        breakage = nil
        sent = BlockSet(capacity: geometry.count)
    }

    /// What became of the blocks that were sent, now that the receiver has said what it has.
    private func account(_ kept: BlockSet, _ geometry: BlockGeometry) {
        var (bytes, lost) = (Int64(0), 0)
        var next = sent.firstMember(from: 0)
        while let block = next {
            if kept.contains(block) {
                bytes += Int64(geometry.length(of: block))
                arrived += 1
            } else {
                lost += 1
            }
            next = sent.firstMember(from: block + 1)
        }
        guard let breakage else { return ledger.resent(lost) }
        ledger.moved(Int(breakage.news(of: bytes)), with: node)
        if lost > 0 { ledger.resent(breakage.partial()) }
    }

    // MARK: Sent

    /// The file, if it is still what was offered; nil of what is no file.
    private func opened() throws(OfficeError) -> ReadableFile? {
        guard entry.kind == .file else { return nil }
        if let file { return file }
        let file = try context.folder.open(try context.local.appending(path))
        outwaitTick(of: file.identity.changed)
        guard file.identity.size == entry.size, file.identity.modified == entry.modified,
            identity == nil || identity == file.identity
        else { throw changedWhileRead() }
        identity = file.identity
        self.file = file
        return file
    }

    func sending() throws(OfficeError) -> (head: (UInt32) throws(OfficeError) -> StoreHead, blocks: BlockSending) {
        guard let file = try opened() else { throw malformed("content of what is no file") }
        let (entry, key, condition, path) = (self.entry, context.key, self.condition, try remotePath())
        let head = { (item: UInt32) throws(OfficeError) -> StoreHead in
            StoreHead(
                item: item, path: path, size: entry.size, modified: entry.modified, executable: entry.executable,
                key: key, condition: condition)
        }
        return (head, BlockSending(file, ranges: ranges, known: leaves))
    }

    var keepBlocks: [BlockDigest] { keep }

    func didSend(block: Int) { sent.insert(block) }

    /// The receiver has it on its disk, under its name.
    func committed(_ root: ContentRoot, as other: FileName?, within breakage: Breakage?) throws(OfficeError) {
        if let breakage { ledger.moved(Int(breakage.news(of: size(of: ranges))), with: node) }
        ledger.delivered(blocks: arrived + sent.count, bytes: size(of: ranges), with: node)
        var place = try context.destination.below(path)
        if let other {
            let original = place
            place.path = try place.path.parent.appending(other)
            ledger.conflict("\(original)", "\(place)")
        }
        noteBase(root, place)
        finish()
    }

    private func size(of ranges: [Range<Int>]) -> Int64 {
        let geometry = BlockGeometry(size: entry.size)
        return ranges.reduce(0) { sum, range in
            sum + min(geometry.offset(of: range.upperBound), geometry.size) - geometry.offset(of: range.lowerBound)
        }
    }

    private func settleAsThere() {
        if isFirstOffer {
            ledger.resumed(entry.size)
        } else {
            // It was committed, and the word of it was lost.
            if let breakage { ledger.moved(Int(breakage.news(of: size(of: ranges))), with: node) }
            ledger.lost(present)
            ledger.delivered(blocks: arrived + sent.count, bytes: entry.size, with: node)
        }
        let known = leaves.compactMap { $0 }
        if known.count == leaves.count, let place = try? context.destination.below(path) {
            noteBase(MerkleTree.root(size: entry.size, leaves: known), place)
        }
        metadataOnly = context.keepsMetadata || context.force
        finish()
    }

    /// What the next edit of it will be made from.
    private func noteBase(_ root: ContentRoot, _ place: RemotePlace) {
        guard EditBase.isKept(at: place), let local = try? context.local.appending(path) else { return }
        place.base(root, size: entry.size, modified: entry.modified).note(on: local, in: context.folder)
    }

    /// A folder or a link was made, or was there.
    func made() {
        if entry.kind == .directory { phase = .settled } else { finish() }
    }

    private func finish() {
        file = nil
        phase = .settled
        ledger.done()
    }

    // MARK: What goes wrong

    /// It changed while it was read: offered anew, as it is now.
    func sourceChanged() {
        file = nil
        identity = nil
        leaves = []
        isStale = true
        phase = .offering
        changes += 1
        guard changes >= context.changes else { return }
        fail(
            OfficeError(
                .temporary, name, "it keeps changing while it is read", mend: "Run the same again when it is at rest."))
    }

    /// The exchange broke off, or the receiver asks for another try.
    func interrupted(by breakage: Breakage? = nil) {
        file = nil
        self.breakage = breakage
        if phase == .sending { phase = .offering }
    }

    /// - Parameter there: Whether that is wrong at its destination, and not here.
    func fail(_ error: OfficeError, there: Bool = false) {
        file = nil
        phase = .settled
        let place = there ? try? context.destination.below(path) : nil
        ledger.failed(name, error, at: place.map { "\($0)" })
    }
}
