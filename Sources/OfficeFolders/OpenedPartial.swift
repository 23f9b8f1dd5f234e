import CLinux
import Glibc
package import OfficeCore

extension Folder {
    /// Opens or creates the hidden file that stands for `path` while it is being received, in the same folder.
    ///
    /// The same path and `key` find the same file again. It is locked while it is open (flock(2)): a second
    /// opener gets `.temporary`.
    package func partial(for path: RelativePath, key: String) throws(OfficeError) -> PartialFile {
        let (final, place, journal) = try partialPlaces(path, key)
        let opened = try OpenedPartial(place, owner, path.what)
        // A journal without its content is left over from a crash, and speaks of what is not there.
        if opened.isNew { try journal.directory.unlink(journal.name, path.what) }
        return PartialFile(opened, final: final, journal: journal, path: path, owner: owner)
    }

    /// Removes what an earlier transfer of that key left behind for `path`, if anything; `.temporary` while it
    /// is open.
    package func discardPartial(for path: RelativePath, key: String) throws(OfficeError) {
        let (_, place, journal) = try partialPlaces(path, key)
        guard try PartialFile.removeUnused(place, path.what) else { throw .beingReceived(path.what) }
        try journal.directory.unlink(journal.name, path.what)
    }

    private func partialPlaces(
        _ path: RelativePath, _ key: String
    ) throws(OfficeError) -> (final: Place, content: Place, journal: Place) {
        let final = Place(try place(for: path))
        var (directory, seed) = (final.directory, final.name.bytes)
        if let staging {
            // All paths' temporaries are in one folder there: the whole path tells them apart.
            let own = try handle.status(path.what)
            directory = staging.handle
            seed = Array("\(own.st_dev)/\(own.st_ino)/".utf8) + path.bytes
        }
        let names = Temporary.partial(for: seed, key: key, user: geteuid())
        return (final, Place(directory, names.content), Place(directory, names.journal))
    }
}

/// The content of a partial file, opened and locked, and known to be reachable by its name.
struct OpenedPartial {
    let content: Descriptor
    let place: Place
    let isNew: Bool

    init(_ place: Place, _ owner: Owner, _ what: String) throws(OfficeError) {
        self.place = place
        for _ in 0..<Folder.attempts {
            let (opened, isNew) = try Self.open(place, owner, what)
            guard let opened else { continue }
            // Until the lock was given, who held it may have renamed the file to its final name, or removed it.
            guard try Self.lock(opened, what) else { throw .beingReceived(what) }
            guard let there = try place.directory.look(at: place.name, what),
                Descriptor.same(there, try opened.status(what))
            else { continue }
            content = opened
            self.isNew = isNew
            return
        }
        throw .unstable(what)
    }

    /// nil where it appeared or vanished between two looks: try again.
    private static func open(
        _ place: Place, _ owner: Owner, _ what: String
    ) throws(OfficeError) -> (Descriptor?, isNew: Bool) {
        let created = create(place, O_RDWR, owner)
        if created.succeeded { return (Descriptor(owning: Int32(created.value)), true) }
        guard created.errno == EEXIST else { throw created.error(what) }
        return (try existing(place, owner, what), false)
    }

    private static func create(_ place: Place, _ flags: Int32, _ owner: Owner) -> Outcome {
        owner.creating {
            place.name.call {
                os_openat(place.directory.number, $0, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
            }
        }
    }

    /// Opens what has the name already, if it is really a file of ours. Whatever else somebody put there (a link,
    /// a pipe, another name of a file that is elsewhere too) is removed: the name is officeshare's.
    private static func existing(_ place: Place, _ owner: Owner, _ what: String) throws(OfficeError) -> Descriptor? {
        guard let seen = try place.directory.look(at: place.name, what) else { return nil }
        if isOurs(seen, owner) {
            let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
            let outcome = place.name.call { os_openat(place.directory.number, $0, flags, 0) }
            if outcome.errno == ENOENT || outcome.errno == ELOOP { return nil }
            guard outcome.succeeded else { throw outcome.error(what) }
            let descriptor = Descriptor(owning: Int32(outcome.value))
            let status = try descriptor.status(what)
            // Committed or removed since (another file, or one name less): look again.
            return Descriptor.same(seen, status) && isOurs(status, owner) ? descriptor : nil
        }
        try place.directory.unlink(place.name, what)
        return nil
    }

    private static func isOurs(_ status: stat, _ owner: Owner) -> Bool {
        let user = geteuid()
        return status.isRegular && status.st_nlink == 1
            && (status.st_uid == user || (user == 0 && status.st_uid == owner.user))
    }

    /// false while somebody else holds it.
    static func lock(_ file: Descriptor, _ what: String) throws(OfficeError) -> Bool {
        let outcome = Outcome.of { flock(file.number, LOCK_EX | LOCK_NB) }
        if outcome.errno == EWOULDBLOCK { return false }
        guard outcome.succeeded else { throw outcome.error(what) }
        return true
    }

    /// Opens the journal; nil where there is none and none is to be made.
    static func journal(
        at place: Place, _ owner: Owner, creating: Bool, _ what: String
    ) throws(OfficeError) -> Descriptor? {
        for _ in 0..<Folder.attempts {
            if let journal = try existing(place, owner, what) { return journal }
            guard creating else {
                if try place.directory.look(at: place.name, what) == nil { return nil }
                continue
            }
            let created = create(place, O_RDWR, owner)
            if created.succeeded { return Descriptor(owning: Int32(created.value)) }
            guard created.errno == EEXIST else { throw created.error(what) }
        }
        throw .unstable(what)
    }

    /// fsync of the directory behind an O_PATH handle. One that may be written but not read can't be opened for
    /// that: there the file that was renamed in it is synchronised once more, which takes its name along.
    static func synchronise(_ directory: Descriptor, _ file: Descriptor, _ what: String) throws(OfficeError) {
        let outcome = Outcome.of { os_openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        if outcome.errno == EACCES { return try file.synchronise(what) }
        guard outcome.succeeded else { throw outcome.error(what) }
        try Descriptor(owning: Int32(outcome.value)).synchronise(what)
    }
}

extension PartialFile {
    /// Removes one of officeshare's temporaries unless somebody has it open; false where somebody has.
    @discardableResult
    static func removeUnused(_ place: Place, _ what: String) throws(OfficeError) -> Bool {
        guard let seen = try place.directory.look(at: place.name, what) else { return true }
        var held: Descriptor?
        if seen.isRegular {
            let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
            let outcome = place.name.call { os_openat(place.directory.number, $0, flags, 0) }
            if outcome.errno == ENOENT { return true }
            guard outcome.succeeded else { throw outcome.error(what) }
            let file = Descriptor(owning: Int32(outcome.value))
            guard try OpenedPartial.lock(file, what) else { return false }
            held = file
        }
        try withExtendedLifetime(held) { () throws(OfficeError) in
            try place.directory.unlink(place.name, what)
        }
        return true
    }
}

extension OfficeError {
    static func beingReceived(_ what: String) -> OfficeError {
        OfficeError(
            .temporary, what, "it is being received already", mend: "Wait for that, or run the same again later.")
    }
}
