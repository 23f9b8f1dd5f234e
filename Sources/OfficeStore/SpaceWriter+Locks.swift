package import OfficeCore
import OfficeFolders

extension SpaceWriter {
    /// Keeps others from replacing, moving or removing a file, for a while.
    package func lock(_ path: RelativePath, for lease: Duration) throws(OfficeError) -> FileLock {
        try space.locked { (state) throws(OfficeError) in
            try mayChange()
            guard try folder.entry(path).kind == .file else {
                throw OfficeError(.notAllowed, path.description, "only files can be locked")
            }
            return try state.locks.take(path, by: author, name: authorName, lease: lease, now: .now)
        }
    }

    package func unlock(_ path: RelativePath) throws(OfficeError) {
        try space.locked { (state) throws(OfficeError) in try state.locks.release(path, by: author, now: .now) }
    }

    package var locks: [FileLock] {
        get throws(OfficeError) { try space.locked { (state) throws(OfficeError) in state.locks.all(now: .now) } }
    }
}
