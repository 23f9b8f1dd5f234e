import CLinux
import Glibc
package import OfficeCore

// Changes of names and of what is kept with them. The last component is never followed where it is a link.

extension Folder {
    /// Makes an empty folder; `.exists` where anything of that name is there.
    package func makeDirectory(_ path: RelativePath) throws(OfficeError) {
        let place = try place(for: path)
        if let staging { return try makeDirectory(Place(place), path.what, by: staging) }
        let outcome = owner.creating { place.name.call { mkdirat(place.directory.number, $0, 0o777) } }
        guard outcome.succeeded else { throw outcome.error(path.what) }
    }

    /// Makes a link with exactly this target, which is not looked at: nothing here ever follows it out.
    package func makeSymlink(
        _ path: RelativePath, target: [UInt8], replacing: Replacement = .never
    ) throws(OfficeError) {
        guard !target.isEmpty, target.count <= RelativePath.maximumLength, !target.contains(0) else {
            throw OfficeError(.malformed, path.what, "a link can't point to this")
        }
        let place = Place(try place(for: path))
        if case .never = replacing, staging == nil {
            let outcome = link(to: target, at: place)
            guard outcome.succeeded else { throw outcome.error(path.what) }
            return
        }
        let temporary = Place(staging?.handle ?? place.directory, Temporary.unique())
        let outcome = link(to: target, at: temporary)
        guard outcome.succeeded else { throw outcome.error(path.what) }
        do {
            try temporary.rename(to: place, replacing: replacing, from: path.what, path.what)
        } catch {
            try? place.directory.unlink(temporary.name, path.what)
            throw error
        }
    }

    private func link(to target: [UInt8], at place: Place) -> Outcome {
        target.withTerminated { target in
            owner.creating { place.name.call { symlinkat(target, place.directory.number, $0) } }
        }
    }

    /// Gives what is at `from` the path `to`, in one step.
    package func move(_ from: RelativePath, to: RelativePath, replacing: Replacement) throws(OfficeError) {
        let source = Place(try parent(of: from))
        let target = Place(try place(for: to))
        guard let status = try source.directory.look(at: source.name, from.what) else {
            throw OfficeError(errno: ENOENT, from.what)
        }
        // Moving a file to itself is done already; and rename(2) of two names of one file would do nothing.
        if case .always = replacing, let there = try target.directory.look(at: target.name, to.what),
            Descriptor.same(status, there), !status.isDirectory, from != to
        {
            return try source.directory.unlink(source.name, from.what)
        }
        if let staging { return try move(source, to: target, replacing, from, to, by: staging) }
        try source.rename(to: target, replacing: replacing, from: from.what, to.what)
    }

    /// Sets the time of the last change, of a file, a folder or a link itself. The file's owner alone may.
    package func setModified(_ path: RelativePath, _ time: FileTime) throws(OfficeError) {
        let times = [timespec(tv_sec: 0, tv_nsec: Flag.omitTime), time.stamp]
        let outcome: Outcome
        if path.isRoot {
            outcome = path.call { utimensat(handle.number, $0, times, 0) }
        } else {
            let place = try parent(of: path)
            outcome = place.name.call { utimensat(place.directory.number, $0, times, AT_SYMLINK_NOFOLLOW) }
        }
        guard outcome.succeeded else { throw outcome.error(path.what) }
    }

    /// Lets everyone execute the file who may read it, or nobody. The file's owner alone may.
    package func setExecutable(_ path: RelativePath, _ executable: Bool) throws(OfficeError) {
        let seen = try resolve(path, flags: Flag.path | O_NOFOLLOW).status(path.what)
        guard seen.isRegular else { throw .notAFile(seen, path.what) }
        let file = try resolve(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)
        let status = try file.status(path.what)
        guard Descriptor.same(seen, status) else { throw .unstable(path.what) }
        try file.setPermissions(status.permissions.executable(executable), was: status, path.what)
    }
}

extension mode_t {
    /// Execution for whoever may read, or for nobody.
    func executable(_ executable: Bool) -> mode_t {
        executable ? self | (self & 0o444) >> 2 : self & ~0o111
    }
}

extension Descriptor {
    func setPermissions(_ permissions: mode_t, was status: stat, _ what: String) throws(OfficeError) {
        guard permissions != status.permissions else { return }
        let outcome = Outcome.of { fchmod(number, permissions) }
        guard outcome.succeeded else { throw outcome.error(what) }
    }
}
