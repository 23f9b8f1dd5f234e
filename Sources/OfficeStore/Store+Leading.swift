package import OfficeCore
package import OfficeFolders
import Synchronization

// A store that several nodes serve at once, each the spaces that it leads. See docs/decisions/0011-beyond-one-machine.md.

extension Store {
    /// Whoever leads this leads what isn't one space's: which spaces there are, and the people without a node.
    package static let everything = Label.ofOffice

    /// What writers' staging folders are in: `writing/SPACE/EPOCH`.
    static let stagingFolder = FileName(trusted: Array("writing".utf8))

    /// How often a staging folder is looked at into which its old writer still brings things.
    private static let sweeps = 64

    /// Has it be served by several nodes from now on. By the one that serves it, which opens it anew then.
    package func share() throws(OfficeError) {
        try LeadBook.make(in: root)
        try root.makeDirectories(try RelativePath([Self.stagingFolder]))
        guard var header = try Self.header(in: root, what), header.isShared != true else { return }
        header.isShared = true
        try root.write(try StoreJSON.encode(header, what), to: try RelativePath([Self.header]))
    }

    /// Whether the folder at that path is a store that several nodes serve.
    package static func isShared(at path: [UInt8]) -> Bool {
        guard let root = try? Folder(at: path) else { return false }
        return (try? header(in: root, "")?.isShared) == true
    }

    /// Why a space that this node is to lead can't be.
    package func failure(of name: Label) -> OfficeError? { contents.withLock { $0.failures[name] } }

    /// Throws where the folder is no store of this office.
    package static func check(_ root: Folder, is office: OfficeID, _ what: String) throws(OfficeError) {
        guard let header = try header(in: root, what) else { throw gone(what) }
        guard header.office == office else { throw foreign(what) }
    }

    /// Reads which spaces there are and who may use them, of those that others lead.
    package func refresh() throws(OfficeError) {
        var found: [Label: SpaceRecord] = [:]
        for file in try Self.recordFiles(in: root) {
            do throws(OfficeError) {
                let record = try Self.readRecord(file, in: root)
                found[record.name] = record
            } catch  where error.code == .notFound {
                continue
            }
        }
        contents.withLock { contents in
            for (name, record) in contents.records where contents.spaces[name] != nil { found[name] = record }
            contents.records = found
        }
    }

    /// Opens a space that this node leads from now on: first whoever led it before is kept from changing it.
    package func lead(_ name: Label, _ lease: SpaceLease) throws(OfficeError) {
        let place = try Self.place(Self.stagingFolder, name)
        let own = try place.appending(try FileName(Array("\(lease.epoch)".utf8)))
        try root.makeDirectories(own)
        let staging = try root.subfolder(own)
        guard name != Self.everything else {
            try sweep(place, below: lease.epoch) { _ in true }
            let staged = root.staged(in: staging)
            try accounts.lead(by: staged)
            return contents.withLock { contents in
                contents.stagings[name] = staged
                contents.leases[name] = lease
            }
        }
        let record = try StoreJSON.decode(
            SpaceRecord.self, try root.read(try recordPath(name), limit: Self.longestRecord), "\(what)/\(name)")
        // By this one's own staging folder: what is brought back is this one's doing.
        try root.staged(in: staging).makeDirectories(try Self.versionsPath(of: name))
        let shelf = try VersionShelf(
            root: try root.subfolder(try Self.versionsPath(of: name)).staged(in: staging), bytes: 0)
        let folder = try root.subfolder(record.folder)
        try sweep(place, below: lease.epoch) { (old) throws(OfficeError) in
            let movesAreBack = try folder.recoverMoves(of: old)
            let takingsAreKept = try shelf.recoverTakings(of: old)
            return movesAreBack && takingsAreKept
        }
        // Read anew: no other changes it any more.
        let now = try StoreJSON.decode(
            SpaceRecord.self, try root.read(try recordPath(name), limit: Self.longestRecord), "\(what)/\(name)")
        // A quota is kept exactly, and wants everything to be counted. Else nobody waits for that.
        let figures = now.quota == nil ? figures(of: name) : nil
        let space = try make(now, by: staging, lease: lease, figures: figures)
        try lease.check()
        contents.withLock { contents in
            contents.records[name] = now
            contents.spaces[name] = space
            contents.stagings[name] = root.staged(in: staging)
            contents.leases[name] = lease
            contents.failures[name] = nil
        }
    }

    /// The store's folder, for who changes a space's record, or what isn't one space's. Throws where another node may be the
    /// one to do so.
    func way(of name: Label, _ contents: Contents) throws(OfficeError) -> Folder {
        guard isShared else { return root }
        guard let staged = contents.stagings[name] else { throw SpaceLease.elsewhere(name) }
        return staged
    }

    private static func figuresPath(_ name: Label) throws(OfficeError) -> RelativePath {
        try RelativePath([recordFolder, try FileName(name.bytes + Array(".figures".utf8))])
    }

    private func figures(of name: Label) -> SpaceFigures? {
        guard let path = try? Self.figuresPath(name), let bytes = try? root.read(path, limit: Self.longestRecord) else {
            return nil
        }
        return try? StoreJSON.decode(SpaceFigures.self, bytes, "")
    }

    /// Writes down how much is in a space that this node leads, so that who leads it next needn't count.
    package func noteFigures(of name: Label) throws(OfficeError) {
        let led = contents.withLock { contents in
            contents.spaces[name].flatMap { space in contents.stagings[name].map { (space, $0) } }
        }
        guard let (space, root) = led, space.figures != figures(of: name) else { return }
        try root.write(try StoreJSON.encode(space.figures, "\(what)/\(name)"), to: try Self.figuresPath(name))
    }

    /// Whether it is open by that lead: not one that was removed since.
    package func isLed(_ name: Label, by lease: SpaceLease) -> Bool {
        contents.withLock { contents in
            contents.leases[name] === lease && (name == Self.everything || contents.spaces[name]?.lease === lease)
        }
    }

    /// The space is led by this node no longer; returns when no change is under way.
    ///
    /// - Parameter lease: By which it was led: what this node has begun to lead anew since isn't touched.
    package func unlead(_ name: Label, _ lease: SpaceLease, why failure: OfficeError? = nil) {
        let space = contents.withLock { contents -> Space? in
            if failure != nil { contents.failures[name] = failure }
            guard contents.leases[name] === lease else { return nil }
            contents.leases[name] = nil
            contents.stagings[name] = nil
            return contents.spaces.removeValue(forKey: name)
        }
        space?.close(SpaceLease.elsewhere(name))
    }

    /// Empties and removes what writers before used, until nothing of theirs is there.
    private func sweep(
        _ place: RelativePath, below epoch: Int64, _ recover: (Folder) throws(OfficeError) -> Bool
    ) throws(OfficeError) {
        for _ in 0..<Self.sweeps {
            var isClear = true
            let listing = try root.list(place)
            while case let batch = try listing.next(upTo: 64), !batch.isEmpty {
                for entry in batch {
                    guard let name = entry.path.last, let number = Int64(String(decoding: name.bytes, as: UTF8.self)),
                        number < epoch
                    else { continue }
                    let old = try place.appending(name)
                    let isRecovered = try recover(try root.subfolder(old))
                    if try !root.clear(old) || !isRecovered { isClear = false }
                }
            }
            if isClear { return }
        }
        throw OfficeError(.temporary, "\(what)/\(place)", "who led it before still writes there")
    }
}
