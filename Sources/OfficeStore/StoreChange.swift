package import OfficeCore

/// One change of a store, told so that the same can be done to an equal one: what replaces something says by which name
/// that was kept, so that both keep the same versions.
package enum StoreChange: Codable, Sendable, Equatable {
    /// A file of this content (which comes behind it) has the name now; `kept`: what had it, as a version.
    case file(Label, RelativePath, size: Int64, modified: FileTime, executable: Bool, kept: String?)
    case folder(Label, RelativePath)
    case link(Label, RelativePath, target: [UInt8], kept: String?)
    case move(Label, RelativePath, to: RelativePath, kept: String?)
    /// A file, or a folder with all in it, is among the versions now.
    case removed(Label, RelativePath, as: String)
    case emptyFolderRemoved(Label, RelativePath)
    /// What another store has kept of a path (its content comes behind it, of a link its target) is kept here, too.
    case version(
        Label, RelativePath, as: String, size: Int64, modified: FileTime, executable: Bool, target: [UInt8]?)
    case modified(Label, RelativePath, FileTime)
    case executable(Label, RelativePath, Bool)
    case conflict(Label, Conflict)
    /// A space is there, or has another list or quota.
    case space(SpaceRecord)
    case spaceRemoved(Label)
    case users([UserAccount])

    /// Bytes of content that come behind it.
    package var contentBytes: Int64 {
        switch self {
        case .file(_, _, let size, _, _, _), .version(_, _, _, let size, _, _, nil): size
        default: 0
        }
    }

    /// Names that have another content afterwards.
    var contents: [ChangeFeed.Touched]? {
        switch self {
        case .file(let space, let path, _, _, _, _): [.init(space: space, path: path)]
        case .move(let space, _, let to, _): [.init(space: space, path: to)]
        default: nil
        }
    }
}
