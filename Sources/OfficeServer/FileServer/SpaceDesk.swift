import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Who asks the file server for something, and what its node says of them.
struct SpaceCaller: Sendable {
    let principal: Principal
    /// Whether they manage their node, by its word.
    let manages: Bool
}

/// What people ask of the office's spaces beside their files: on the node that serves them.
struct SpaceDesk: Sendable {
    /// Bytes of a version that are hashed to answer for it; of larger ones the root is told where it is known.
    private static let hashedBytes: Int64 = 64 << 20

    let server: FileServer
    let office: OfficeKeeper
    let hashes: any HashCache
    let mover: SpaceMover

    func answer(_ request: SpaceRequest, for caller: SpaceCaller, epoch: Int64?) async throws -> SpaceAnswer {
        let current = try await server.current(epoch)
        guard let state = await office.state else { throw OfficeKeeper.inNone }
        var answer = SpaceAnswer()
        switch request {
        case .list:
            let sees = mayManage(caller, state)
            let visible = current.store.records.filter { sees || $0.access.allows(caller.principal) }
            for record in visible { answer.spaces.append(model(record, current.store, state)) }
        case .add(let name, let allow, let quota):
            try check(caller, state, current.epoch)
            let label = try Label(name)
            guard label.description != Label.office else {
                throw OfficeError(.malformed, name, "that name means the office itself")
            }
            let access = try AccessList(parsing: allow, in: state)
            let record = try await server.change(current.epoch) { () throws(OfficeError) in
                try current.store.add(label, access: access, quota: quota == 0 ? nil : quota)
            }
            answer.spaces = [model(record, current.store, state)]
        case .bring(let name, let source, let allow, let quota):
            try check(caller, state, current.epoch)
            let from = try Self.source(source, in: state)
            let access = allow.isEmpty ? nil : try AccessList(parsing: allow, in: state)
            let record = try await mover.bring(
                from, as: try Label(name), access: access, quota: quota == 0 ? nil : quota, by: caller.principal,
                epoch: current.epoch)
            answer.spaces = [model(record, current.store, state)]
        case .moved:
            let own = current.store.records.compactMap(\.from).filter { $0.owner == caller.principal.node }
            answer.moved = own.map(\.share.description)
        case .set(let name, let allow, let quota):
            try check(caller, state, current.epoch)
            let label = try Label(name)
            let access = try allow.map { try AccessList(parsing: $0, in: state) }
            let record = try await server.change(current.epoch) { () throws(OfficeError) in
                try current.store.set(label, access: access, quota: quota.map { $0 == 0 ? nil : $0 })
            }
            answer.spaces = [model(record, current.store, state)]
        case .remove(let name):
            try check(caller, state, current.epoch)
            let label = try Label(name)
            guard let record = current.store.record(of: label) else { throw Store.unknown(label) }
            answer.spaces = [model(record, current.store, state)]
            _ = try await server.change(current.epoch) { () throws(OfficeError) in try current.store.remove(label) }
            // Its owner's folder is the share again; another node hears of it by the change.
            if let from = record.from, from.owner == office.identity.id {
                try await server.shares.setMoved(from.share, to: nil)
            }
        case .users, .addUser, .setPassword, .removeUser:
            try check(caller, state, current.epoch)
            answer.users = try await users(request, current)
        case .versions(let space, let path):
            let writer = try await server.open(try Label(space), for: caller.principal, epoch: epoch)
            let hashes = hashes
            answer.versions = try await server.onDisk { () throws(OfficeError) in
                try writer.versions(of: path).map { (kept) throws(OfficeError) in
                    Self.model(kept, root: try Self.root(of: kept, writer, hashes), state)
                }
            }
        case .restore(let space, let path, let version, let target):
            let writer = try await server.open(try Label(space), for: caller.principal, epoch: epoch)
            let number = try version.map { (text) throws(OfficeError) in
                guard let number = Int64(text) else {
                    throw OfficeError(.malformed, text.escapedForTerminal, "a version is a number")
                }
                return number
            }
            answer.restored = try await server.onDisk { () throws(OfficeError) in
                let restored = try writer.restore(path, number: number, to: target ?? path)
                try writer.confirm()
                return restored
            }
        case .lock, .unlock, .locks: answer.locks = try await locks(request, caller, current, epoch)
        }
        if request.changes {
            try await server.onDisk { () throws(OfficeError) in try current.store.feed.confirm() }
        }
        if request.changesSpaces { server.shares.changes.send(()) }
        return answer
    }

    private static func source(_ text: String, in state: OfficeState) throws(OfficeError) -> SpaceRecord.Source {
        let path = try OfficePath(parsing: text)
        guard let share = path.share, path.path.isRoot else {
            throw OfficeError(.malformed, path.description, "a whole share is moved", mend: "Write NODE/SHARE.")
        }
        guard let owner = state.member(named: path.node) else {
            throw OfficeError(
                .notFound, path.node.description, "there is no such node in the office",
                mend: "'officeshare office members' shows who is in.")
        }
        return SpaceRecord.Source(owner: owner.id, share: share)
    }

    /// Admins' managers manage the spaces, and so do those of the node that holds them.
    private func mayManage(_ caller: SpaceCaller, _ state: OfficeState) -> Bool {
        caller.manages && (state.isAdmin(caller.principal.node) || caller.principal.node == office.identity.id)
    }

    private func check(_ caller: SpaceCaller, _ state: OfficeState, _ epoch: Int64) throws(OfficeError) {
        guard mayManage(caller, state) else {
            throw OfficeError(
                .notAllowed, state.name.description, "only admins manage the office's spaces",
                mend: "Run it as root on an admin's machine; 'officeshare office members' shows who is one.")
        }
        try server.fence.check(epoch, writing: true)
    }

    private func users(_ request: SpaceRequest, _ current: FileServer.Opened) async throws -> [UserModel] {
        let store = current.store
        let accounts = store.accounts
        return try await server.change(current.epoch) { () throws(OfficeError) -> [UserAccount] in
            switch request {
            case .addUser(let name, let password):
                [try accounts.add(try UserName(name), password: try Self.bytes(password), now: .now)]
            case .setPassword(let name, let password):
                [try accounts.setPassword(of: try UserName(name), try Self.bytes(password))]
            case .removeUser(let name): [try store.removeUser(try UserName(name))]
            default: accounts.all
            }
        }.map { UserModel(name: $0.name.description, created: $0.created, lastSeen: $0.lastSeen) }
    }

    // MARK: Locks

    private func locks(
        _ request: SpaceRequest, _ caller: SpaceCaller, _ current: FileServer.Opened, _ epoch: Int64?
    ) async throws -> [LockModel] {
        switch request {
        case .lock(let space, let path, let seconds):
            let writer = try await server.open(try Label(space), for: caller.principal, epoch: epoch)
            return [
                try Self.model(
                    try await server.onDisk { () throws(OfficeError) in try writer.lock(path, for: .seconds(seconds)) },
                    in: writer.space.name)
            ]
        case .unlock(let space, let path):
            let writer = try await server.open(try Label(space), for: caller.principal, epoch: epoch)
            try await server.onDisk { () throws(OfficeError) in try writer.unlock(path) }
            return []
        case .locks(let space):
            let named = try space.map { try Label($0) }
            let visible = current.store.records.filter {
                $0.access.allows(caller.principal) && (named == nil || $0.name == named)
            }
            if let named, visible.isEmpty { throw Store.unknown(named) }
            var models: [LockModel] = []
            for record in visible {
                let writer = try await server.open(record.name, for: caller.principal, epoch: epoch)
                for lock in try writer.locks { models.append(try Self.model(lock, in: record.name)) }
            }
            return models
        default: return []
        }
    }

    private static func model(_ lock: FileLock, in space: Label) throws(OfficeError) -> LockModel {
        LockModel(
            path: try RelativePath([try FileName(space.bytes)] + lock.path.components), holder: lock.name,
            since: lock.since, secondsLeft: Int((lock.until - .now).components.seconds) + 1)
    }

    private static func bytes(_ password: String) throws(OfficeError) -> [UInt8] {
        guard let data = Data(base64Encoded: password) else {
            throw OfficeError(.malformed, "password", "it is not base64")
        }
        return Array(data)
    }

    // MARK: Models

    private func model(_ record: SpaceRecord, _ store: Store, _ state: OfficeState) -> SpaceModel {
        let space = try? store.space(record.name)
        return SpaceModel(
            name: record.name.description, path: "\(Label.office)/\(record.name)", files: space?.files ?? 0,
            bytes: space?.bytes ?? 0, quota: record.quota, versionsBytes: space?.versionsBytes ?? 0,
            allow: record.access.display(in: state),
            from: record.from.map { "\(state.displayName(of: $0.owner))/\($0.share)" })
    }

    private static func model(_ kept: KeptVersion, root: ContentRoot?, _ state: OfficeState) -> VersionModel {
        let node = state.members.first { $0.key.short == kept.name.author.node }?.value.name.description
        return VersionModel(
            version: String(kept.name.number), size: kept.entry.size, modified: Timestamp(kept.entry.modified),
            replacedBy: "\(kept.name.author.user)@\(node ?? kept.name.author.node)", root: root?.description,
            replaced: Timestamp(seconds: kept.name.time), removed: kept.name.how == .removed, path: kept.path)
    }

    private static func root(
        of kept: KeptVersion, _ writer: SpaceWriter, _ hashes: any HashCache
    ) throws(OfficeError) -> ContentRoot? {
        guard kept.entry.kind == .file else { return nil }
        let file = try writer.open(kept)
        return try contentRoot(of: file, cache: hashes, most: hashedBytes)
    }
}

extension SpaceRequest {
    /// Whether it changed the store.
    fileprivate var changes: Bool {
        switch self {
        case .add, .bring, .set, .remove, .removeUser, .addUser, .setPassword, .restore: true
        case .users, .list, .moved, .versions, .lock, .unlock, .locks: false
        }
    }

    /// Whether others see something else in the office afterwards.
    fileprivate var changesSpaces: Bool {
        switch self {
        case .add, .bring, .set, .remove, .removeUser: true
        case .users, .addUser, .setPassword, .list, .moved, .versions, .restore, .lock, .unlock, .locks: false
        }
    }
}
