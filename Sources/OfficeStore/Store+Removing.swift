package import OfficeCore
import OfficeFolders
package import OfficeTrust
import Synchronization

// What ends: spaces, and people without a node.

extension Store {
    /// Removes a user, also from every list: whoever has that name later inherits nothing.
    package func removeUser(_ name: UserName) throws(OfficeError) -> UserAccount {
        for record in records where record.access.grants.contains(.account(name)) {
            let access = try AccessList(record.access.grants.filter { $0 != .account(name) })
            _ = try set(record.name, access: access, quota: nil)
        }
        return try accounts.remove(name)
    }

    /// Ends a space. Its files and versions are put aside in the store, and nothing is deleted.
    package func remove(_ name: Label) throws(OfficeError) -> SpaceRecord {
        try contents.withLock { (contents) throws(OfficeError) in
            guard let record = contents.records[name] else { throw Self.unknown(name) }
            contents.spaces[name]?.close(Self.unknown(name))
            let aside = try freePlaceAside(for: name)
            let root = try way(of: name, contents)
            try root.makeDirectories(aside)
            try root.remove(try recordPath(name), recursive: false)
            try root.sync(try RelativePath([Self.recordFolder]))
            contents.records[name] = nil
            contents.spaces[name] = nil
            try? root.remove(try Self.conflictsPath(name), recursive: false)
            contents.failures[name] = nil
            feed.note(.spaceRemoved(name))
            for (from, to) in [(record.folder, "files"), (try Self.place(Self.versionFolder, name), "versions")] {
                do throws(OfficeError) {
                    try root.move(from, into: root, as: try aside.appending(try FileName(to)))
                } catch  where error.code == .notFound {
                    continue
                }
            }
            return record
        }
    }

    private func freePlaceAside(for name: Label) throws(OfficeError) -> RelativePath {
        for number in 1... {
            let place = try RelativePath([Self.removedFolder, try FileName("\(name)-\(number)")])
            do throws(OfficeError) {
                _ = try root.entry(place)
            } catch  where error.code == .notFound {
                return place
            }
        }
        return try RelativePath([Self.removedFolder])
    }
}
