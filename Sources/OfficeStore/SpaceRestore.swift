package import OfficeCore
package import OfficeFolders
import OfficeTransfer

extension SpaceWriter {
    /// Files that are restored with a folder at once.
    package static let mostRestored = 100_000

    /// What is kept of a path: of a file its versions, the newest first; of a folder the last version of everything in
    /// it that is gone.
    package func versions(of path: RelativePath) throws(OfficeError) -> [KeptVersion] {
        let own = try space.shelf.versions(of: path)
        guard own.isEmpty else { return own }
        return try gone(below: path)
    }

    private func gone(below path: RelativePath) throws(OfficeError) -> [KeptVersion] {
        try space.shelf.latest(below: path, limit: Self.mostRestored).filter { (try? folder.entry($0.path)) == nil }
    }

    /// Brings a version back: `number` nil means the newest. What has the name now is kept as a version in turn.
    ///
    /// Of a folder that is gone everything comes back that was in it last. Answers what was brought back, and where to.
    package func restore(
        _ path: RelativePath, number: Int64?, to target: RelativePath
    ) throws(OfficeError) -> [RelativePath] {
        let own = try space.shelf.versions(of: path)
        if let version = number.map({ number in own.first { $0.name.number == number } }) ?? own.first {
            try bringBack(version, to: target)
            return [target]
        }
        if let number {
            throw OfficeError(
                .notFound, "\(path)@\(number)", "there is no such version", mend: "'officeshare versions' shows them.")
        }
        let gone = try gone(below: path)
        guard !gone.isEmpty else {
            throw OfficeError(.notFound, path.description, "nothing of that name is kept")
        }
        var restored: [RelativePath] = []
        for version in gone {
            guard let below = version.path.relative(to: path) else { continue }
            let to = try target.appending(below)
            try bringBack(version, to: to)
            restored.append(to)
        }
        return restored
    }

    private func bringBack(_ version: KeptVersion, to target: RelativePath) throws(OfficeError) {
        try makeParents(of: target)
        if let link = version.entry.target {
            try makeSymlink(target, target: link, replacing: .always)
        } else {
            let file = try space.shelf.root.open(version.place)
            let reservation = try reserve(file.identity.size, for: target)
            let partial = try folder.partial(for: target, key: "restore-\(version.name.number)")
            do throws(OfficeError) {
                try partial.setSize(0)
                try partial.fill(from: file)
                try commit(
                    CompleteFile(
                        partial: partial, path: target, size: file.identity.size, modified: file.identity.modified,
                        executable: file.executable, replacing: .always, reservation: reservation))
            } catch {
                try? partial.discard()
                throw error
            }
        }
        try sync(target.parent)
    }

    private func makeParents(of path: RelativePath) throws(OfficeError) {
        var way = RelativePath.root
        for name in path.parent.components {
            let parent = way
            way = try way.appending(name)
            do throws(OfficeError) {
                try makeDirectory(way)
                try sync(parent)
            } catch  where error.code == .exists {
                continue
            }
        }
    }

    /// The content of a version, for hashing it.
    package func open(_ version: KeptVersion) throws(OfficeError) -> ReadableFile {
        try space.shelf.root.open(version.place)
    }
}
