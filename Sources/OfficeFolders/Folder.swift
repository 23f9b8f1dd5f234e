import CLinux
import Glibc
package import OfficeCore

/// A directory handle, beneath which everything is resolved: the only way to a user's files.
///
/// Every path is resolved by the kernel with `openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)`: no name, link
/// or race leads out of the folder. Links that stay inside are followed on the way; whether the last component
/// may be a link is said by each verb. Names of officeshare's own temporaries are reached by no path.
///
/// All methods block (call them on a thread of their own, never on the cooperative pool) and may be called from
/// any thread. The path is what errors speak of; the layer that knows more says `error.about(...)`.
package final class Folder: Sendable {
    /// O_PATH: names the folder, and needs no right to read it.
    let handle: Descriptor
    /// Where it was opened, where that is an absolute path.
    private let origin: [UInt8]?
    /// Who owns it, for what a daemon run as root creates in it.
    let owner: Owner
    /// Where its temporaries are, and by way of which names change: nil, as for all but stores that several machines
    /// write to, in the folder they are for. See `staged(in:)`.
    package let staging: Folder?
    /// Its files are replaced and never written to: while one is open its content stays, whatever befalls its names.
    let replacesWhole: Bool

    /// Opens the directory at `path`, absolute or relative to the working directory; links on the way are followed.
    package init(at path: [UInt8]) throws(OfficeError) {
        let what = escapedForTerminal(path)
        guard !path.isEmpty, !path.contains(0) else {
            throw OfficeError(.malformed, what, "this can't be the path of a folder")
        }
        let outcome = path.withTerminated { bytes in
            Outcome.of { os_openat(AT_FDCWD, bytes, Flag.path | O_DIRECTORY | O_CLOEXEC, 0) }
        }
        guard outcome.succeeded else {
            if outcome.errno == ENOTDIR { throw OfficeError(.notFound, what, "it is not a folder") }
            throw outcome.error(what)
        }
        handle = Descriptor(owning: Int32(outcome.value))
        owner = Owner(try handle.status(what))
        origin = path.first == UInt8(ascii: "/") ? path : nil
        staging = nil
        replacesWhole = false
    }

    /// A folder that is known by its handle alone.
    init(root: Descriptor, _ what: String, replacesWhole: Bool = false) throws(OfficeError) {
        self.replacesWhole = replacesWhole
        handle = root
        owner = Owner(try root.status(what))
        origin = nil
        staging = nil
    }

    /// The same folder, with another staging folder.
    init(_ other: Folder, staging: Folder) {
        handle = other.handle
        owner = other.owner
        origin = other.origin
        replacesWhole = other.replacesWhole
        self.staging = staging
    }

    /// The folder at `path` as a root of its own: nothing beneath it leads out of it any more.
    ///
    /// - Parameter replacesWhole: Whoever has it replaces its files and never writes to one.
    package func subfolder(_ path: RelativePath, replacesWhole: Bool = false) throws(OfficeError) -> Folder {
        try Folder(
            root: try resolve(path, flags: Flag.path | O_DIRECTORY), path.what, replacesWhole: replacesWhole)
    }

    /// What is known of the folder itself, now.
    package func status() throws(OfficeError) -> FolderStatus {
        let status = try handle.status(RelativePath.root.what)
        var space = statvfs()
        let outcome = Outcome.of { fstatvfs(handle.number, &space) }
        guard outcome.succeeded else { throw outcome.error(RelativePath.root.what) }
        return FolderStatus(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), userID: status.st_uid,
            groupID: status.st_gid, isLinked: status.st_nlink > 0 && isInPlace(status),
            freeBytes: Int64(clamping: UInt64(space.f_bavail) * UInt64(space.f_frsize)))
    }

    /// Whether the path that the folder was opened at still leads to it. Where none is known, it does.
    private func isInPlace(_ status: stat) -> Bool {
        guard let origin else { return true }
        var there = stat()
        let outcome = origin.withTerminated { path in Outcome.of { stat(path, &there) } }
        // Where it can't be looked at (EACCES on the way), nothing says that it is gone.
        guard outcome.succeeded else { return outcome.errno != ENOENT && outcome.errno != ENOTDIR }
        return Descriptor.same(status, there)
    }

    /// What is at `path`; a link is not followed.
    ///
    /// `.notFound` where nothing is there or it is one of officeshare's temporaries, `.notAllowed` where it is
    /// neither file nor folder nor link.
    package func entry(_ path: RelativePath) throws(OfficeError) -> Entry {
        let node = try resolve(path, flags: Flag.path | O_NOFOLLOW)
        let status = try node.status(path.what)
        // Of a handle of a link, the empty name is the link itself (readlinkat(2)).
        let target = status.isLink ? "".withCString { readLink(node.number, $0).target } : nil
        guard let entry = Entry(path: path, status: status, target: target) else { throw .special(path.what) }
        return entry
    }

    /// What tells this state of the file at `path` from another; of a link its own.
    package func identity(_ path: RelativePath) throws(OfficeError) -> FileIdentity {
        FileIdentity(try resolve(path, flags: Flag.path | O_NOFOLLOW).status(path.what))
    }

    /// The entries of the folder at `path`, as a stream.
    package func list(_ path: RelativePath) throws(OfficeError) -> DirectoryListing {
        DirectoryListing(try directory(path), what: path.what)
    }

    /// Opens the regular file at `path` for reading, through links that stay inside.
    ///
    /// What it is is looked at before it is opened, so that a FIFO doesn't wait for, or wake, its writer, and no
    /// device is touched.
    package func open(_ path: RelativePath) throws(OfficeError) -> ReadableFile {
        for _ in 0..<Self.attempts {
            let seen = try resolve(path, flags: Flag.path).status(path.what)
            guard seen.isRegular else { throw .notAFile(seen, path.what) }
            let file = try resolve(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
            let status = try file.status(path.what)
            // Another one took its place in between: look again.
            if Descriptor.same(seen, status) {
                return ReadableFile(file, status, what: path.what, isReplacedWhole: replacesWhole)
            }
        }
        throw .unstable(path.what)
    }

    /// Makes what happened to the names in the folder at `path` survive a power cut.
    package func sync(_ path: RelativePath) throws(OfficeError) {
        try directory(path).synchronise(path.what)
    }
}

/// What is known of a folder itself.
package struct FolderStatus: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    package let userID: UInt32
    package let groupID: UInt32
    /// Whether it is still there: neither removed, nor replaced by another one at the path it was opened at.
    package let isLinked: Bool
    /// Bytes that this process may still write there.
    package let freeBytes: Int64
}

extension Entry {
    /// nil for what is neither file nor folder nor link: sockets, FIFOs and devices are not shared.
    init?(path: RelativePath, status: stat, target: [UInt8]?) {
        let kind: Kind
        if status.isRegular {
            kind = .file
        } else if status.isDirectory {
            kind = .directory
        } else if status.isLink {
            kind = .symlink
        } else {
            return nil
        }
        self.init(
            path: path, kind: kind, size: kind == .directory ? 0 : Int64(status.st_size), modified: status.modified,
            executable: kind == .directory || (kind == .file && status.isExecutable), target: target)
    }
}

extension OfficeError {
    static func special(_ what: String) -> OfficeError {
        OfficeError(.notAllowed, what, "it is a device, a pipe or a socket, and those are not shared")
    }

    static func notAFile(_ status: stat, _ what: String) -> OfficeError {
        status.isDirectory
            ? OfficeError(.notAllowed, what, "it is a folder, not a file")
            : status.isLink ? .leadsOut(what) : .special(what)
    }
}
