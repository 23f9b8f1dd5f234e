package import OfficeCore
package import OfficeFolders

/// What a local file was when it and a file of the office were the same: what an edit of it is made from.
///
/// It is noted on the file (`user.officeshare.base`) when it comes from the office or has gone there, and sent along
/// when it goes there again: so the file server knows whether anybody else has changed the file meanwhile. Where the
/// note is lost nothing is known, and nothing is replaced without being asked to. See `docs/decisions/0007`.
struct EditBase: Equatable {
    fileprivate static let attribute = "user.officeshare.base"
    private static let version = "1"

    let root: ContentRoot
    let size: Int64
    let modified: FileTime
    /// `office/SPACE/PATH`: of another path it says nothing.
    let path: [UInt8]

    /// `1 ROOT SIZE SECONDS NANOSECONDS PATH`.
    var bytes: [UInt8] {
        Array("\(Self.version) \(root) \(size) \(modified.seconds) \(modified.nanoseconds) ".utf8) + path
    }

    init(root: ContentRoot, size: Int64, modified: FileTime, path: [UInt8]) {
        self.root = root
        self.size = size
        self.modified = modified
        self.path = path
    }

    /// nil of what is no such note: anybody may have written it.
    init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: UInt8(ascii: " "), maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].elementsEqual(Self.version.utf8) else { return nil }
        let texts = parts[1...4].map { String(decoding: $0, as: UTF8.self) }
        guard let root = try? ContentRoot(hex: texts[0]), let size = Int64(texts[1]), let seconds = Int64(texts[2]),
            let nanoseconds = Int32(texts[3])
        else { return nil }
        self.init(
            root: root, size: size, modified: FileTime(seconds: seconds, nanoseconds: nanoseconds),
            path: Array(parts[5]))
    }

    /// Whether files of the place have bases: the office's own do, peers' shares don't.
    static func isKept(at place: RemotePlace) -> Bool { place.node.description == Label.office }

    /// What an edit of the local file is made from; nil where that isn't known, or the file is as it was.
    static func ofEdit(_ entry: Entry, in folder: Folder, at path: RelativePath, for place: RemotePlace) -> ContentRoot?
    {
        guard let noted = try? folder.open(path).attribute(attribute), let base = EditBase(noted),
            base.path == place.bytes, base.size != entry.size || base.modified != entry.modified
        else { return nil }
        return base.root
    }

    /// Notes it on the file at `path`, where that can be.
    func note(on path: RelativePath, in folder: Folder) {
        guard let file = try? folder.open(path) else { return }
        file.setAttribute(Self.attribute, bytes)
    }
}

/// The note of a file's base, for who hands the file on to be put later.
package enum EditNote {
    /// What is noted on a file of this machine; nil where nothing is.
    package static func read(on file: [UInt8]) -> [UInt8]? {
        let slash = UInt8(ascii: "/")
        let parts = file.split(separator: slash)
        guard let name = parts.last else { return nil }
        let parent = file.dropLast(name.count)
        guard file.last != slash, let folder = try? Folder(at: parent.isEmpty ? [UInt8(ascii: ".")] : Array(parent)),
            let path = try? RelativePath([try FileName(Array(name))])
        else { return nil }
        return try? folder.open(path).attribute(EditBase.attribute)
    }

    package static func write(_ note: [UInt8], on path: RelativePath, in folder: Folder) {
        EditBase(note)?.note(on: path, in: folder)
    }
}

extension RemotePlace {
    /// `NODE/SHARE/PATH`, exactly.
    fileprivate var bytes: [UInt8] { OfficePath(node: node, share: share, path: path).bytes }

    /// The content is there now, as it is here.
    func base(_ root: ContentRoot, size: Int64, modified: FileTime) -> EditBase {
        EditBase(root: root, size: size, modified: modified, path: bytes)
    }

    /// What is below it.
    func below(_ path: RelativePath) throws(OfficeError) -> RemotePlace {
        RemotePlace(node: node, share: share, path: try self.path.appending(path))
    }
}
