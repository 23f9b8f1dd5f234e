package import OfficeCore

/// A file that somebody has asked others to leave alone for a while.
package struct FileLock: Sendable, Equatable {
    package let path: RelativePath
    package let holder: Author
    /// The holder as people know them.
    package let name: String
    package let since: Timestamp
    /// By this machine's running time: no clock that is set ends it.
    package let until: ContinuousClock.Instant
}

/// Who holds which files of a space. Pure; whoever has it locks it.
///
/// A lock is for programs and people who ask for one: it keeps others from replacing, moving or removing the file, and
/// nobody from reading it. It ends by itself, with the file server that gave it, and when its holder's machine is gone.
struct LockTable: Sendable {
    static let most = 10_000
    static let mostOfOne = 1000
    static let longest = Duration.seconds(24 * 60 * 60)

    private var locks: [RelativePath: FileLock] = [:]

    func all(now: ContinuousClock.Instant) -> [FileLock] {
        locks.values.filter { $0.until > now }.sorted { $0.path < $1.path }
    }

    /// Takes it, or takes it for longer.
    mutating func take(
        _ path: RelativePath, by holder: Author, name: String, lease: Duration, now: ContinuousClock.Instant
    ) throws(OfficeError) -> FileLock {
        locks = locks.filter { $0.value.until > now }
        try check(path, by: holder, now: now)
        let known = locks[path]
        guard
            known != nil
                || locks.count < Self.most && locks.values.count(where: { $0.holder == holder }) < Self.mostOfOne
        else {
            throw OfficeError(
                .limit, path.description, "there are too many locks", mend: "Let go of some with 'officeshare unlock'.")
        }
        let lock = FileLock(
            path: path, holder: holder, name: name, since: known?.since ?? .now,
            until: now + min(max(lease, .seconds(1)), Self.longest))
        locks[path] = lock
        return lock
    }

    /// Lets go of it. Somebody else's is refused.
    mutating func release(_ path: RelativePath, by holder: Author, now: ContinuousClock.Instant) throws(OfficeError) {
        try check(path, by: holder, now: now)
        locks[path] = nil
    }

    /// Nodes whose people hold something.
    func nodes(now: ContinuousClock.Instant) -> Set<String> {
        Set(locks.values.lazy.filter { $0.until > now }.map(\.holder.node))
    }

    /// Lets go of all that the people of a node hold.
    mutating func release(allOf node: String) { locks = locks.filter { $0.value.holder.node != node } }

    /// Throws where somebody else holds the path, or something below it.
    func check(_ path: RelativePath, by author: Author, now: ContinuousClock.Instant) throws(OfficeError) {
        if locks.isEmpty { return }
        guard
            let lock = locks.values.first(where: {
                $0.holder != author && $0.until > now && $0.path.relative(to: path) != nil
            })
        else { return }
        throw OfficeError(
            .notAllowed, lock.path.description,
            "\(lock.name) has locked it, for \((lock.until - now).components.seconds + 1) s more",
            mend: "Ask them to let go of it, or wait.")
    }
}
