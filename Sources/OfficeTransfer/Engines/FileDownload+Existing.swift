import NIOCore
import OfficeCore
import OfficeFolders

// What is here already, of this version or an older one, isn't fetched.
extension FileDownload {
    func endHashes(_ head: FileHead, _ root: ContentRoot?) throws(OfficeError) {
        let geometry = BlockGeometry(size: head.size)
        guard manifest.count == geometry.count,
            root == nil || root == MerkleTree.root(size: head.size, leaves: manifest)
        else { throw malformed("hashes that are not the file's") }
        let existing = hasExisting ? try existingLeaves(like: geometry) : nil
        if hasExisting, let existing, existing.file.identity.size == head.size, existing.leaves == manifest {
            return try settleAsThere(head)
        }
        guard !hasExisting || context.force else {
            throw OfficeError(
                .exists, name, "a different file of that name is there already", mend: "Add --force to replace it.")
        }
        let reception = try openPartial()
        let manifest = self.manifest
        try adopt(head, in: reception) { index, digest in manifest[index] == digest }
        if let existing { try copyUnchanged(from: existing, into: reception) }
        renewScheduler(reception)
        phase = reception.isComplete ? .committing : try deltaPhase(reception)
    }

    /// What is here, hashed, where blocks of it can be compared with the source's.
    private func existingLeaves(
        like geometry: BlockGeometry
    ) throws(OfficeError) -> (file: ReadableFile, leaves: [Digest256])? {
        let file = try context.folder.open(local)
        let mine = BlockGeometry(size: file.identity.size)
        guard mine.blockSize == geometry.blockSize, mine.count > 1 || mine.size == geometry.size else { return nil }
        return (file, try leaves(of: file, cache: NoHashCache(), stop: context.stop))
    }

    private func settleAsThere(_ head: FileHead) throws(OfficeError) {
        if context.keepsMetadata || context.force {
            if try context.folder.entry(local).executable != head.executable {
                try context.folder.setExecutable(local, head.executable)
            }
            try context.folder.setModified(local, head.modified)
        }
        ledger.resumed(head.size)
        finish(root: MerkleTree.root(size: head.size, leaves: manifest))
    }

    private func copyUnchanged(
        from existing: (file: ReadableFile, leaves: [Digest256]), into reception: FileReception
    ) throws(OfficeError) {
        for (index, digest) in existing.leaves.prefix(manifest.count).enumerated()
        where digest == manifest[index] && !reception.held.contains(index) {
            try context.stop.check()
            if try reception.copyBlock(index, digest: digest, from: existing.file) {
                ledger.resumed(Int64(reception.geometry.length(of: index)))
            }
        }
    }

    // MARK: Of an older version

    /// What is to be done about the blocks that are missing.
    private func deltaPhase(_ reception: FileReception) throws(OfficeError) -> Phase {
        guard hasExisting else { return .blocks }
        delta = DeltaDownload(
            reception, manifest: manifest, older: try context.folder.open(local), stop: context.stop,
            limits: context.limits)
        return delta == nil ? .blocks : .chunks
    }

    func chunks(_ next: [ContentChunk]) throws(OfficeError) {
        guard phase == .chunks, head != nil, let delta else { throw malformed("chunks out of place") }
        try delta.chunks(next)
    }

    func endChunks() throws(OfficeError) {
        guard let delta else { throw malformed("chunks out of place") }
        guard let pages = try delta.endChunks() else {
            self.delta = nil
            phase = .blocks
            return
        }
        self.pages = pages
        phase = .parts
        if pages.isEmpty { try endParts() }
    }

    func part(_ piece: ByteBuffer) throws(OfficeError) {
        guard head != nil, let delta else { throw malformed("content out of place") }
        ledger.moved(piece.readableBytes, with: node)
        try delta.data(piece)
    }

    /// What isn't right of what was put together is fetched as blocks.
    func endParts() throws(OfficeError) {
        guard let delta, let reception = try settle(delta) else { throw malformed("content out of place") }
        guard delta.isWhole else { throw malformed("parts that are missing") }
        self.delta = nil
        renewScheduler(reception)
        phase = reception.isComplete ? .committing : .blocks
    }

    /// The exchange broke off: what has become whole stays, of the rest the source is asked anew.
    func interruptParts() {
        guard let delta else { return }
        if delta.isWithinBlock { ledger.resent(1) }
        phase = .chunks
        do throws(OfficeError) {
            if let reception = try settle(delta) { renewScheduler(reception) }
        } catch {
            // The disk doesn't give back what it was given: nothing of it counts, and that is found out again.
            phase = .hashes
        }
    }

    private func settle(_ delta: DeltaDownload) throws(OfficeError) -> FileReception? {
        try delta.settle { fetched, here in
            if fetched > 0 { ledger.verified(Int(fetched), with: node) }
            ledger.resumed(here)
        }
        return reception
    }
}

/// Remembers nothing: for hashing once.
struct NoHashCache: HashCache {
    func leaves(of identity: FileIdentity) -> [Digest256]? { nil }
    func remember(_ leaves: [Digest256], of identity: FileIdentity) {}
    func forget(_ identity: FileIdentity) {}
}
