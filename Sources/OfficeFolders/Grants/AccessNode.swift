import CLinux
import Glibc
import OfficeCore

/// One file or folder, by a handle, and its access lists.
struct AccessNode {
    let handle: Descriptor
    let status: stat
    let what: String

    init(_ handle: Descriptor, _ what: String) throws(OfficeError) {
        self.handle = handle
        status = try handle.status(what)
        self.what = what
    }

    private static let access = "system.posix_acl_access"
    private static let defaults = "system.posix_acl_default"
    /// Bytes of the longest list that is read: some thousand entries.
    private static let capacity = 64 << 10

    /// Who may use it. Where it has no list of its own, its mode says it.
    func accessList() throws(OfficeError) -> AccessList {
        try read(Self.access) ?? AccessList(mode: status.st_mode)
    }

    /// What is made in this folder begins with this; nil where nothing is said.
    func defaultList() throws(OfficeError) -> AccessList? {
        status.isDirectory ? try read(Self.defaults) : nil
    }

    func setAccess(_ list: AccessList) throws(OfficeError) { try write(Self.access, list) }

    func setDefault(_ list: AccessList?) throws(OfficeError) {
        if let list { return try write(Self.defaults, list) }
        let outcome = path.withCString { path in Outcome.of { os_removexattr(path, Self.defaults) } }
        guard outcome.succeeded || outcome.errno == ENODATA else { throw failure(outcome) }
    }

    /// A handle that only names a file can't be given to fsetxattr, its name in /proc can to setxattr (open(2),
    /// O_PATH); the kernel goes from there straight to the file.
    private var path: String { "/proc/self/fd/\(handle.number)" }

    private func read(_ attribute: String) throws(OfficeError) -> AccessList? {
        var outcome = Outcome(value: 0, errno: 0)
        // Most files have none: asked for without a buffer first.
        outcome = path.withCString { path in Outcome.of { os_getxattr(path, attribute, nil, 0) } }
        if outcome.errno == ENODATA || outcome.errno == EOPNOTSUPP { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.capacity) { buffer, count in
            outcome = path.withCString { path in
                Outcome.of { os_getxattr(path, attribute, buffer.baseAddress, buffer.count) }
            }
            count = max(0, outcome.value)
        }
        if outcome.errno == ENODATA { return nil }
        guard outcome.succeeded else { throw failure(outcome) }
        guard let list = AccessList(attribute: bytes) else {
            throw OfficeError(.io, what, "its access control list can't be understood")
        }
        return list
    }

    private func write(_ attribute: String, _ list: AccessList) throws(OfficeError) {
        let bytes = list.attribute
        let outcome = path.withCString { path in
            Outcome.of { os_setxattr(path, attribute, bytes, bytes.count) }
        }
        guard outcome.succeeded else { throw failure(outcome) }
    }

    private func failure(_ outcome: Outcome) -> OfficeError {
        guard outcome.errno == EOPNOTSUPP else { return outcome.error(what) }
        return OfficeError(
            .cannotCreate, what, "its file system has no access control lists",
            mend: "Share a folder on ext4, XFS or Btrfs, or let everyone read it.")
    }
}

extension Folder {
    /// What is called `name` in an open directory, itself; nil where it is gone or neither file nor folder.
    static func node(
        _ name: FileName, in directory: Descriptor, _ what: String
    ) throws(OfficeError) -> AccessNode? {
        let flags = UInt64(UInt32(bitPattern: Flag.path | O_NOFOLLOW | O_CLOEXEC))
        let outcome = name.call {
            os_openat2(directory.number, $0, flags, 0, os_RESOLVE_BENEATH() | os_RESOLVE_NO_SYMLINKS())
        }
        if outcome.errno == ENOENT { return nil }
        guard outcome.succeeded else { throw outcome.error(what) }
        let node = try AccessNode(Descriptor(owning: Int32(outcome.value)), what)
        return node.status.isRegular || node.status.isDirectory ? node : nil
    }
}
