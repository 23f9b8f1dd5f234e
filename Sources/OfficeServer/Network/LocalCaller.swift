import CLinux
import OfficeCore

#if canImport(Glibc)
    import Glibc
#endif

/// Who calls on the control socket, as the kernel tells it.
struct LocalCaller: CountedCaller, Hashable {
    /// Membership of this group lets people manage the node.
    static let managingGroup = "officeshare"
    /// Supplementary groups that are read of a caller.
    private static let mostGroups: Int32 = 4096

    var userID: UInt32
    /// The account's name, or the number where there is none.
    var userName: String
    /// Whether this caller manages the node: root, the daemon's own user, or a member of the group.
    var manages: Bool

    init(userID: UInt32, userName: String, manages: Bool) {
        self.userID = userID
        self.userName = userName
        self.manages = manages
    }

    /// Reads SO_PEERCRED and SO_PEERGROUPS of a connected socket; nil where the kernel doesn't tell.
    ///
    /// SO_PEERCRED has no supplementary groups, and looking them up by name would tell what the account has, not
    /// what this process has.
    init?(ofSocket descriptor: CInt) {
        var process: pid_t = 0
        var user: uid_t = 0
        var group: gid_t = 0
        guard os_peercred(descriptor, &process, &user, &group) == 0 else { return nil }
        var groups = [gid_t](repeating: 0, count: Int(Self.mostGroups))
        let count = os_peergroups(descriptor, &groups, Self.mostGroups)
        let managers = Account.groupID(named: Self.managingGroup)
        let belongs = managers.map { $0 == group || groups.prefix(max(0, Int(count))).contains($0) } ?? false
        self.init(
            userID: user, userName: Account.userName(of: user) ?? String(user),
            manages: user == 0 || user == geteuid() || belongs)
    }
}

/// The account database: getpwuid_r(3), getpwnam_r(3), getgrnam_r(3).
enum Account {
    private static let bufferSize = 16 << 10

    static func userName(of user: UInt32) -> String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
            guard let base = buffer.baseAddress, getpwuid_r(user, &entry, base, bufferSize, &found) == 0, found != nil,
                let name = entry.pw_name
            else { return nil }
            return String(cString: name)
        }
    }

    static func userID(named name: String) -> UInt32? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
            guard let base = buffer.baseAddress, getpwnam_r(name, &entry, base, bufferSize, &found) == 0, found != nil
            else { return nil }
            return entry.pw_uid
        }
    }

    static func groupID(named name: String) -> gid_t? {
        var entry = group()
        var found: UnsafeMutablePointer<group>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
            guard let base = buffer.baseAddress, getgrnam_r(name, &entry, base, bufferSize, &found) == 0, found != nil
            else { return nil }
            return entry.gr_gid
        }
    }
}
