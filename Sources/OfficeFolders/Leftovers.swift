import CLinux
import Glibc
package import OfficeCore

extension Folder {
    /// Removes partial files, journals and other temporaries of this process's user that nobody has open and
    /// that were last written before `time`: transfers that nobody went on with. Answers how many.
    ///
    /// Looks at no more than `entries` names.
    package func removeLeftovers(before time: FileTime, entries: Int = 1_000_000) throws(OfficeError) -> Int {
        var removed = 0
        var seen = 0
        try TreeWalk(root: self).run { (directory, name, handle) throws(OfficeError) -> Bool in
            seen += 1
            guard seen <= entries, let status = try? handle.look(at: name, directory.what) else { return false }
            guard name.isReserved else { return status.isDirectory }
            // While a transfer is under way its content is locked; its journal is younger than that, or dead.
            let isOld = status.st_uid == geteuid() && !status.isDirectory && status.modified < time
            if isOld, try handle.isAbandoned(name, before: time, directory.what),
                try PartialFile.removeUnused(Place(handle, name), directory.what)
            {
                removed += 1
            }
            return false
        } closed: { (directory, error) throws(OfficeError) in
            if directory.isRoot { throw error }
        }
        return removed
    }
}

extension Descriptor {
    /// Whether the other half of a partial file and its journal is old too, or gone.
    fileprivate func isAbandoned(_ name: FileName, before time: FileTime, _ what: String) throws(OfficeError) -> Bool {
        guard let other = Temporary.otherHalf(of: name), let status = try look(at: other, what) else { return true }
        return status.modified < time
    }
}
