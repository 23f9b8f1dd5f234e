package import OfficeCore
import OfficeFolders
import OfficeTrust
import Synchronization

// A folder that held files before it became a store: a Samba or NFS server's, or a disk. Why it is done so:
// docs/decisions/0008-import.md

extension Store {
    /// Things beside the spaces that are told one by one.
    private static let mostStrays = 64
    /// What every new file system has.
    private static let lostAndFound = Array("lost+found".utf8)
    private static let looseName = "files"

    /// What was found beside the spaces.
    private struct Findings {
        var taken: [Label] = []
        var strays: [OfficeError] = []
        var others = 0
        /// Files that were given their place: what is listed while they move may be incomplete.
        var moved = 0

        mutating func leave(_ error: OfficeError) {
            if strays.count < mostStrays { strays.append(error) } else { others += 1 }
        }
    }

    /// Makes spaces of what the folder holds: of each folder one, where it lies, and one more of all loose files. Nobody
    /// may use them at first. What can't be one stays where it is, and is told in `strays`. The same again takes in
    /// what has come since.
    package func takeIn() throws(OfficeError) -> [Label] {
        var taken: [Label] = []
        var isMoved = false
        while true {
            let findings = try look(takingIn: true)
            taken += findings.taken
            isMoved = isMoved || findings.moved > 0
            guard findings.moved == 0 else { continue }
            if isMoved || !taken.isEmpty { feed.miss() }
            return taken.sorted()
        }
    }

    /// Sees what lies beside the spaces.
    func survey() throws(OfficeError) { _ = try look(takingIn: false) }

    private func look(takingIn: Bool) throws(OfficeError) -> Findings {
        var findings = Findings()
        let device = try root.status().device
        let listing = try root.list(.root)
        while case let batch = try listing.next(upTo: 256), !batch.isEmpty {
            for entry in batch {
                guard let name = entry.path.last, isForeign(name) else { continue }
                do throws(OfficeError) {
                    guard takingIn else { throw Self.notIn(mend: "Run 'officeshare promote --store \(what)' again.") }
                    switch entry.kind {
                    case .directory: if let label = try takeIn(name, device) { findings.taken.append(label) }
                    case .file:
                        if let label = try takeInLoose(entry, name) { findings.taken.append(label) }
                        findings.moved += 1
                    case .symlink: throw Self.notIn(why: "it is a link", mend: "Move what it points to there.")
                    }
                } catch {
                    findings.leave(error.about("\(what)/\(entry.path)"))
                }
            }
        }
        if findings.moved > 0 { try root.sync(.root) }
        if findings.others > 0 {
            findings.strays.append(Self.notIn(why: "\(findings.others) more aren't in the office"))
        }
        let strays = findings.strays
        contents.withLock { $0.strays = strays }
        return findings
    }

    private func isForeign(_ name: FileName) -> Bool {
        guard !Self.ownNames.contains(name), name.bytes != Self.lostAndFound else { return false }
        return !records.contains { $0.folder.components == [name] }
    }

    /// A folder becomes a space where it lies.
    private func takeIn(_ name: FileName, _ device: UInt64) throws(OfficeError) -> Label? {
        let label: Label
        do throws(OfficeError) {
            label = try Label(bytes: name.bytes)
        } catch {
            throw Self.notIn(why: "a space can't be called so: \(error.why)", mend: Self.renaming)
        }
        guard label.description != Label.office else {
            throw Self.notIn(why: "that name means the office itself", mend: Self.renaming)
        }
        guard record(of: label) == nil else {
            throw Self.notIn(why: "the office has a space of that name already", mend: Self.renaming)
        }
        let path = try RelativePath([name])
        guard try root.subfolder(path).status().device == device else {
            // Versions are second names of files, which no two file systems share.
            throw Self.notIn(
                why: "it is another file system",
                mend: "Share it with 'officeshare share add', and bring it in with 'officeshare space add --from'.")
        }
        _ = try root.list(path)
        let record = SpaceRecord(name: label, access: try AccessList([]), quota: nil, folder: path)
        // Outside of the lock: all that is in it is counted.
        let space = try make(record)
        return try contents.withLock { (contents) throws(OfficeError) in
            guard contents.records[label] == nil else { return nil }
            try write(record, &contents)
            contents.spaces[label] = space
            return label
        }
    }

    /// A loose file gets a place in the space of such files, by one rename. The space, if it was made for it.
    private func takeInLoose(_ entry: Entry, _ name: FileName) throws(OfficeError) -> Label? {
        let known = records.first { $0.holdsLoose == true }
        let record: SpaceRecord
        if let known { record = known } else { record = try addLoose() }
        let space = try space(record.name)
        let place = try record.folder.appending(name)
        try space.locked { (state) throws(OfficeError) in
            do throws(OfficeError) {
                try root.move(entry.path, into: root, as: place)
            } catch  where error.code == .exists {
                throw Self.notIn(
                    why: "'\(Label.office)/\(record.name)' has a file of that name already", mend: Self.renaming)
            }
            state.book.changed(files: 1, bytes: entry.bytes)
        }
        try root.sync(record.folder)
        return known == nil ? record.name : nil
    }

    private func addLoose() throws(OfficeError) -> SpaceRecord {
        var label = try Label(Self.looseName)
        var number = 2
        while try isTaken(label) {
            label = try Label("\(Self.looseName)-\(number)")
            number += 1
        }
        return try add(label, access: try AccessList([]), quota: nil, holdsLoose: true)
    }

    private func isTaken(_ label: Label) throws(OfficeError) -> Bool {
        if record(of: label) != nil { return true }
        return (try? root.subfolder(try RelativePath([try FileName(label.bytes)]))) != nil
    }

    private static let renaming = "Give it another name, and run 'officeshare promote --store' again."

    private static func notIn(why: String = "it isn't in the office", mend: String? = nil) -> OfficeError {
        OfficeError(.notAllowed, "the store", why, mend: mend ?? "Run 'officeshare promote --store' again.")
    }

    /// Throws where a folder that another store is to be copied to holds files of its own: asked before anything is made
    /// there.
    package static func checkHoldsNothingElse(at path: [UInt8]) throws(OfficeError) {
        let root = try Folder(at: path)
        try checkOwnNames(in: root, escapedForTerminal(path))
        var known = ownNames + [FileName(trusted: lostAndFound)]
        do throws(OfficeError) {
            known += try outlying(at: path)
        } catch  where error.code == .notFound {
            // No store yet.
        }
        let listing = try root.list(.root)
        while case let batch = try listing.next(upTo: 256), !batch.isEmpty {
            guard batch.allSatisfy({ $0.path.last.map(known.contains) ?? true }) else {
                throw OfficeError(
                    .exists, escapedForTerminal(path),
                    "it holds files of its own, and the office's file server is to be copied there",
                    mend: "Name an empty folder.")
            }
        }
    }

    /// Throws where what is a store's own by its name is somebody's files: asked before a folder becomes a store.
    static func checkOwnNames(in root: Folder, _ what: String) throws(OfficeError) {
        guard try entry(header, in: root) == nil, try !hasRecords(root) else { return }
        for name in ownNames {
            let path = try RelativePath([name])
            guard let entry = try entry(name, in: root) else { continue }
            var isEmpty = false
            if entry.kind == .directory { isEmpty = try root.list(path).next(upTo: 1).isEmpty }
            guard isEmpty else {
                throw OfficeError(
                    .exists, "\(what)/\(path)", "a store keeps things of its own under that name",
                    mend: "Give it another name, and run the same again.")
            }
        }
    }

    /// What a store has beside its spaces.
    static func makeOwnFolders(in root: Folder, _ what: String) throws(OfficeError) {
        do throws(OfficeError) {
            for folder in [recordFolder, spaceFolder, versionFolder, removedFolder] {
                try root.makeDirectories(try RelativePath([folder]))
            }
        } catch  where error.code == .notFound {
            // Where the system makes the folders itself.
            throw OfficeError(.cannotCreate, what, "no folder can be made in it", mend: "Name another folder.")
        } catch {
            throw error.about(what)
        }
    }

    /// Whether there are records of spaces, as a store has them.
    private static func hasRecords(_ root: Folder) throws(OfficeError) -> Bool {
        guard try entry(recordFolder, in: root)?.kind == .directory else { return false }
        return try recordFiles(in: root).contains { (try? readRecord($0, in: root)) != nil }
    }

    /// nil where nothing has the name. What can't be looked at may be anything, and is no store's to take.
    private static func entry(_ name: FileName, in root: Folder) throws(OfficeError) -> Entry? {
        do throws(OfficeError) {
            return try root.entry(try RelativePath([name]))
        } catch  where error.code == .notFound {
            return nil
        }
    }
}
