package import OfficeCore
package import OfficeFolders
import OfficeTransfer

extension Store {
    /// Where the content of a change of another store's is received, before `follow` gives it its name.
    package func partial(for change: StoreChange) throws(OfficeError) -> PartialFile? {
        if case .version(let name, let path, let kept, let size, _, _, nil) = change {
            let partial = try space(name).shelf.partial(for: try Self.version(kept), of: path)
            try partial.setSize(size)
            return partial
        }
        guard case .file(let name, let path, let size, _, _, _) = change else { return nil }
        let partial = try space(name).folder.partial(for: path, key: "standby")
        try partial.setSize(0)
        try partial.setSize(size)
        return partial
    }

    /// Does here what was done in the store that this one is a copy of. It is not on the disk before `settle`.
    package func follow(_ change: StoreChange, _ content: PartialFile?) throws(OfficeError) {
        switch change {
        case .file(let name, let path, let size, let modified, let executable, let kept):
            guard let content else { throw Self.apart }
            try writer(name, kept).commit(
                CompleteFile(
                    partial: content, path: path, size: size, modified: modified, executable: executable,
                    replacing: kept == nil ? .never : .always))
        case .folder(let name, let path): try writer(name, nil).makeDirectory(path)
        case .link(let name, let path, let target, let kept):
            try writer(name, kept).makeSymlink(path, target: target, replacing: kept == nil ? .never : .always)
        case .move(let name, let from, let to, let kept):
            try writer(name, kept).move(from, to: to, replacing: kept == nil ? .never : .always)
        case .removed(let name, let path, let kept): try writer(name, kept).remove(path, recursive: true)
        case .emptyFolderRemoved(let name, let path): try writer(name, nil).remove(path, recursive: false)
        case .version(let name, let path, let kept, let size, let modified, let executable, let target):
            let space = try space(name)
            let version = try Self.version(kept)
            let entry = Entry(
                path: path, kind: target == nil ? .file : .symlink, size: size, modified: modified,
                executable: executable, target: target)
            try space.locked { (state) throws(OfficeError) in
                try space.passed(&state, version.number)
                _ = try space.shelf.take(version, of: path, entry, content)
            }
        case .modified(let name, let path, let time): try writer(name, nil).setModified(path, time)
        case .executable(let name, let path, let executable): try writer(name, nil).setExecutable(path, executable)
        case .conflict(let name, let conflict): try space(name).conflicts.note(conflict)
        case .space(let record): try follow(record)
        case .spaceRemoved(let name): _ = try remove(name)
        case .users(let users): try accounts.replace(by: users)
        }
    }

    private func follow(_ record: SpaceRecord) throws(OfficeError) {
        guard self.record(of: record.name) != nil else {
            _ = try add(
                record.name, access: record.access, quota: record.quota, holdsLoose: record.holdsLoose,
                from: record.from)
            return
        }
        _ = try set(record.name, access: record.access, quota: .some(record.quota))
    }

    /// Puts the folders in which changes gave and took names on the disk.
    package func settle(_ changes: [StoreChange]) throws(OfficeError) {
        var places: [Label: Set<RelativePath>] = [:]
        for change in changes {
            guard let (name, paths) = change.names else { continue }
            places[name, default: []].formUnion(paths.map(\.parent))
        }
        for (name, paths) in places {
            guard let space = try? space(name) else { continue }
            try space.shelf.sync()
            for path in paths {
                do throws(OfficeError) {
                    try space.folder.sync(path)
                } catch  where error.code == .notFound {
                    // A later change has moved or removed the folder.
                    continue
                }
            }
        }
    }

    private func writer(_ name: Label, _ kept: String?) throws(OfficeError) -> SpaceWriter {
        let version = try kept.map { (kept) throws(OfficeError) in try Self.version(kept) }
        return SpaceWriter(copying: try space(name), keepingAs: version)
    }

    private static func version(_ kept: String) throws(OfficeError) -> VersionName {
        guard let version = VersionName(try FileName(kept)) else { throw apart }
        return version
    }

    private static let apart = OfficeError(
        .changed, "the standby", "what it is told doesn't fit what it has", mend: "It will be made equal again.")
}

extension StoreChange {
    /// The names that it gives and takes.
    fileprivate var names: (space: Label, paths: [RelativePath])? {
        switch self {
        case .file(let space, let path, _, _, _, _), .folder(let space, let path), .link(let space, let path, _, _),
            .removed(let space, let path, _), .emptyFolderRemoved(let space, let path):
            (space, [path])
        case .move(let space, let from, let to, _): (space, [from, to])
        case .version(let space, _, _, _, _, _, _): (space, [])
        case .modified, .executable, .conflict, .space, .spaceRemoved, .users: nil
        }
    }
}
