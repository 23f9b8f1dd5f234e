package import OfficeCore
package import OfficeFolders

/// Carries out what exchanges change in a folder.
///
/// A share's folder does it itself: its owner's other programs change it, too, and what is replaced is gone. A space of
/// the file server's is changed by nobody else, keeps what is replaced, and has a quota. All methods block, and may be
/// called by several threads at a time.
package protocol FolderChanging: Sendable {
    /// Where it is read, and where files are while they are being received.
    var folder: Folder { get }
    /// Claims room for a file before any of it is written; it is given back when what is returned is let go.
    func reserve(_ size: Int64, for path: RelativePath) throws(OfficeError) -> Reservation?
    /// Gives a whole file its name. The folder it is in need not be on the disk yet: `sync` follows.
    func commit(_ file: CompleteFile) throws(OfficeError)
    func makeDirectory(_ path: RelativePath) throws(OfficeError)
    func makeSymlink(_ path: RelativePath, target: [UInt8], replacing: Replacement) throws(OfficeError)
    func move(_ from: RelativePath, to: RelativePath, replacing: Replacement) throws(OfficeError)
    func remove(_ path: RelativePath, recursive: Bool) throws(OfficeError)
    func setModified(_ path: RelativePath, _ time: FileTime) throws(OfficeError)
    func setExecutable(_ path: RelativePath, _ executable: Bool) throws(OfficeError)
    /// Makes what happened to the names in the folder at `path` survive a power cut: nothing is acknowledged before.
    func sync(_ path: RelativePath) throws(OfficeError)
}

/// Room that is held for a file on its way.
package typealias Reservation = any AnyObject & Sendable

/// A file that was received whole and has no name yet.
package struct CompleteFile: Sendable {
    package let partial: PartialFile
    package let path: RelativePath
    package let size: Int64
    package let modified: FileTime
    package let executable: Bool
    package let replacing: Replacement
    /// What `FolderChanging.reserve` gave for it.
    package let reservation: Reservation?

    package init(
        partial: PartialFile, path: RelativePath, size: Int64, modified: FileTime, executable: Bool,
        replacing: Replacement, reservation: Reservation? = nil
    ) {
        self.partial = partial
        self.path = path
        self.size = size
        self.modified = modified
        self.executable = executable
        self.replacing = replacing
        self.reservation = reservation
    }
}

extension Folder: FolderChanging {
    package var folder: Folder { self }

    package func reserve(_ size: Int64, for path: RelativePath) -> Reservation? { nil }

    package func commit(_ file: CompleteFile) throws(OfficeError) {
        try file.partial.commit(
            modified: file.modified, executable: file.executable, replacing: file.replacing, durableDirectory: false)
    }
}
