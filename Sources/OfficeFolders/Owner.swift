import CLinux
import Glibc
import OfficeCore

/// Whose a folder is.
struct Owner: Sendable {
    let user: uid_t
    let group: gid_t

    init(_ status: stat) {
        user = status.st_uid
        group = status.st_gid
    }

    /// Makes a system call that creates something, so that what it creates belongs to this owner.
    ///
    /// Only root can do more than be itself. It doesn't give away by chown what it made, for by then another
    /// file could have the name: it makes the call with the owner's file rights (setfsuid(2), of this thread
    /// alone), and only where the owner may not, as root.
    func creating(_ call: () -> Outcome) -> Outcome {
        guard geteuid() == 0, user != 0 else { return call() }
        let outcome = asOwner(call)
        guard outcome.errno == EACCES || outcome.errno == EPERM else { return outcome }
        return call()
    }

    private func asOwner(_ call: () -> Outcome) -> Outcome {
        let group = os_setfsgid(self.group)
        let user = os_setfsuid(self.user)
        defer {
            os_setfsuid(uid_t(bitPattern: user))
            os_setfsgid(gid_t(bitPattern: group))
        }
        return call()
    }
}
