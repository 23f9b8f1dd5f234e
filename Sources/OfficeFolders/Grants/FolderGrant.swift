import CLinux
import Glibc
package import OfficeCore

/// Access for the service's user to a folder tree of somebody else, by POSIX access control lists, given by the
/// tree's owner (the command line runs as that) and taken back exactly.
///
/// The folder and what is in it name the service where it lacks access; every folder's default list names owner
/// and service both, so that what one of them makes later the other can use; and folders on the way to it let the
/// service pass. Nobody else's effective rights change. Only the owner of a file, or root, can do it.
///
/// All methods block. Links are not followed, and everything is done on handles.
package struct FolderGrant: Sendable {
    let service: Identity

    /// For the user that the service runs as.
    package init(service: UInt32) { self.service = Identity(user: service) }

    /// The id of a user by its name or its number; nil where there is no such user.
    package static func userID(of user: String) -> UInt32? {
        var id: UInt32?
        withAccount { account, buffer in
            var found: UnsafeMutablePointer<passwd>?
            guard let text = buffer.baseAddress else { return false }
            return getpwnam_r(user, &account, text, buffer.count, &found) == 0 && found != nil
        } _: {
            id = $0.pw_uid
        }
        return id ?? UInt32(user)
    }

    /// Gives the service access to the folder at `path` and all below it. Doing it again changes nothing.
    ///
    /// `previous` is the record of an earlier grant for the same share, which this one goes on from (also to more
    /// or less access); `others` are those of all other shares of this node, so that what they need and what was
    /// there before any of them is known.
    package func apply(
        to path: [UInt8], access: GrantAccess, previous: GrantRecord? = nil, others: [GrantRecord] = []
    ) throws(OfficeError) -> GrantOutcome {
        let folder = try Folder(at: path)
        let place = try folder.canonicalPath(escapedForTerminal(path))
        let status = try folder.handle.status(escapedForTerminal(path))
        let record = GrantRecord(
            service: service.user, owner: status.st_uid, path: percentEncoded(place), device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino), access: access, ancestors: [], exceptions: [])
        let earlier = previous?.isAbout(record) == true ? previous : nil
        var run = GrantRun(
            service: service, record: record, previous: earlier,
            others: others.filter { $0.service == service.user })
        // Root needs no list, and its own files are nobody's to give.
        if service.user != 0 { try run.apply(folder) }
        return run.outcome
    }

    /// Takes back what `record` says was given. What others need (`others`: the records of all other shares of
    /// this node) stays; so does what the service wrote, which belongs to it and which the owner can use.
    package func takeBack(
        _ record: GrantRecord, others: [GrantRecord] = []
    ) throws(OfficeError) -> [GrantChange] {
        var run = RevocationRun(record: record, others: others.filter { $0.service == record.service })
        return try run.takeBack()
    }

    /// What its owner, or root, can type where the service can't be given access otherwise.
    package func mend(_ path: [UInt8], access: GrantAccess) -> String {
        Self.mend(path, rights: access == .readOnly ? "rX" : "rwX", recursive: true, service.user)
    }

    static func mend(_ path: [UInt8], rights: String, recursive: Bool, _ user: UInt32) -> String {
        "Run: sudo setfacl \(recursive ? "-R " : "")-m u:\(user):\(rights) \(shellQuoted(path))"
    }
}

/// A word for a shell; control characters are shown, not obeyed.
private func shellQuoted(_ bytes: [UInt8]) -> String {
    let text = escapedForTerminal(bytes)
    let plain = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
    return plain
        ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}

extension GrantRecord {
    /// Whether both are of the same folder for the same service.
    fileprivate func isAbout(_ other: GrantRecord) -> Bool {
        service == other.service && path == other.path && device == other.device && inode == other.inode
    }

    func with(_ access: GrantAccess) -> GrantRecord {
        var copy = self
        copy.access = access
        return copy
    }

    /// The names of its path.
    var names: [[UInt8]] { ((try? percentDecoded(path)) ?? []).split(separator: UInt8(ascii: "/")).map { Array($0) } }
}

extension Folder {
    /// Opens a folder on the way to another, by its name alone: nothing of it is read.
    func passing(_ path: RelativePath, _ what: String) throws(OfficeError) -> Descriptor {
        do {
            return try resolve(path, flags: Flag.path | O_DIRECTORY | O_NOFOLLOW)
        } catch {
            throw error.about(what)
        }
    }

    /// The folder's absolute path without links (proc(5), /proc/pid/fd).
    func canonicalPath(_ what: String) throws(OfficeError) -> [UInt8] {
        let (outcome, path) = "/proc/self/fd/\(handle.number)".withCString { readLink(AT_FDCWD, $0) }
        guard outcome.succeeded else { throw outcome.error(what) }
        return path
    }
}
