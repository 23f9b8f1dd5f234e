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
    /// Gives a whole file its name. The folder it is in need not be on the disk yet: `sync` follows. Answers the name
    /// it got where that is another one.
    @discardableResult
    func commit(_ file: CompleteFile) throws(OfficeError) -> FileName?
    func makeDirectory(_ path: RelativePath) throws(OfficeError)
    func makeSymlink(_ path: RelativePath, target: [UInt8], replacing: Replacement) throws(OfficeError)
    func move(_ from: RelativePath, to: RelativePath, replacing: Replacement) throws(OfficeError)
    func remove(_ path: RelativePath, recursive: Bool) throws(OfficeError)
    func setModified(_ path: RelativePath, _ time: FileTime) throws(OfficeError)
    func setExecutable(_ path: RelativePath, _ executable: Bool) throws(OfficeError)
    /// Makes what happened to the names in the folder at `path` survive a power cut: nothing is acknowledged before.
    func sync(_ path: RelativePath) throws(OfficeError)
    /// Returns once everything that was changed and synced before is wherever else it has to be.
    func confirm() throws(OfficeError)
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
    /// What the sender's file was made from, where only that may be replaced and anything else stays beside it.
    package let base: ContentRoot?
    /// The content's own root, where it is known.
    package let root: ContentRoot?
    /// What `FolderChanging.reserve` gave for it.
    package let reservation: Reservation?

    package init(
        partial: PartialFile, path: RelativePath, size: Int64, modified: FileTime, executable: Bool,
        replacing: Replacement, base: ContentRoot? = nil, root: ContentRoot? = nil, reservation: Reservation? = nil
    ) {
        self.partial = partial
        self.path = path
        self.size = size
        self.modified = modified
        self.executable = executable
        self.replacing = replacing
        self.base = base
        self.root = root
        self.reservation = reservation
    }
}

extension Folder: FolderChanging {
    package var folder: Folder { self }

    package func reserve(_ size: Int64, for path: RelativePath) -> Reservation? { nil }

    @discardableResult
    package func commit(_ file: CompleteFile) throws(OfficeError) -> FileName? {
        try file.partial.commit(
            modified: file.modified, executable: file.executable, replacing: file.replacing, durableDirectory: false)
        return nil
    }

    package func confirm() {}
}
