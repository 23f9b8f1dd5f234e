import CLinux
import Glibc
import OfficeCore
import OfficeFolders

/// Every way in which a path reaches a file: what is tried on hostile ones is tried on each.
enum Verb: String, CaseIterable, Sendable {
    case subfolder, entry, list, open, sync
    case makeDirectory, makeSymlink, replaceWithSymlink
    case moveFrom, moveTo, exchangeTo
    case remove, removeTree
    case setModified, setExecutable
    case partial, discardPartial, commit, commitOver

    /// Does it, with `spare` (a path of an own file) as the other end where there are two.
    func perform(_ folder: Folder, _ path: RelativePath, spare: RelativePath) throws {
        switch self {
        case .subfolder: _ = try folder.subfolder(path).list(.root).all()
        case .entry: _ = try folder.entry(path)
        case .list: _ = try folder.list(path).all()
        case .open: _ = try folder.open(path).text()
        case .sync: try folder.sync(path)
        case .makeDirectory: try folder.makeDirectory(path)
        case .makeSymlink: try folder.makeSymlink(path, target: Array("t".utf8))
        case .replaceWithSymlink: try folder.makeSymlink(path, target: Array("t".utf8), replacing: .always)
        case .moveFrom: try folder.move(path, to: spare, replacing: .always)
        case .moveTo: try folder.move(spare, to: path, replacing: .always)
        case .exchangeTo:
            let identity = FileIdentity(device: 1, inode: 1, size: 1, modified: .now, changed: .now)
            try folder.move(spare, to: path, replacing: .ifUnchanged(identity))
        case .remove: try folder.remove(path, recursive: false)
        case .removeTree: try folder.remove(path, recursive: true)
        case .setModified: try folder.setModified(path, FileTime(seconds: 1, nanoseconds: 1))
        case .setExecutable: try folder.setExecutable(path, true)
        case .partial: try folder.partial(for: path, key: "verb").close()
        case .discardPartial: try folder.discardPartial(for: path, key: "verb")
        case .commit, .commitOver:
            let partial = try folder.partial(for: path, key: "verb")
            defer { partial.close() }
            try partial.write("written")
            try partial.appendJournal([1])
            try partial.commit(
                modified: .now, executable: true, replacing: self == .commit ? .never : .always, durableDirectory: false
            )
        }
    }
}

/// What would tell that something outside of the share was read, written or changed: of each path its inode,
/// mode, size and all three times (the file system notes the first read after a change), and in the end its
/// contents and names.
struct Canaries {
    private let paths: [String]
    private let before: [String]

    init(_ paths: [String]) {
        self.paths = paths
        before = paths.map(Self.state)
    }

    /// Those that are not as they were.
    var touched: [String] { zip(paths, before).filter { Self.state($0) != $1 }.map(\.0) }

    private static func state(_ path: String) -> String {
        var status = stat()
        guard lstat(path, &status) == 0 else { return "gone" }
        let times = [status.st_atim, status.st_mtim, status.st_ctim].map { "\($0.tv_sec).\($0.tv_nsec)" }
        return "\(status.st_ino) \(status.st_mode) \(status.st_nlink) \(status.st_size) \(times)"
    }
}
