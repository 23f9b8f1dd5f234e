import CLinux
import Glibc
package import OfficeCore

// How a writer that is a writer no longer, and doesn't know it, is kept from changing anything (fencing).
//
// Locks end while a machine is cut off or stands still, and its call goes on afterwards. Such a call does nothing where
// the name or the folder that it needs is gone. So every change of a name goes by way of a folder that belongs to one
// stretch of one writer's time, its *staging* folder: new things come from there, what is taken away goes there. The next
// writer first empties that folder and removes it; from then on each of the old one's calls finds nothing (ENOENT,
// ESTALE).

extension Folder {
    /// This folder, with names that change only by way of `staging`, which has to be in the same file system.
    package func staged(in staging: Folder) -> Folder { Folder(self, staging: staging) }

    private static let moves = FileName(trusted: Array("moves".utf8))
    private static let way = FileName(trusted: Array("way".utf8))
    private static let moved = FileName(trusted: Array("it".utf8))

    func makeDirectory(_ place: Place, _ what: String, by staging: Folder) throws(OfficeError) {
        guard try place.directory.look(at: place.name, what) == nil else { throw .occupied(what) }
        let temporary = Place(staging.handle, Temporary.unique())
        let made = owner.creating { temporary.name.call { mkdirat(temporary.directory.number, $0, 0o777) } }
        guard made.succeeded else { throw made.error(what) }
        do {
            try temporary.rename(to: place, replacing: .always, from: what, what)
        } catch {
            _ = temporary.removeDirectory()
            throw error
        }
    }

    /// Takes away an empty folder.
    package func removeEmptyFolder(_ path: RelativePath) throws(OfficeError) {
        guard let staging else { return try remove(path, recursive: false) }
        guard try list(path).next(upTo: 1).isEmpty else { throw OfficeError(errno: ENOTEMPTY, path.what) }
        let temporary = Place(staging.handle, Temporary.unique())
        try Place(try parent(of: path)).rename(to: temporary, replacing: .always, from: path.what, path.what)
        let gone = temporary.removeDirectory()
        guard gone.succeeded else { throw gone.error(path.what) }
    }

    /// In two steps, with the way written down first: whoever clears the staging folder brings back what is between them.
    func move(
        _ source: Place, to target: Place, _ replacing: Replacement, _ from: RelativePath, _ to: RelativePath,
        by staging: Folder
    ) throws(OfficeError) {
        // A folder can't go into itself, which the two steps wouldn't notice.
        if to.relative(to: from) != nil {
            guard from != to else { return }
            throw OfficeError(.cannotCreate, to.what, "a folder can't be moved into itself")
        }
        let there = try target.directory.look(at: target.name, to.what)
        if replacing == .never, there != nil { throw .occupied(to.what) }
        if let there, there.isDirectory { throw .occupied(to.what) }
        let folder = try RelativePath([Self.moves, FileName(trusted: Array(Temporary.token().utf8))])
        try staging.makeDirectories(folder)
        try staging.write(from.bytes, to: try folder.appending(Self.way))
        let between = Place(try staging.parent(of: try folder.appending(Self.moved)))
        try source.rename(to: between, replacing: .always, from: from.what, to.what)
        do {
            try between.rename(to: target, replacing: .always, from: from.what, to.what)
        } catch {
            try? between.rename(to: source, replacing: .always, from: from.what, from.what)
            _ = try? staging.clear(folder, of: [Self.way])
            throw error
        }
        _ = try? staging.clear(folder, of: [Self.way])
    }

    /// Brings back what is on its way in a staging folder that lies in this one; false where it has to be looked at again.
    package func recoverMoves(of staging: Folder) throws(OfficeError) -> Bool {
        let moves = try RelativePath([Self.moves])
        guard let listing = try staging.listingIfAny(moves) else { return true }
        var isClear = true
        while case let batch = try listing.next(upTo: 64), !batch.isEmpty {
            for entry in batch {
                guard let name = entry.path.last else { continue }
                let folder = try moves.appending(name)
                let between = Place(try staging.parent(of: try folder.appending(Self.moved)))
                if try between.directory.look(at: between.name, "\(folder)") != nil {
                    let text = try staging.read(try folder.appending(Self.way), limit: RelativePath.maximumLength)
                    let from = try RelativePath(parsing: text)
                    let source = Place(try parent(of: from))
                    try between.rename(to: source, replacing: .never, from: from.what, from.what)
                    try sync(from.parent)
                }
                if try !staging.clear(folder, of: [Self.way]) { isClear = false }
            }
        }
        return try staging.clear(moves, of: []) && isClear
    }

    /// Removes these files from a folder, and then itself; false where something else is in it, which may have come that
    /// very moment and be somebody's.
    package func clear(_ path: RelativePath, of files: [FileName]) throws(OfficeError) -> Bool {
        do throws(OfficeError) {
            let directory = try resolve(path, flags: Flag.path | O_DIRECTORY)
            for file in files { try directory.unlink(file, path.what) }
        } catch  where error.code == .notFound {
            return true
        }
        return try removeIfEmpty(path)
    }

    /// Removes all files that lie directly in a folder, whoever has them open, its empty folders, and then itself; false
    /// where something else is in it. For a folder in which no file is anybody's.
    package func clear(_ path: RelativePath) throws(OfficeError) -> Bool {
        do throws(OfficeError) {
            let directory = try directory(path)
            let reader = DirectoryReader(directory, what: path.what)
            while let next = try reader.next() {
                let gone = next.name.call { unlinkat(directory.number, $0, 0) }
                if gone.errno == EISDIR || gone.errno == EPERM {
                    _ = Place(directory, next.name).removeDirectory()
                } else if !gone.succeeded, gone.errno != ENOENT {
                    throw gone.error(path.what)
                }
            }
        } catch  where error.code == .notFound {
            return true
        }
        return try removeIfEmpty(path)
    }

    private func removeIfEmpty(_ path: RelativePath) throws(OfficeError) -> Bool {
        let outcome = Place(try parent(of: path)).removeDirectory()
        if outcome.succeeded || outcome.errno == ENOENT { return true }
        guard outcome.errno == ENOTEMPTY || outcome.errno == EEXIST else { throw outcome.error(path.what) }
        return false
    }

    /// nil where there is no such folder.
    package func listingIfAny(_ path: RelativePath) throws(OfficeError) -> DirectoryListing? {
        do throws(OfficeError) {
            return try list(path)
        } catch  where error.code == .notFound {
            return nil
        }
    }
}
