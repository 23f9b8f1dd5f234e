import CLinux
import Glibc
import Testing

@testable import OfficeFolders

@Suite("Access control lists as values")
struct AccessListTests {
    private func status(_ owner: UInt32, _ group: UInt32) -> stat {
        var status = stat()
        status.st_uid = owner
        status.st_gid = group
        return status
    }

    @Test(
        "A grant widens the mask for nobody else, and taking it back leaves what was there",
        arguments: [0o600, 0o640, 0o644, 0o755, 0o770])
    func roundTrip(mode: mode_t) {
        let before = AccessList(mode: mode)
        let granted = before.granting([.read, .write], to: 7)
        let status = status(1, 2)
        #expect(granted.permits([.read, .write], Identity(user: 7), status))
        for rights in [Rights.read, .write, .execute] {
            var member = Identity(user: 99)
            #expect(granted.permits(rights, member, status) == before.permits(rights, member, status))
            member.groups = [2]
            #expect(granted.permits(rights, member, status) == before.permits(rights, member, status))
        }
        #expect(granted.restoring(nil, of: 7) == before)
        #expect(AccessList(attribute: granted.attribute) == granted)
        #expect(granted.granting([.read, .write], to: 7) == granted)
    }

    @Test("Whom a mask limited stays limited when it is widened")
    func mask() throws {
        // user::rw-, user:8:rwx, group::r-x, mask::---, other::---: a private file moved into a shared folder.
        var list = AccessList(mode: 0o650).granting(.all, to: 8)
        list = try #require(AccessList(attribute: list.attribute.replacingMask(with: 0)))
        let granted = list.granting(.read, to: 7)
        #expect(granted.permits(.read, Identity(user: 7), status(1, 2)))
        #expect(!granted.permits(.read, Identity(user: 8), status(1, 2)))
    }

    @Test(
        "What is no access list is refused",
        arguments: [[], [2, 0, 0, 0], [1, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0], [2, 0, 0, 0, 1]])
    func malformed(bytes: [UInt8]) {
        #expect(AccessList(attribute: bytes) == nil)
    }
}

extension [UInt8] {
    /// The attribute's bytes with other rights in its mask entry (tag 0x10).
    fileprivate func replacingMask(with rights: UInt8) -> [UInt8] {
        var copy = self
        for at in stride(from: 4, to: count, by: 8) where copy[at] == 0x10 { copy[at + 2] = rights }
        return copy
    }
}
