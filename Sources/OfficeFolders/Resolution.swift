import CLinux
import Glibc
import OfficeCore

// How a path becomes a handle. Nothing else in the house turns names of a share into descriptors.

extension Folder {
    /// How often a resolution is tried again that raced a rename (openat2(2), EAGAIN).
    static let attempts = 256
    private static let staleAttempts = 4

    /// Opens `path` beneath the folder. `flags` say whether a link at the end is followed (O_NOFOLLOW).
    func resolve(_ path: RelativePath, flags: Int32) throws(OfficeError) -> Descriptor {
        guard !path.isReserved else { throw OfficeError(errno: ENOENT, path.what) }
        let plain = beneath(path, flags: flags, resolve: os_RESOLVE_NO_SYMLINKS())
        if plain.succeeded { return Descriptor(owning: Int32(plain.value)) }
        guard plain.errno == ELOOP else { throw plain.error(path.what) }
        // A link on the way. Where it leads is the kernel's business, but a name of a temporary could hide in it.
        let linked = beneath(path, flags: flags, resolve: 0)
        guard linked.succeeded else { throw linked.error(path.what) }
        let descriptor = Descriptor(owning: Int32(linked.value))
        guard reachesNoTemporary(descriptor) else { throw OfficeError(errno: ENOENT, path.what) }
        return descriptor
    }

    /// Opens the directory at `path` for removing what is in it: by no link, into no other file system, and
    /// temporaries too. nil where there is no such directory (any more).
    func descend(_ path: RelativePath, flags: Int32, _ what: String) throws(OfficeError) -> Descriptor? {
        let outcome = beneath(
            path, flags: flags | O_DIRECTORY | O_NOFOLLOW, resolve: os_RESOLVE_NO_SYMLINKS() | os_RESOLVE_NO_XDEV())
        switch outcome.errno {
        case 0: return Descriptor(owning: Int32(outcome.value))
        case ENOENT, ENOTDIR, ELOOP: return nil
        case EXDEV: throw .mountPoint(what)
        default: throw outcome.error(what)
        }
    }

    private func beneath(_ path: RelativePath, flags: Int32, resolve: UInt64) -> Outcome {
        let flags = UInt64(UInt32(bitPattern: flags | O_CLOEXEC))
        let resolve = resolve | os_RESOLVE_BENEATH() | os_RESOLVE_NO_MAGICLINKS()
        var outcome = Outcome(value: -1, errno: EAGAIN)
        for attempt in 0..<Self.attempts where outcome.errno == EAGAIN {
            if attempt > 16 { sched_yield() }
            outcome = path.call { os_openat2(handle.number, $0, flags, 0, resolve) }
        }
        // Of network file systems: what was looked up was replaced on its way.
        for _ in 0..<Self.staleAttempts where outcome.errno == ESTALE || outcome.errno == ENODATA {
            outcome = path.call { os_openat2(handle.number, $0, flags, 0, resolve) }
        }
        return outcome
    }

    /// Whether the place that links led to has no reserved name in its path below this folder.
    ///
    /// Without /proc there is no telling, and links are not followed.
    private func reachesNoTemporary(_ descriptor: Descriptor) -> Bool {
        guard let place = placeName(descriptor), let own = placeName(handle) else { return false }
        let below = place.starts(with: own) ? place.dropFirst(own.count) : place[...]
        return !below.split(separator: UInt8(ascii: "/")).contains { $0.starts(with: FileName.reservedPrefix) }
    }

    /// The kernel's name for what a handle is of (proc(5), /proc/pid/fd).
    private func placeName(_ descriptor: Descriptor) -> [UInt8]? {
        let (outcome, target) = "/proc/self/fd/\(descriptor.number)".withCString { readLink(AT_FDCWD, $0) }
        return outcome.succeeded ? target : nil
    }

    /// The directory that holds the last component of `path`, and that component: where names are made, moved
    /// and removed without following a link. `.` itself has none.
    func parent(of path: RelativePath) throws(OfficeError) -> (directory: Descriptor, name: FileName) {
        guard let name = path.last else {
            throw OfficeError(.notAllowed, path.what, "the shared folder itself can't be moved, removed or replaced")
        }
        guard !path.isReserved else { throw OfficeError(errno: ENOENT, path.what) }
        let parent = path.parent
        if parent.isRoot { return (handle, name) }
        return (try resolve(parent, flags: Flag.path | O_DIRECTORY), name)
    }

    /// As `parent(of:)`, for a name that is to be made.
    func place(for path: RelativePath) throws(OfficeError) -> (directory: Descriptor, name: FileName) {
        guard !path.isReserved else {
            throw OfficeError(
                .notAllowed, path.what,
                "names that begin with '\(String(decoding: FileName.reservedPrefix, as: UTF8.self))' are officeshare's own"
            )
        }
        return try parent(of: path)
    }

    /// The folder at `path`, opened for reading its entries.
    func directory(_ path: RelativePath) throws(OfficeError) -> Descriptor {
        do {
            return try resolve(path, flags: O_RDONLY | O_DIRECTORY)
        } catch {
            guard error.code == .notFound, let entry = try? entry(path), entry.kind != .directory else { throw error }
            throw OfficeError(.notFound, path.what, "it is not a folder")
        }
    }
}

extension Descriptor {
    /// fsync(2). File systems that can't do it of a directory keep their own promises.
    func synchronise(_ what: String) throws(OfficeError) {
        let outcome = Outcome.of { fsync(number) }
        guard outcome.succeeded || outcome.errno == EINVAL || outcome.errno == EROFS else { throw outcome.error(what) }
    }

    /// fstatat(2) of a name in this directory; a link is not followed. nil where nothing is there.
    func look(at name: FileName, _ what: String) throws(OfficeError) -> stat? {
        var status = stat()
        let outcome = name.call { fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }
        if outcome.errno == ENOENT { return nil }
        guard outcome.succeeded else { throw outcome.error(what) }
        return status
    }

    /// unlinkat(2). Nothing there is as good as removed.
    func unlink(_ name: FileName, _ what: String) throws(OfficeError) {
        let outcome = name.call { unlinkat(number, $0, 0) }
        guard outcome.succeeded || outcome.errno == ENOENT else { throw outcome.error(what) }
    }
}

/// readlinkat(2), whole: a link's target is at most PATH_MAX bytes.
func readLink(_ directory: Int32, _ name: UnsafePointer<CChar>) -> (outcome: Outcome, target: [UInt8]) {
    var outcome = Outcome(value: 0, errno: 0)
    let target = [UInt8](unsafeUninitializedCapacity: RelativePath.maximumLength + 1) { buffer, count in
        outcome = Outcome.of { os_readlinkat(directory, name, buffer.baseAddress, buffer.count) }
        count = max(0, outcome.value)
    }
    return (outcome, target)
}

extension [UInt8] {
    /// The bytes with a NUL behind them, for a system call.
    func withTerminated<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        (self + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return "".withCString(body) }
                return body(base)
            }
        }
    }
}
