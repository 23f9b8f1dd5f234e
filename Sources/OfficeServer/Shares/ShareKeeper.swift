import GRDB
import Logging
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTrust

#if canImport(Glibc)
    import Glibc
#endif

/// This node's shares: who may have what, and the handle each folder is reached by.
actor ShareKeeper {
    /// A share that a caller may use, and how.
    struct Opened: Sendable {
        let folder: Folder
        let mayWrite: Bool
        let fence: ShareFence

        /// For who changes it.
        var changes: FencedFolder { FencedFolder(folder: folder, fence: fence) }
    }

    /// Bytes of a share's comment.
    private static let longestComment = 256

    private let database: Database
    private var most: Int
    private let logger: Logger
    /// Tells that shares or their access changed.
    nonisolated let changes = EventHub<Void>()
    private var records: [Label: ShareRecord] = [:]
    private var handles: [Label: Folder] = [:]
    private var fences: [Label: ShareFence] = [:]
    /// Shares on their way to the centre.
    var moving: [Label: MovingShare] = [:]

    init(database: Database, most: Int, logger: Logger) async throws {
        self.database = database
        self.most = most
        self.logger = logger
        for record in try await database.queue.read({ try ShareRecord.fetchAll($0) }) { records[record.name] = record }
    }

    /// How many shares there may be from now on; those that are there stay.
    func configure(most: Int) { self.most = most }

    var all: [ShareRecord] { records.values.sorted { $0.name < $1.name } }
    var count: Int { records.count }

    // MARK: Managing

    /// Offers a folder. The same again changes nothing; the same name with anything else is `.exists`.
    func add(
        _ request: ShareAddRequest, by caller: LocalCaller, names: OfficeState?
    ) async throws -> (record: ShareRecord, changed: Bool) {
        let record = try self.record(request, by: caller, names: names)
        if let known = records[record.name] {
            guard known.offersTheSame(as: record) else {
                throw OfficeError(
                    .exists, record.name.description, "a share of that name is there already",
                    mend: "Give another with --name, or change it with 'officeshare share set \(record.name)'.")
            }
            return (known, false)
        }
        guard records.count < most else {
            throw OfficeError(
                .limit, record.name.description, "this node has \(most) shares, the most it may have",
                mend: "Remove one, or raise 'limits.shares' in the configuration.")
        }
        try await database.queue.write { try record.insert($0) }
        records[record.name] = record
        changes.send(())
        return (record, true)
    }

    private func record(_ request: ShareAddRequest, by caller: LocalCaller, names: OfficeState?) throws -> ShareRecord {
        let path = try percentDecoded(request.path)
        guard path.first == UInt8(ascii: "/"), !path.contains(0) else {
            throw OfficeError(.malformed, escapedForTerminal(path), "a share's folder has to be an absolute path")
        }
        let shown = escapedForTerminal(path)
        let last = path.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        let name = try request.name.map { try Label($0) } ?? Self.label(from: last, shown)
        guard name.description != Label.office else {
            throw OfficeError(
                .malformed, name.description, "that name means the office itself", mend: "Give another with --name.")
        }
        try Self.check(comment: request.comment)
        let status = try openFolder(path, shown).status()
        guard status.userID == caller.userID || caller.userID == 0 else {
            throw OfficeError(
                .notAllowed, shown, "the folder belongs to another user",
                mend: "Its owner or root can share it.")
        }
        return ShareRecord(
            name: name, path: path, owner: status.userID, isWritable: request.writable,
            access: try AccessList(parsing: request.allow, in: names), comment: request.comment, keep: request.keep,
            grant: request.grant)
    }

    private static func label(from name: [UInt8], _ shown: String) throws -> Label {
        guard let label = try? Label(bytes: name) else {
            throw OfficeError(
                .malformed, shown, "the folder's name can't be a share's name", mend: "Give one with --name.")
        }
        return label
    }

    private static func check(comment: String?) throws {
        guard let comment else { return }
        guard comment.utf8.count <= longestComment, !comment.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
            throw OfficeError(.malformed, "comment", "it is one line of at most \(longestComment) bytes")
        }
    }

    /// Changes what the request names and leaves the rest.
    func set(
        _ name: Label, _ request: ShareSetRequest, by caller: LocalCaller, names: OfficeState?
    ) async throws -> (record: ShareRecord, changed: Bool) {
        var record = try managed(name, by: caller)
        try Self.check(comment: request.comment)
        if let writable = request.writable { record.isWritable = writable }
        if let allow = request.allow { record.access = try AccessList(parsing: allow, in: names) }
        if let comment = request.comment { record.comment = comment.isEmpty ? nil : comment }
        if let keep = request.keep { record.keep = keep }
        if let grant = request.grant { record.grant = grant }
        guard record != records[name] else { return (record, false) }
        try await update(record)
        return (record, true)
    }

    func update(_ record: ShareRecord) async throws {
        try await database.queue.write { try record.update($0) }
        records[record.name] = record
        changes.send(())
    }

    /// Ends a share; its record is returned, so that what was granted for it can be taken back.
    func remove(_ name: Label, by caller: LocalCaller) async throws -> ShareRecord {
        let record = try managed(name, by: caller)
        _ = try await database.queue.write { try record.delete($0) }
        records[name] = nil
        handles[name] = nil
        fences[name] = nil
        moving[name] = nil
        changes.send(())
        return record
    }

    /// Offers a folder on the daemon's own account.
    func insert(_ record: ShareRecord) async throws(OfficeError) {
        do {
            try await database.queue.write { try record.insert($0) }
        } catch {
            throw OfficeError(.io, record.name.description, "the share can't be kept (\(error))")
        }
        records[record.name] = record
        changes.send(())
    }

    func delete(_ record: ShareRecord) async throws {
        _ = try await database.queue.write { try record.delete($0) }
        records[record.name] = nil
        handles[record.name] = nil
        changes.send(())
    }

    private func managed(_ name: Label, by caller: LocalCaller) throws -> ShareRecord {
        guard let record = records[name] else { throw Self.unknown(name) }
        guard record.isManaged(by: caller) else {
            throw OfficeError(
                .notAllowed, name.description, "the share belongs to another user",
                mend: "Its owner, root and members of group \(LocalCaller.managingGroup) can change it.")
        }
        return record
    }

    static func unknown(_ name: Label) -> OfficeError {
        OfficeError(
            .notFound, name.description, "there is no such share", mend: "'officeshare ls' shows what there is.")
    }

    // MARK: Using

    /// A share for a principal of another node, or of this one. What it may not know of is not found.
    func open(_ name: Label, for principal: Principal) throws -> Opened {
        guard let record = records[name], record.access.allows(principal) else { throw Self.unknown(name) }
        return try opened(record, mayWrite: record.isWritable)
    }

    /// A share for a local caller: by the same list, besides its owner and root.
    func open(_ name: Label, for caller: LocalCaller, as principal: Principal?) throws -> Opened {
        guard let record = records[name], Self.mayUse(record, caller, principal) else { throw Self.unknown(name) }
        return try opened(record, mayWrite: record.isWritable)
    }

    private func opened(_ record: ShareRecord, mayWrite: Bool) throws -> Opened {
        guard record.movedTo == nil else { throw Self.moved(record) }
        return Opened(folder: try handle(of: record), mayWrite: mayWrite, fence: fence(of: record.name))
    }

    /// Changes of a share pass it, whoever makes them.
    func fence(of name: Label) -> ShareFence {
        if let fence = fences[name] { return fence }
        let fence = ShareFence()
        fences[name] = fence
        return fence
    }

    func record(of name: Label) -> ShareRecord? { records[name] }

    /// The shares a local caller may use.
    func usable(by caller: LocalCaller, as principal: Principal?) -> [ShareRecord] {
        all.filter { Self.mayUse($0, caller, principal) }
    }

    private static func mayUse(_ record: ShareRecord, _ caller: LocalCaller, _ principal: Principal?) -> Bool {
        record.owner == caller.userID || caller.userID == 0 || principal.map(record.access.allows) == true
    }

    /// The folders that others may have written to.
    func writableFolders() -> [(Label, Folder)] {
        all.filter(\.isWritable).compactMap { record in (try? handle(of: record)).map { (record.name, $0) } }
    }

    /// The folders of all shares, as far as they can be opened.
    func folders() -> [(Label, Folder)] {
        all.filter { $0.movedTo == nil }.compactMap { record in (try? handle(of: record)).map { (record.name, $0) } }
    }

    /// A share that its owner has marked to be kept, or that moves to the centre, for the file server to copy.
    func openKept(_ name: Label, by server: NodeID) throws -> Opened {
        guard let record = records[name], record.keep || record.movedTo != nil || moving[name]?.server == server else {
            throw Self.unknown(name)
        }
        return Opened(folder: try handle(of: record), mayWrite: false, fence: fence(of: name))
    }

    /// What is told to one member: the shares its people may know of; to the file server, those to keep besides.
    func offers(for node: NodeID, isKeeper: Bool) -> [PeerOffer] {
        all.filter { $0.movedTo == nil }.compactMap { record in
            switch record.access.audience(on: node) {
            case .everyone: PeerOffer(record, users: nil)
            case .users(let users) where !users.isEmpty || record.keep && isKeeper:
                PeerOffer(record, users: users.sorted())
            case .users: nil
            }
        }
    }

    /// Whether the member is to hear of the share.
    func isOffered(_ name: Label, to node: NodeID, isKeeper: Bool) -> Bool {
        offers(for: node, isKeeper: isKeeper).contains { $0.name == name }
    }

    /// What this node says of a share to those who keep copies, signed.
    func sealed(_ name: Label, by identity: NodeIdentity) throws -> SealedShareRecord {
        guard let record = records[name] else { throw Self.unknown(name) }
        return try SealedShareRecord(
            ShareStatement(
                owner: identity.id, share: name, access: record.access, comment: record.comment, time: .now),
            by: identity)
    }

    /// The share's handle; opened anew when its folder was removed or replaced.
    private func handle(of record: ShareRecord) throws -> Folder {
        if let handle = handles[record.name], try handle.status().isLinked { return handle }
        let shown = escapedForTerminal(record.path)
        let handle = try openFolder(record.path, shown)
        // The path may lead elsewhere by now: what counts is whose the folder is that we opened.
        guard try handle.status().userID == record.owner else {
            throw OfficeError(
                .notAllowed, record.name.description, "its folder belongs to another user now",
                mend: "Remove the share and add it again.")
        }
        handles[record.name] = handle
        return handle
    }

    private func openFolder(_ path: [UInt8], _ shown: String) throws(OfficeError) -> Folder {
        do {
            let folder = try Folder(at: path)
            _ = try folder.list(.root)
            return folder
        } catch  where error.code == .notAllowed {
            throw OfficeError(
                .notAllowed, shown, "officeshare can't read the folder",
                mend: "Share it as its owner, who can grant access, or run 'setfacl -R -m u:officeshare:rX \(shown)'.")
        } catch {
            throw error.about(shown)
        }
    }

    /// What is wrong with shares right now.
    func problems() -> [StatusModel.Problem] {
        all.filter { $0.movedTo == nil }.compactMap { record in
            do {
                _ = try handle(of: record)
                return nil
            } catch {
                let error = error as? OfficeError
                return .init(
                    what: record.name.description, why: error?.why ?? "its folder can't be opened",
                    mend: error?.mend ?? "Bring the folder back, or remove the share.")
            }
        }
    }
}

extension ShareRecord {
    /// Its owner may change it, and so may who manages the node.
    func isManaged(by caller: LocalCaller) -> Bool { caller.manages || owner == caller.userID }

    /// Whether `other` asks for what is there already; the grant's record is not part of what was asked.
    fileprivate func offersTheSame(as other: ShareRecord) -> Bool {
        var copy = other
        copy.grant = grant
        copy.movedTo = movedTo
        copy.formerly = formerly
        return copy == self
    }
}

extension PeerOffer {
    fileprivate init(_ share: ShareRecord, users: [String]?) {
        self.init(
            name: share.name, writable: share.isWritable, keep: share.keep, comment: share.comment, users: users)
        formerly = share.formerly
    }
}
