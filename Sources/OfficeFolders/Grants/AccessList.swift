import CLinux
import Glibc

/// A POSIX access control list (acl(5)) as a value, in the form of the kernel's extended attributes.
///
/// All changes keep the effective rights of everyone but the user they are made for.
struct AccessList: Hashable, Sendable {
    /// linux/posix_acl.h: ACL_USER_OBJ and so on. The kernel wants them in this order.
    enum Tag: UInt16, Comparable {
        case owner = 0x01
        case user = 0x02
        case group = 0x04
        case namedGroup = 0x08
        case mask = 0x10
        case other = 0x20

        static func < (a: Tag, b: Tag) -> Bool { a.rawValue < b.rawValue }
        /// Whether the mask limits it.
        var isMasked: Bool { self == .user || self == .group || self == .namedGroup }
    }

    struct Entry: Hashable, Sendable {
        var tag: Tag
        /// Of a named user or group; else the kernel's ACL_UNDEFINED_ID.
        var id: UInt32
        var rights: Rights
    }

    private(set) var entries: [Entry]

    private static let noID = UInt32.max
    /// linux/posix_acl_xattr.h: POSIX_ACL_XATTR_VERSION.
    private static let version: UInt32 = 2

    /// The list that a mode's permission bits stand for.
    init(mode: mode_t) {
        func entry(_ tag: Tag, _ shift: mode_t) -> Entry {
            Entry(tag: tag, id: Self.noID, rights: Rights(rawValue: UInt16(mode >> shift & 7)))
        }
        entries = [entry(.owner, 6), entry(.group, 3), entry(.other, 0)]
    }

    /// Reads the value of `system.posix_acl_access` or `_default`; nil where it is none.
    init?(attribute bytes: [UInt8]) {
        guard bytes.count >= 4, (bytes.count - 4) % 8 == 0 else { return nil }
        func number(_ at: Int, _ count: Int) -> UInt32 {
            (0..<count).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
        }
        guard number(0, 4) == Self.version else { return nil }
        entries = []
        for at in stride(from: 4, to: bytes.count, by: 8) {
            guard let tag = Tag(rawValue: UInt16(number(at, 2))) else { return nil }
            entries.append(Entry(tag: tag, id: number(at + 4, 4), rights: Rights(rawValue: UInt16(number(at + 2, 2)))))
        }
        guard [.owner, .group, .other].allSatisfy({ tag in entries.contains { $0.tag == tag } }) else { return nil }
        sort()
    }

    /// The value of the extended attribute.
    var attribute: [UInt8] {
        func bytes(_ number: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        return entries.reduce(into: bytes(Self.version)) { out, entry in
            out += bytes(entry.tag.rawValue) + bytes(entry.rights.rawValue) + bytes(entry.id)
        }
    }

    /// Whether it says more than a mode can.
    var isExtended: Bool { entries.count > 3 }
    var namesAnyone: Bool { entries.contains { $0.tag == .user || $0.tag == .namedGroup } }

    /// What the entry of a named user says, before the mask.
    func named(_ user: UInt32) -> Rights? { entries.first { $0.tag == .user && $0.id == user }?.rights }

    private func rights(_ tag: Tag) -> Rights { entries.first { $0.tag == tag }?.rights ?? [] }
    private var mask: Rights? { entries.first { $0.tag == .mask }?.rights }

    /// Whether a user may do all of `wanted`, by the algorithm of acl(5), "Access check algorithm".
    func permits(_ wanted: Rights, _ who: Identity, _ status: stat) -> Bool {
        if who.user == status.st_uid { return rights(.owner).isSuperset(of: wanted) }
        let mask = mask ?? .all
        if let named = named(who.user) { return named.intersection(mask).isSuperset(of: wanted) }
        let groups = entries.filter { entry in
            (entry.tag == .group && who.groups.contains(status.st_gid))
                || (entry.tag == .namedGroup && who.groups.contains(entry.id))
        }
        if groups.isEmpty { return rights(.other).isSuperset(of: wanted) }
        return groups.contains { $0.rights.intersection(mask).isSuperset(of: wanted) }
    }

    /// Whether a named user has all of `wanted` by its own entry.
    func gives(_ wanted: Rights, to user: UInt32) -> Bool {
        guard let named = named(user) else { return false }
        return named.intersection(mask ?? .all).isSuperset(of: wanted)
    }

    /// What a folder's new files get by default where it has no default list: its own rights, nobody named.
    var asDefault: AccessList {
        var list = withoutMask()
        list.entries.removeAll { $0.tag == .user || $0.tag == .namedGroup }
        return list
    }

    func othersMay(_ wanted: Rights) -> Bool { rights(.other).isSuperset(of: wanted) }

    /// Lets a named user have at least `rights` (with `exactly`: neither more), effectively.
    func granting(_ rights: Rights, to user: UInt32, exactly: Bool = false) -> AccessList {
        var list = self
        let oldMask = mask ?? self.rights(.group)
        let newMask = oldMask.union(rights)
        if newMask != oldMask {
            // Wider for this user, no wider for anyone else whom the old mask limited.
            for index in list.entries.indices where list.entries[index].tag.isMasked {
                list.entries[index].rights.formIntersection(oldMask)
            }
        }
        let before = list.named(user) ?? []
        list.put(Entry(tag: .user, id: user, rights: exactly ? rights : before.union(rights)))
        list.put(Entry(tag: .mask, id: Self.noID, rights: newMask))
        return list
    }

    /// Gives a named user's entry the rights it had before, or takes it out (nil); where nobody is named any more
    /// the list becomes what a mode can say.
    func restoring(_ rights: Rights?, of user: UInt32) -> AccessList {
        var list = self
        list.entries.removeAll { $0.tag == .user && $0.id == user }
        if let rights { list.put(Entry(tag: .user, id: user, rights: rights)) }
        return list.namesAnyone ? list : list.withoutMask()
    }

    private func withoutMask() -> AccessList {
        guard let mask else { return self }
        var list = self
        list.entries.removeAll { $0.tag == .mask }
        for index in list.entries.indices where list.entries[index].tag == .group {
            list.entries[index].rights.formIntersection(mask)
        }
        return list
    }

    private mutating func put(_ entry: Entry) {
        entries.removeAll { $0.tag == entry.tag && $0.id == entry.id }
        entries.append(entry)
        sort()
    }

    private mutating func sort() { entries.sort { ($0.tag, $0.id) < ($1.tag, $1.id) } }
}

/// `rwx` of one entry.
struct Rights: OptionSet, Hashable, Sendable {
    var rawValue: UInt16

    static let execute = Rights(rawValue: 1)
    static let write = Rights(rawValue: 2)
    static let read = Rights(rawValue: 4)
    static let all: Rights = [.read, .write, .execute]
}

/// A user and the groups it is in, as the kernel sees a process of it.
struct Identity: Sendable {
    var user: UInt32
    var groups: Set<UInt32>

    /// A user by its id, with what groups the user database gives it. One that is not in it has none.
    init(user: UInt32) {
        self.user = user
        groups = []
        withAccount { account, buffer in
            var found: UnsafeMutablePointer<passwd>?
            guard let text = buffer.baseAddress else { return false }
            return getpwuid_r(user, &account, text, buffer.count, &found) == 0 && found != nil
        } _: { account in
            var list = [gid_t](repeating: 0, count: 1024)
            var count = Int32(list.count)
            guard getgrouplist(account.pw_name, account.pw_gid, &list, &count) >= 0 else { return }
            groups = Set(list.prefix(Int(count)))
        }
    }
}

/// Calls one of getpwnam_r and getpwuid_r, and hands the account to `body` where there is one.
func withAccount(
    _ look: (_ account: inout passwd, _ buffer: UnsafeMutableBufferPointer<CChar>) -> Bool, _ body: (passwd) -> Void
) {
    // The strings of an account lie in this buffer: it lives as long as `body` runs.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64 << 10) { buffer in
        var account = passwd()
        if look(&account, buffer) { body(account) }
    }
}
