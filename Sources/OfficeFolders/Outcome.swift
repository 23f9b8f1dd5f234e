import Glibc
import OfficeCore

/// What a system call answered: its value, and `errno` taken at once, before anything else could change it.
struct Outcome {
    var value: Int
    /// 0 where the call succeeded.
    var errno: Int32

    var succeeded: Bool { errno == 0 }

    /// Makes the call, again for as long as signals interrupt it.
    static func of(_ call: () -> some FixedWidthInteger) -> Outcome {
        while true {
            let value = Int(call())
            guard value < 0 else { return Outcome(value: value, errno: 0) }
            let code = Glibc.errno
            if code != EINTR { return Outcome(value: value, errno: code) }
        }
    }

    /// The failure, said of `what`.
    func error(_ what: String) -> OfficeError { OfficeError(errno: errno, what) }
}

extension FileName {
    /// A system call that takes this name, relative to a directory handle.
    func call(_ body: (UnsafePointer<CChar>) -> some FixedWidthInteger) -> Outcome {
        withCString { name in Outcome.of { body(name) } }
    }
}

extension RelativePath {
    /// A system call that takes this path, to be resolved beneath a directory handle.
    func call(_ body: (UnsafePointer<CChar>) -> some FixedWidthInteger) -> Outcome {
        withCString { path in Outcome.of { body(path) } }
    }

    /// How errors name it: the folder itself is `.`.
    var what: String { isRoot ? "." : description }
}

extension OfficeError {
    /// What an `errno` means to a person, as errno(3) and the pages of the calls used here have it.
    init(errno code: Int32, _ what: String) {
        self =
            switch code {
            case ENOENT, ENOTDIR:
                OfficeError(.notFound, what, "there is no such file or folder")
            case EACCES, EPERM:
                OfficeError(.notAllowed, what, "access to it is denied here", mend: "Its owner can give access to it.")
            case EEXIST:
                .occupied(what)
            case ENOTEMPTY:
                OfficeError(.exists, what, "the folder is not empty")
            case EISDIR:
                OfficeError(.exists, what, "it is a folder")
            case EROFS:
                OfficeError(.notAllowed, what, "its file system is mounted read-only")
            case EXDEV, ELOOP:
                .leadsOut(what)
            case ENAMETOOLONG:
                OfficeError(.malformed, what, "the name is longer than its file system allows")
            case ENOSPC, EDQUOT:
                OfficeError(
                    .noSpace, what, code == EDQUOT ? "the disk quota is used up" : "the disk is full",
                    mend: "Free some space there and run the same again: it goes on where it stopped.")
            case EFBIG:
                OfficeError(.cannotCreate, what, "the file is larger than its file system allows")
            case EMFILE, ENFILE:
                OfficeError(
                    .limit, what, "too many files are open",
                    mend: "Run the same again when less is under way, or raise LimitNOFILE= of the service.")
            case ENOMEM:
                OfficeError(.limit, what, "memory is short", mend: "Run the same again when less is under way.")
            case ESTALE:
                OfficeError(
                    .temporary, what, "what it was in is gone, by another machine's hand", mend: "Run the same again.")
            case ENOTCONN, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH:
                OfficeError(
                    .unavailable, what, "its file system can't reach the machines that hold it",
                    mend: "Run the same again when they can be reached.")
            case EAGAIN, EBUSY, ETXTBSY:
                OfficeError(.temporary, what, "it is in use", mend: "Run the same again in a moment.")
            case EINVAL, EOPNOTSUPP:
                OfficeError(.cannotCreate, what, "its file system can't do this")
            default:
                OfficeError(.io, what, String(cString: strerror(code)))
            }
    }

    static func occupied(_ what: String) -> OfficeError {
        OfficeError(.exists, what, "something of that name is there already")
    }

    static func leadsOut(_ what: String) -> OfficeError {
        OfficeError(.notAllowed, what, "a link on the way leads out of the shared folder")
    }

    static func unstable(_ what: String) -> OfficeError {
        OfficeError(
            .temporary, what, "it is being changed at this very moment", mend: "Run the same again in a moment.")
    }
}
