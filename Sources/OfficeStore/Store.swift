package import OfficeCore
package import OfficeFolders
package import OfficeTrust
import Synchronization

/// The folder that the office's own files are in: plain files in plain folders, so that any backup tool works, and
/// another node can serve them.
///
///     office.json            whose it is, and the epoch at which it was served last
///     records/users          people without a node
///     records/NAME.json      a space's access list and quota
///     spaces/NAME/…          its files
///     versions/NAME/…        what they replaced: see VersionShelf
///     removed/NAME-NUMBER/…  files of spaces that were removed
///     NAME/…                 files of a space that lay here before this was a store: see Intake.swift
///
/// All methods block, and may be called from any thread.
package final class Store: Sendable {
    package static let mostSpaces = 1024
    /// Bytes of one of the store's own files.
    static let longestRecord = 1 << 20

    struct Header: Codable {
        var format = 1
        var office: OfficeID
        var epoch: Int64
        /// Whether several nodes serve it, each what it leads; nil: no.
        var isShared: Bool?
    }

    package let root: Folder
    /// The epoch at which it was served last, before this; nil where it never was.
    package let servedEpoch: Int64?
    /// People without a node.
    package let accounts: Accounts
    /// What is changed here, for a copy that follows.
    package let feed = ChangeFeed()
    let what: String
    let contents = Mutex(Contents())
    /// Whether several nodes serve it: then a space is opened by `lead` alone.
    package let isShared: Bool

    struct Contents {
        var records: [Label: SpaceRecord] = [:]
        var spaces: [Label: Space] = [:]
        var failures: [Label: OfficeError] = [:]
        /// Of spaces that this node leads: the store's folder, with names that change by way of theirs.
        var stagings: [Label: Folder] = [:]
        var leases: [Label: SpaceLease] = [:]
        var strays: [OfficeError] = []
    }

    package var records: [SpaceRecord] { contents.withLock { $0.records.values.sorted { $0.name < $1.name } } }
    package var spaces: [Space] { contents.withLock { $0.spaces.values.sorted { $0.name < $1.name } } }
    /// Why spaces can't be served.
    package var failures: [OfficeError] { contents.withLock { Array($0.failures.values) } }

    /// What lies in the store's folder and is in no space, and why.
    package var strays: [OfficeError] { contents.withLock { $0.strays } }

    package func record(of name: Label) -> SpaceRecord? { contents.withLock { $0.records[name] } }

    /// A space that can be served.
    package func space(_ name: Label) throws(OfficeError) -> Space {
        try contents.withLock { (contents) throws(OfficeError) in try Self.known(name, contents) }
    }

    /// Opens the store of an office, or makes one of a folder.
    ///
    /// - Parameter mayMake: Whether it may be made. One that was served has to be there: where it isn't, its disk is not
    ///   mounted, and what would be made in its place would be an empty office.
    package init(at path: [UInt8], office: OfficeID, epoch: Int64, mayMake: Bool = true) throws(OfficeError) {
        what = escapedForTerminal(path)
        root = try Folder(at: path)
        if !mayMake {
            guard try root.has(Self.header) else { throw Self.gone(what) }
        }
        try Self.checkOwnNames(in: root, what)
        let known = try Self.header(in: root, what)
        isShared = known?.isShared == true
        servedEpoch = known.flatMap { $0.epoch > 0 ? $0.epoch : nil }
        guard !isShared else {
            accounts = try Accounts(root: root, in: Self.recordFolder, feed: feed, mayWrite: false)
            guard known?.office == office else { throw Self.foreign(what) }
            try refresh()
            return
        }
        try Self.makeOwnFolders(in: root, what)
        accounts = try Accounts(root: root, in: Self.recordFolder, feed: feed)
        try claim(for: office, epoch: epoch)
        try root.sync(.root)
        let names = try recordNames()
        try contents.withLock { (contents) throws(OfficeError) in
            for name in names { try open(name, &contents) }
        }
        try survey()
    }

    static let header = FileName(trusted: Array("office.json".utf8))
    static let recordFolder = FileName(trusted: Array("records".utf8))
    static let spaceFolder = FileName(trusted: Array("spaces".utf8))
    static let versionFolder = FileName(trusted: Array("versions".utf8))
    static let incomingFolder = FileName(trusted: Array("incoming".utf8))
    static let removedFolder = FileName(trusted: Array("removed".utf8))

    static let ownNames = [
        header, recordFolder, spaceFolder, versionFolder, removedFolder, incomingFolder, LeadBook.folder, stagingFolder,
        StoreProbe.folder,
    ]

    private func claim(for office: OfficeID, epoch: Int64) throws(OfficeError) {
        var header = Header(office: office, epoch: epoch)
        if let known = try Self.header(in: root, what) {
            guard known.office == office else { throw Self.foreign(what) }
            guard known.epoch != epoch || known.format != header.format else { return }
            header.epoch = max(known.epoch, epoch)
        }
        try root.write(try StoreJSON.encode(header, what), to: try RelativePath([Self.header]))
    }

    /// nil where the folder is no store yet.
    static func header(in root: Folder, _ what: String) throws(OfficeError) -> Header? {
        let path = try RelativePath([header])
        do throws(OfficeError) {
            return try StoreJSON.decode(Header.self, try root.read(path, limit: longestRecord), "\(what)/\(path)")
        } catch  where error.code == .notFound {
            return nil
        }
    }

    static func foreign(_ what: String) -> OfficeError {
        OfficeError(
            .exists, what, "it is the store of another office",
            mend: "Name another folder with --store, or take 'office.json' away to make it this office's.")
    }

    static func gone(_ what: String) -> OfficeError {
        OfficeError(
            .notFound, what, "the store isn't there", mend: "Mount its disk, or bring the folder back from a backup.")
    }

    /// Throws where the store's path doesn't lead to it any more: unmounted beneath it, or moved away.
    package func checkIsThere() throws(OfficeError) {
        guard try root.status().isLinked else { throw Self.gone(what) }
    }

    /// Makes the folder of a store that is the service's own.
    package static func makeFolder(_ path: [UInt8]) throws(OfficeError) {
        let parts = path.split(separator: UInt8(ascii: "/"))
        guard let name = parts.last else { return }
        let parent = try Folder(at: [UInt8(ascii: "/")] + Array(parts.dropLast().joined(separator: [0x2F])))
        try parent.makeDirectories(try RelativePath([try FileName(name)]))
    }

    /// The folders in which all of it is that a successor needs.
    package static let parts = [recordFolder, spaceFolder, versionFolder]

    /// Folders of spaces that lie elsewhere in the store at that path, by the records that are there.
    package static func outlying(at path: [UInt8]) throws(OfficeError) -> [FileName] {
        let root = try Folder(at: path)
        var names: Set<FileName> = []
        for file in try recordFiles(in: root) {
            let folder = try readRecord(file, in: root).folder
            if let first = folder.components.first, !ownNames.contains(first) { names.insert(first) }
        }
        return names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Puts aside what an earlier store left in this folder: nothing of it is deleted.
    package static func putAside(at path: [UInt8]) throws(OfficeError) {
        let root = try Folder(at: path)
        // Records last: by them what lies elsewhere is found, also when this is run again.
        let parts = try outlying(at: path) + [spaceFolder, versionFolder, recordFolder]
        let present = parts.filter { part in
            guard let place = try? RelativePath([part]), let folder = try? root.subfolder(place),
                let contents = try? folder.contents()
            else { return false }
            return contents.files > 0
        }
        guard !present.isEmpty else { return }
        for number in 1... {
            let aside = try RelativePath([removedFolder, try FileName("store-\(number)")])
            guard (try? root.entry(aside)) == nil else { continue }
            try root.makeDirectories(aside)
            for part in present { try root.move(try RelativePath([part]), into: root, as: try aside.appending(part)) }
            for part in Self.parts { try root.makeDirectories(try RelativePath([part])) }
            return try root.sync(.root)
        }
    }

    /// Has files at these places of the store at that path compared by content, whatever their times say.
    package static func distrust(_ places: [RelativePath], at path: [UInt8]) throws(OfficeError) {
        let root = try Folder(at: path)
        let never = FileTime(seconds: 0, nanoseconds: 0)
        for place in places {
            do throws(OfficeError) {
                switch try root.entry(place).kind {
                case .file: try root.setModified(place, never)
                case .directory:
                    let folder = try root.subfolder(place)
                    try folder.walk { (below, entry) throws(OfficeError) in
                        if entry.kind == .file { try folder.setModified(below, never) }
                    }
                case .symlink: continue
                }
            } catch  where error.code == .notFound {
                continue
            }
        }
    }

    /// Where a space's files are, from the machine's root on.
    package func path(of record: SpaceRecord, in store: [UInt8]) -> [UInt8] {
        store + [UInt8(ascii: "/")] + record.folder.bytes
    }

    package func spacePaths(in store: [UInt8]) -> [[UInt8]] { records.map { path(of: $0, in: store) } }

    // MARK: Spaces

    private func recordNames() throws(OfficeError) -> [Label] {
        try Self.recordFiles(in: root).map { (file) throws(OfficeError) in try Label(bytes: file.bytes.dropLast(5)) }
    }

    func recordPath(_ name: Label) throws(OfficeError) -> RelativePath {
        try RelativePath([Self.recordFolder, try FileName(name.bytes + Array(".json".utf8))])
    }

    /// Where a space's versions are, from a store's folder on.
    static func versionsPath(of name: Label) throws(OfficeError) -> RelativePath { try place(versionFolder, name) }

    /// No space's record: those end in `.json`.
    static func conflictsPath(_ name: Label) throws(OfficeError) -> RelativePath {
        try RelativePath([recordFolder, try FileName(name.bytes + Array(".conflicts".utf8))])
    }

    static func place(_ folder: FileName, _ name: Label) throws(OfficeError) -> RelativePath {
        try RelativePath([folder, try FileName(name.bytes)])
    }

    private func open(_ name: Label, _ contents: inout Contents) throws(OfficeError) {
        let path = try recordPath(name)
        let record = try StoreJSON.decode(
            SpaceRecord.self, try root.read(path, limit: Self.longestRecord), "\(what)/\(path)")
        contents.records[name] = record
        guard record.isMoving != true else { return }
        do throws(OfficeError) {
            try serve(record, &contents)
        } catch {
            contents.failures[name] = error.about("\(Label.office)/\(name)")
        }
    }

    /// A record by its file's name.
    static func readRecord(_ file: FileName, in root: Folder) throws(OfficeError) -> SpaceRecord {
        let path = try RelativePath([recordFolder, file])
        return try StoreJSON.decode(SpaceRecord.self, try root.read(path, limit: longestRecord), "\(path)")
    }

    static func recordFiles(in root: Folder) throws(OfficeError) -> [FileName] {
        var files: [FileName] = []
        let listing = try root.list(try RelativePath([recordFolder]))
        while case let batch = try listing.next(upTo: 256), !batch.isEmpty {
            files += batch.compactMap(\.path.last).filter { $0.bytes.suffix(5).elementsEqual(".json".utf8) }
        }
        return files
    }

    private func serve(_ record: SpaceRecord, _ contents: inout Contents) throws(OfficeError) {
        contents.spaces[record.name] = try make(record)
        contents.failures[record.name] = nil
    }

    /// Opens what a record is of.
    ///
    /// - Parameters:
    ///   - staging: By way of which its names change; nil: this node is the only one that changes them.
    ///   - lease: By which this node leads it.
    func make(
        _ record: SpaceRecord, by staging: Folder? = nil, lease: SpaceLease? = nil, figures: SpaceFigures? = nil
    ) throws(OfficeError) -> Space {
        let shelf = try Self.place(Self.versionFolder, record.name)
        let root = staging.map { self.root.staged(in: $0) } ?? self.root
        try root.makeDirectories(shelf)
        let (path, longest) = (try recordPath(record.name), Self.longestRecord)
        let what = "\(self.what)/\(path)"
        func own(_ path: RelativePath, replacesWhole: Bool = false) throws(OfficeError) -> Folder {
            let folder = try root.subfolder(path, replacesWhole: replacesWhole)
            return staging.map { folder.staged(in: $0) } ?? folder
        }
        return try Space(
            record, folder: try own(record.folder, replacesWhole: true), shelf: try own(shelf),
            conflicts: Conflicts(root: root, place: try Self.conflictsPath(record.name)), feed: feed, lease: lease,
            figures: figures
        ) { (next) throws(OfficeError) in
            // Read anew: who may use it can have changed.
            var now = try StoreJSON.decode(SpaceRecord.self, try root.read(path, limit: longest), what)
            now.nextNumber = next
            try root.write(try StoreJSON.encode(now, what), to: path)
        }
    }

    func write(_ record: SpaceRecord, _ contents: inout Contents) throws(OfficeError) {
        let path = try recordPath(record.name)
        let leader = contents.stagings[record.name] == nil ? Self.everything : record.name
        try way(of: leader, contents).write(try StoreJSON.encode(record, "\(what)/\(path)"), to: path)
        contents.records[record.name] = record
    }

    /// Makes a space; `.exists` where there is one of that name with another list or quota.
    package func add(
        _ name: Label, access: AccessList, quota: Int64?, holdsLoose: Bool? = nil, from: SpaceRecord.Source? = nil
    ) throws(OfficeError) -> SpaceRecord {
        try contents.withLock { (contents) throws(OfficeError) in
            if let known = contents.records[name] {
                guard known.access == access, known.quota == quota else {
                    throw OfficeError(
                        .exists, "\(Label.office)/\(name)", "a space of that name is there already",
                        mend: "Change it with 'officeshare space set \(name)'.")
                }
                return known
            }
            try checkMayAdd(contents)
            let folder = try Self.place(Self.spaceFolder, name)
            try way(of: Self.everything, contents).makeDirectories(folder)
            try root.sync(folder.parent)
            var record = SpaceRecord(name: name, access: access, quota: quota, folder: folder)
            record.holdsLoose = holdsLoose
            record.from = from
            try write(record, &contents)
            // Else whoever leads it opens it.
            if !isShared { try serve(record, &contents) }
            feed.note(.space(record))
            return record
        }
    }

    func checkMayAdd(_ contents: Contents) throws(OfficeError) {
        guard contents.records.count < Self.mostSpaces else {
            throw OfficeError(
                .limit, Label.office, "the office has \(Self.mostSpaces) spaces, the most it may have")
        }
    }

    /// Changes what is named; of a quota nil is no bound.
    package func set(_ name: Label, access: AccessList?, quota: Int64??) throws(OfficeError) -> SpaceRecord {
        try contents.withLock { (contents) throws(OfficeError) in
            let space = try Self.known(name, contents)
            guard var record = contents.records[name] else { throw Self.unknown(name) }
            // Under the space's lock: it writes the same record when it claims numbers.
            return try space.locked { (state) throws(OfficeError) -> SpaceRecord in
                record.nextNumber = max(record.nextNumber, state.claimed)
                if let access { record.access = access }
                if let quota { record.quota = quota }
                try write(record, &contents)
                state.book.quota = record.quota
                feed.note(.space(record))
                return record
            }
        }
    }

    static func known(_ name: Label, _ contents: Contents) throws(OfficeError) -> Space {
        if let space = contents.spaces[name] { return space }
        if contents.records[name]?.isMoving == true { throw beingMoved(name) }
        throw contents.failures[name] ?? (contents.records[name] == nil ? unknown(name) : SpaceLease.elsewhere(name))
    }

    package static func unknown(_ name: Label) -> OfficeError {
        OfficeError(
            .notFound, "\(Label.office)/\(name)", "there is no such space",
            mend: "'officeshare space ls' shows what there is.")
    }
}

extension Folder {
    /// Whether something of that name is in it.
    fileprivate func has(_ name: FileName) throws(OfficeError) -> Bool {
        do throws(OfficeError) {
            _ = try entry(try RelativePath([name]))
            return true
        } catch  where error.code == .notFound {
            return false
        }
    }
}
