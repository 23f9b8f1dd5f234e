import Glibc
import OfficeCore
import OfficeFolders

/// A place in this machine's own file system, as the user named it: reached by a handle on its folder and names
/// beneath it, so that no path is ever put together and opened.
struct LocalPlace: Sendable {
    let folder: Folder
    /// Beneath `folder`: one name, or the folder itself.
    let path: RelativePath
    /// As the user wrote it.
    let name: String

    /// What stands at `bytes` or could be made there; its folder has to exist. Blocking.
    ///
    /// A final link is not followed, unless it leads to a folder and `following` says so.
    init(_ bytes: [UInt8], followingFolders: Bool) throws(OfficeError) {
        name = escapedForTerminal(bytes)
        let (parent, last) = try Self.split(bytes)
        guard let last else {
            folder = try Folder(at: bytes)
            path = .root
            return
        }
        do throws(OfficeError) {
            let folder = try Folder(at: parent)
            let path = try RelativePath([last])
            if followingFolders, try Self.entry(path, in: folder)?.kind == .symlink,
                let target = try? Folder(at: bytes)
            {
                self.folder = target
                self.path = .root
            } else {
                self.folder = folder
                self.path = path
            }
        } catch {
            throw error.code == .notFound
                ? OfficeError(.cannotCreate, name, "the folder it is to be in does not exist") : error.about(name)
        }
    }

    /// The folder's path and the last name; no name where the path is `/` or ends in `.` or `..`, which are
    /// folders that exist.
    private static func split(_ bytes: [UInt8]) throws(OfficeError) -> (parent: [UInt8], last: FileName?) {
        let slash = UInt8(ascii: "/")
        var trimmed = bytes[...]
        while trimmed.count > 1, trimmed.last == slash { trimmed.removeLast() }
        let last = trimmed.split(separator: slash, omittingEmptySubsequences: false).last ?? []
        if last.isEmpty || last.elementsEqual(".".utf8) || last.elementsEqual("..".utf8) { return ([], nil) }
        let parent = Array(trimmed.dropLast(last.count))
        return (parent.isEmpty ? Array(".".utf8) : parent, try FileName(last))
    }

    /// A source: what stands at `bytes`, and with `followingLinks` what a link there leads to in the end.
    static func source(_ bytes: [UInt8], followingLinks: Bool) throws(OfficeError) -> LocalPlace {
        var bytes = bytes
        for _ in 0..<40 {
            let place: LocalPlace
            do throws(OfficeError) {
                place = try LocalPlace(bytes, followingFolders: false)
            } catch  where error.code == .cannotCreate {
                throw OfficeError(.notFound, error.what, "there is no such file or folder")
            }
            guard let entry = try place.entry() else {
                throw OfficeError(.notFound, place.name, "there is no such file or folder")
            }
            guard followingLinks, let target = entry.target else { return place }
            bytes = target.first == UInt8(ascii: "/") ? target : try split(bytes).parent + [UInt8(ascii: "/")] + target
        }
        throw OfficeError(.notFound, escapedForTerminal(bytes), "its symlinks lead nowhere")
    }

    /// Names an upload of this to the receiver, the same in every run and no one else's: by machine, user, folder
    /// and name, hashed.
    func uploadKey(to destination: RemotePlace, pool: WorkPool) async throws -> String {
        let place = self
        return try await pool.run {
            let status = try place.folder.status()
            let machine = Self.machine()
            let text = "\(machine)/\(status.device)/\(status.inode)/\(destination)/"
            return Digest256.of(Array(text.utf8) + place.path.bytes).hex
        }
    }

    /// This machine and user, in a word.
    private static func machine() -> String {
        var name = utsname()
        uname(&name)
        let node = withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "\(node)/\(geteuid())"
    }

    static func entry(_ path: RelativePath, in folder: Folder) throws(OfficeError) -> Entry? {
        do throws(OfficeError) {
            return try folder.entry(path)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    /// What is there now; nil where nothing is.
    func entry() throws(OfficeError) -> Entry? { try Self.entry(path, in: folder) }
}
