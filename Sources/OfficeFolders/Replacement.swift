import CLinux
import Glibc
import OfficeCore

/// What may happen to a file that has the name already.
package enum Replacement: Sendable, Hashable {
    /// Nothing: `.exists`.
    case never
    /// It is replaced, unless it is a folder.
    case always
    /// It is replaced where it is still as it was seen; else, or where it is gone, `.changed`.
    case ifUnchanged(FileIdentity)
}

/// One name in one open directory.
struct Place {
    let directory: Descriptor
    let name: FileName

    init(_ directory: Descriptor, _ name: FileName) {
        self.directory = directory
        self.name = name
    }

    init(_ place: (directory: Descriptor, name: FileName)) { self.init(place.directory, place.name) }

    /// Gives what is here the name `to`, atomically: at no moment is there neither the old nor the new.
    /// `from` and `what` are for errors: what is moved, and where to.
    func rename(to: Place, replacing: Replacement, from: String, _ what: String) throws(OfficeError) {
        switch replacing {
        case .never: try renameAside(to, from, what)
        case .always: try check(rename(to, flags: 0), to, from, what)
        case .ifUnchanged(let identity): try exchange(to, identity, from, what)
        }
    }

    /// renameat2(2) with RENAME_NOREPLACE, or what does the same on file systems without it.
    private func renameAside(_ to: Place, _ from: String, _ what: String) throws(OfficeError) {
        let outcome = rename(to, flags: Flag.noReplace)
        guard outcome.errno == EINVAL else { return try check(outcome, to, from, what) }
        guard let status = try directory.look(at: name, from) else { throw OfficeError(errno: ENOENT, from) }
        if status.isDirectory {
            // mkdir claims the name, and a rename may replace an empty directory: nobody else's is replaced.
            let claim = to.name.call { mkdirat(to.directory.number, $0, 0o700) }
            guard claim.succeeded else { throw claim.error(what) }
            let moved = rename(to, flags: 0)
            if !moved.succeeded { _ = to.name.call { unlinkat(to.directory.number, $0, AT_REMOVEDIR) } }
            return try check(moved, to, from, what)
        }
        let linked = name.withCString { old in
            to.name.call { linkat(directory.number, old, to.directory.number, $0, 0) }
        }
        guard linked.succeeded else { throw linked.error(what) }
        try directory.unlink(name, from)
    }

    /// Compares and swaps: what had the name is exchanged for the new, looked at, and put back where it is not
    /// what was to be replaced.
    private func exchange(
        _ to: Place, _ identity: FileIdentity, _ from: String, _ what: String
    ) throws(OfficeError) {
        guard let there = try to.directory.look(at: to.name, what), FileIdentity(there) == identity else {
            throw .changedMeanwhile(what)
        }
        let swapped = rename(to, flags: Flag.exchange)
        if swapped.errno == EINVAL {
            // No exchange on this file system: the look before has to do.
            return try check(rename(to, flags: 0), to, from, what)
        }
        if swapped.errno == ENOENT { throw .changedMeanwhile(what) }
        try check(swapped, to, from, what)
        guard let old = try directory.look(at: name, from), FileIdentity(old).isSameContent(as: identity) else {
            try check(rename(to, flags: Flag.exchange), to, from, what)
            throw .changedMeanwhile(what)
        }
        try directory.unlink(name, from)
    }

    private func rename(_ to: Place, flags: UInt32) -> Outcome {
        name.withCString { old in
            to.name.call { os_renameat2(directory.number, old, to.directory.number, $0, flags) }
        }
    }

    private func check(_ outcome: Outcome, _ to: Place, _ from: String, _ what: String) throws(OfficeError) {
        switch outcome.errno {
        case 0: return
        case EXDEV: throw OfficeError(.cannotCreate, what, "it is on another file system than \(from)")
        case EINVAL: throw OfficeError(.cannotCreate, what, "a folder can't be moved into itself")
        case EISDIR, ENOTEMPTY, ENOTDIR: throw .occupied(what)
        case ENOENT: throw OfficeError(errno: ENOENT, from)
        default: throw outcome.error(what)
        }
    }
}

extension OfficeError {
    static func changedMeanwhile(_ what: String) -> OfficeError {
        OfficeError(
            .changed, what, "it was changed or removed meanwhile", mend: "Look at it, and run the same again.")
    }
}
