import CLinux
import Glibc
import OfficeCore

/// One run of `FolderGrant.apply`.
struct GrantRun {
    private let service: Identity
    private let known: KnownGrants
    private let others: [GrantRecord]
    private let isFirst: Bool
    /// Whether an earlier grant of this share gave more than this one does.
    private let isLowering: Bool
    private var record: GrantRecord
    private var changes: [GrantChange] = []
    private var tally = GrantTally()
    private var noted: Set<String>
    private var unrecorded = 0
    /// Bytes that further exceptions may take.
    private var room: Int

    /// `previous` is an earlier grant for the same share, `others` are those of other shares.
    init(service: Identity, record: GrantRecord, previous: GrantRecord?, others: [GrantRecord]) {
        self.service = service
        self.record = record
        self.others = others
        isFirst = previous == nil
        known = KnownGrants((previous.map { [$0] } ?? []) + others)
        self.record.ancestors = previous?.ancestors ?? []
        self.record.exceptions = previous?.exceptions ?? []
        isLowering = previous?.access == .readWrite && record.access == .readOnly
        noted = Set(self.record.exceptions.map(\.path))
        room = self.record.exceptions.reduce(GrantRecord.maximumExceptionBytes) { $0 - $1.weight }
    }

    var outcome: GrantOutcome {
        var changes = changes
        if tally.folders + tally.files > 0 {
            changes.append(.granted(folders: tally.folders, files: tally.files, record.access))
        }
        if unrecorded > 0 { changes.append(.unrecorded(count: unrecorded)) }
        return GrantOutcome(record: record, changes: changes + tally.left)
    }

    mutating func apply(_ folder: Folder) throws(OfficeError) {
        let root = try AccessNode(folder.handle, shown(record.path))
        // Nothing is changed before it is known that the folder can be reached in the end.
        let way = try closedAncestors()
        try require(root, access: record.access.onFolders, isAncestor: false)
        do {
            for (path, node) in way { try open(path, node) }
            try grant(root, "")
            try walk(folder)
        } catch {
            // Half a grant is none. Of one that went on from another, that one's record still tells all.
            if isFirst {
                var run = RevocationRun(record: record, others: others)
                _ = try? run.takeBack()
            }
            throw error
        }
    }

    /// Takes away what the folder's service doesn't need any more, and nothing on the way there.
    mutating func lower(_ folder: Folder) throws(OfficeError) {
        try grant(try AccessNode(folder.handle, shown(record.path)), "")
        try walk(folder)
    }

    // MARK: The way there

    /// The folders on the way that the service can't pass through; throws where that can't be changed.
    private mutating func closedAncestors() throws(OfficeError) -> [(path: String, node: AccessNode)] {
        let top = try Folder(at: [UInt8(ascii: "/")])
        var names: [FileName] = []
        var closed: [(String, AccessNode)] = []
        for name in record.names {
            let path = "/" + percentEncoded(try RelativePath(names).bytes)
            let handle = try top.passing(try RelativePath(names), shown(path))
            let node = try AccessNode(handle, shown(path))
            let list = try node.accessList()
            if !list.permits(.execute, service, node.status) {
                try require(node, access: .execute, isAncestor: true)
                closed.append((path, node))
            } else if list.named(service.user) != nil {
                share(path)
            }
            names.append(try FileName(name))
        }
        return closed
    }

    /// Notes that this grant too needs what another one opened.
    private mutating func share(_ path: String) {
        guard !record.ancestors.contains(where: { $0.path == path }) else { return }
        switch known.origin(path) {
        case .saved(var saved):
            saved.path = path
            record.ancestors.append(saved)
        case .granted: record.ancestors.append(GrantRecord.Saved(path: path, access: nil, defaults: nil))
        case .unknown: break
        }
    }

    private mutating func open(_ path: String, _ node: AccessNode) throws(OfficeError) {
        let list = try node.accessList()
        record.ancestors.removeAll { $0.path == path }
        record.ancestors.append(
            GrantRecord.Saved(path: path, access: list.isExtended ? list : nil, defaults: nil))
        try node.setAccess(list.granting(.execute, to: service.user))
        changes.append(.passage(shown(path)))
    }

    private func require(_ node: AccessNode, access: Rights, isAncestor: Bool) throws(OfficeError) {
        let user = geteuid()
        guard user != 0, user != node.status.st_uid else { return }
        guard try !node.accessList().permits(access, service, node.status) else { return }
        let path = (try? percentDecoded(record.path)) ?? []
        let mend =
            isAncestor
            ? FolderGrant.mend(Array(node.what.utf8), rights: "x", recursive: false, service.user)
            : FolderGrant.mend(path, rights: record.access == .readOnly ? "rX" : "rwX", recursive: true, service.user)
        throw OfficeError(
            .notAllowed, node.what,
            "the service can't \(isAncestor ? "pass through it" : "use it"), and you are not its owner", mend: mend)
    }

    // MARK: The folder and what is in it

    private mutating func walk(_ folder: Folder) throws(OfficeError) {
        var run = self
        try TreeWalk(root: folder).run { (directory, name, handle) throws(OfficeError) -> Bool in
            let path = try directory.appending(name)
            let node: AccessNode?
            do throws(OfficeError) {
                node = try Folder.node(name, in: handle, path.what)
            } catch {
                // Another user's FUSE mount, for one, can't even be looked at.
                guard error.code == .notAllowed else { throw error }
                run.tally.leave(path.what)
                return false
            }
            guard let node else { return false }
            try run.grant(node, percentEncoded(path.bytes))
            return node.status.isDirectory
        } closed: { (directory, _) in
            run.tally.leave(directory.what)
        }
        self = run
    }

    private mutating func grant(_ node: AccessNode, _ path: String) throws(OfficeError) {
        guard node.status.st_uid != service.user else { return }
        // A second name of somebody else's file may be one that only root could have been tricked into opening.
        if geteuid() == 0, !node.status.isDirectory, node.status.st_nlink > 1, node.status.st_uid != record.owner {
            return tally.leave(node.what)
        }
        let access = try node.accessList()
        let defaults = try node.defaultList()
        let newAccess = granted(access, node)
        let newDefaults = try grantedDefault(defaults, access, node)
        let isChange = newAccess != access || newDefaults != defaults
        guard isChange || access.named(service.user) != nil || defaults?.named(service.user) != nil else { return }
        note(path, access, defaults)
        guard isChange else { return }
        try tally.attempt(node) { () throws(OfficeError) in
            if newAccess != access { try node.setAccess(newAccess) }
            if newDefaults != defaults { try node.setDefault(newDefaults) }
        }
    }

    private func granted(_ list: AccessList, _ node: AccessNode) -> AccessList {
        let wanted = node.status.isDirectory ? record.access.onFolders : record.access.onFiles
        if isLowering, let named = list.named(service.user), named.isStrictSuperset(of: wanted) {
            return list.granting(wanted, to: service.user, exactly: true)
        }
        return list.permits(wanted, service, node.status) ? list : list.granting(wanted, to: service.user)
    }

    private func grantedDefault(
        _ list: AccessList?, _ access: AccessList, _ node: AccessNode
    ) throws(OfficeError) -> AccessList? {
        guard node.status.isDirectory else { return list }
        let wanted = record.access.onFolders
        // What everyone may read of the system's own needs no naming.
        if record.access == .readOnly, record.owner == 0, list == nil, access.othersMay(wanted) { return list }
        var new = list ?? access.asDefault
        if isLowering, let named = new.named(service.user), named.isStrictSuperset(of: wanted) {
            new = new.granting(wanted, to: service.user, exactly: true)
        } else if !new.gives(wanted, to: service.user) {
            new = new.granting(wanted, to: service.user)
        }
        return new.gives(.all, to: record.owner) ? new : new.granting(.all, to: record.owner)
    }

    /// Notes what was there, where that doesn't follow from what will be.
    private mutating func note(_ path: String, _ access: AccessList, _ defaults: AccessList?) {
        guard access.isExtended || defaults != nil, !noted.contains(path) else { return }
        var saved = GrantRecord.Saved(path: path, access: access.isExtended ? access : nil, defaults: defaults)
        switch known.origin(KnownGrants.join(record.path, path)) {
        case .granted: return
        case .saved(let earlier):
            saved = earlier
            saved.path = path
        case .unknown: break
        }
        guard record.exceptions.count < GrantRecord.maximumExceptions, room >= saved.weight else {
            unrecorded += 1
            return
        }
        room -= saved.weight
        noted.insert(path)
        record.exceptions.append(saved)
    }

    private func shown(_ path: String) -> String { escapedForTerminal((try? percentDecoded(path)) ?? []) }
}
