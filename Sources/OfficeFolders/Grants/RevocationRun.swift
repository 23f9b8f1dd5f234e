import CLinux
import Glibc
import OfficeCore

/// One run of `FolderGrant.takeBack`.
struct RevocationRun {
    private let record: GrantRecord
    private let others: [GrantRecord]
    private let exceptions: [String: GrantRecord.Saved]
    /// The folders of other grants below this one's.
    private let kept: [RelativePath]
    private var tally = GrantTally()

    init(record: GrantRecord, others: [GrantRecord]) {
        self.record = record
        self.others = others
        exceptions = Dictionary(record.exceptions.map { ($0.path, $0) }) { first, _ in first }
        let own = record.names
        kept = others.compactMap { other in
            let names = other.names
            guard names.count > own.count, names.starts(with: own) else { return nil }
            return try? RelativePath(names.dropFirst(own.count).map { try FileName($0) })
        }
    }

    mutating func takeBack() throws(OfficeError) -> [GrantChange] {
        guard record.service != 0 else { return [] }
        var changes = try takeBackTree()
        for ancestor in record.ancestors.reversed() where !isNeeded(ancestor.path) {
            do {
                if try close(ancestor) { changes.append(.passageTakenBack(shown(ancestor.path))) }
            } catch {
                // Given to somebody else since: no longer ours to change.
                guard error.code == .notAllowed else { throw error }
                changes.append(.beyond(count: 1, examples: [shown(ancestor.path)]))
            }
        }
        return changes
    }

    // MARK: The folder and what is in it

    private mutating func takeBackTree() throws(OfficeError) -> [GrantChange] {
        guard let folder = try? Folder(at: try percentDecoded(record.path)),
            let status = try? folder.handle.status(record.path),
            UInt64(status.st_dev) == record.device, UInt64(status.st_ino) == record.inode
        else { return [.gone(shown(record.path))] }
        let covering = others.filter { record.names.starts(with: $0.names) }
        if !covering.isEmpty {
            // Others need it: with less access, if that is all they have.
            guard record.access == .readWrite, covering.allSatisfy({ $0.access == .readOnly }) else { return [] }
            var run = GrantRun(
                service: Identity(user: record.service), record: record.with(.readOnly), previous: record,
                others: others)
            try run.lower(folder)
            return run.outcome.changes
        }
        try restore(try AccessNode(folder.handle, shown(record.path)), .root)
        try walk(folder)
        let counted = tally.folders + tally.files
        return (counted == 0 ? [] : [.takenBack(folders: tally.folders, files: tally.files)]) + tally.left
    }

    private mutating func walk(_ folder: Folder) throws(OfficeError) {
        var run = self
        try TreeWalk(root: folder).run { (directory, name, handle) throws(OfficeError) -> Bool in
            let path = try directory.appending(name)
            guard !run.kept.contains(path), let node = try Folder.node(name, in: handle, path.what) else {
                return false
            }
            try run.restore(node, path)
            return node.status.isDirectory
        } closed: { (directory, _) in
            run.tally.leave(directory.what)
        }
        self = run
    }

    private mutating func restore(_ node: AccessNode, _ path: RelativePath) throws(OfficeError) {
        guard node.status.st_uid != record.service else { return }
        let access = try node.accessList()
        let defaults = try node.defaultList()
        guard access.named(record.service) != nil || defaults?.named(record.service) != nil else { return }
        let saved = exceptions.isEmpty ? nil : exceptions[percentEncoded(path.bytes)]
        var newAccess = former(access, saved?.accessList, node)
        let newDefaults = defaults.flatMap { formerDefault($0, saved?.defaultList) }
        if kept.contains(where: { $0.relative(to: path) != nil }),
            !newAccess.permits(.execute, Identity(user: record.service), node.status)
        {
            newAccess = newAccess.granting(.execute, to: record.service)
        }
        guard newAccess != access || newDefaults != defaults else { return }
        try tally.attempt(node) { () throws(OfficeError) in
            if newAccess != access { try node.setAccess(newAccess) }
            if newDefaults != defaults { try node.setDefault(newDefaults) }
        }
    }

    /// The list as it was before the grant; where somebody changed it since, without what the grant put there.
    private func former(_ list: AccessList, _ saved: AccessList?, _ node: AccessNode) -> AccessList {
        guard let saved else {
            let list = list.restoring(nil, of: record.service)
            // The owner's own entry was inherited from the folder's default list, for files of others.
            return node.status.st_uid == record.owner ? list.restoring(nil, of: record.owner) : list
        }
        let wanted = node.status.isDirectory ? record.access.onFolders : record.access.onFiles
        if list == saved || list == saved.granting(wanted, to: record.service) { return saved }
        return list.restoring(saved.named(record.service), of: record.service)
    }

    private func formerDefault(_ list: AccessList, _ saved: AccessList?) -> AccessList? {
        guard let saved else {
            let list = list.restoring(nil, of: record.service).restoring(nil, of: record.owner)
            return list.namesAnyone ? list : nil
        }
        var granted = saved
        if !granted.gives(record.access.onFolders, to: record.service) {
            granted = granted.granting(record.access.onFolders, to: record.service)
        }
        if !granted.gives(.all, to: record.owner) { granted = granted.granting(.all, to: record.owner) }
        if list == granted { return saved }
        return list.restoring(saved.named(record.service), of: record.service)
            .restoring(saved.named(record.owner), of: record.owner)
    }

    // MARK: The way there

    /// Whether another grant passes through an ancestor, or has it in its folder.
    private func isNeeded(_ path: String) -> Bool {
        let names = ((try? percentDecoded(path)) ?? []).split(separator: UInt8(ascii: "/")).map { Array($0) }
        return others.contains { other in
            other.ancestors.contains { $0.path == path } || names.starts(with: other.names)
        }
    }

    private func close(_ ancestor: GrantRecord.Saved) throws(OfficeError) -> Bool {
        guard
            let names = try? RelativePath(parsing: try percentDecoded(ancestor.path).drop { $0 == UInt8(ascii: "/") }),
            let handle = try? Folder(at: [UInt8(ascii: "/")]).passing(names, shown(ancestor.path))
        else { return false }
        let node = try AccessNode(handle, shown(ancestor.path))
        let list = try node.accessList()
        guard list.named(record.service) != nil else { return false }
        let saved = ancestor.accessList
        let former =
            list == saved?.granting(.execute, to: record.service)
            ? saved ?? list : list.restoring(saved?.named(record.service), of: record.service)
        guard former != list else { return false }
        try node.setAccess(former)
        return true
    }

    private func shown(_ path: String) -> String { escapedForTerminal((try? percentDecoded(path)) ?? []) }
}
