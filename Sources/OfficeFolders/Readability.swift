import CLinux
import Glibc
package import OfficeCore

/// What of a folder this process can't serve.
package struct Unreadable: Sendable, Hashable {
    /// The first of them, relative to the folder.
    package var paths: [RelativePath] = []
    /// Whether these are all: the search ends at its limit, or when it has looked at enough names.
    package var isComplete = true
}

extension Folder {
    /// Looks for files and folders in it that this process can't read (with `writing`: or not write), at most
    /// `limit` of them, in a walk over at most `entries` names.
    package func unreadable(
        limit: Int, writing: Bool = false, entries: Int = 1_000_000
    ) throws(OfficeError) -> Unreadable {
        var found = Unreadable()
        var seen = 0
        try TreeWalk(root: self).run { (directory, name, handle) throws(OfficeError) -> Bool in
            guard seen < entries, found.paths.count < limit else {
                found.isComplete = false
                return false
            }
            seen += 1
            guard !name.isReserved else { return false }
            let path = try directory.appending(name)
            let status: stat
            do throws(OfficeError) {
                guard let there = try handle.look(at: name, path.what) else { return false }
                status = there
            } catch {
                guard error.code == .notAllowed else { throw error }
                found.paths.append(path)
                return false
            }
            guard status.isRegular || status.isDirectory else { return false }
            let wanted = (writing ? R_OK | W_OK : R_OK) | (status.isDirectory ? X_OK : 0)
            // As the file rights of this process have it (AT_EACCESS), not of who started it.
            let outcome = name.call { faccessat(handle.number, $0, wanted, AT_EACCESS | AT_SYMLINK_NOFOLLOW) }
            if outcome.errno == EACCES || outcome.errno == EPERM { found.paths.append(path) }
            return status.isDirectory && outcome.succeeded
        } closed: { (directory, error) throws(OfficeError) in
            if directory.isRoot { throw error }
            if found.paths.count < limit { found.paths.append(directory) } else { found.isComplete = false }
        }
        return found
    }
}
