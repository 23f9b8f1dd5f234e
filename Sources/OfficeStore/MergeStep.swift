package import OfficeCore

/// What a name can stand for, by content.
package enum Content: Hashable, Sendable {
    case file(ContentRoot)
    case link([UInt8])
}

/// What two stores of one office have at one path, of which neither has seen the other's last.
package struct PathHistory: Sendable {
    /// What has the name; nil: nothing.
    package var current: Content?
    /// What is kept of what had it.
    package var versions: Set<Content>
    /// What was removed there last, of which nothing is known here, where nothing was done here since that isn't known
    /// there.
    package var removed: Content?

    package init(current: Content? = nil, versions: Set<Content> = [], removed: Content? = nil) {
        self.current = current
        self.versions = versions
        self.removed = removed
    }
}

/// How what another store has at a path is brought into this one. Pure.
///
/// Every content that was there is here afterwards: as the file, among its versions, or beside it by name. A removal takes
/// only what the other side has left as it was: what one side still has, and the other knows to be replaced or removed, stays
/// as the other has it; what the other doesn't know comes.
package enum MergeStep: Sendable, Equatable {
    /// It is here, or was.
    case known
    /// The name is free.
    case put
    /// What has the name here is what theirs was made from.
    case replace
    /// Both were changed.
    case beside
    /// What has the name here was removed there, and nobody has touched it here.
    case remove

    package init(theirs: PathHistory, ours: PathHistory) {
        if theirs.current == nil, let removed = theirs.removed, removed == ours.current {
            self = .remove
            return
        }
        guard let content = theirs.current, content != ours.current, !ours.versions.contains(content) else {
            self = .known
            return
        }
        guard let current = ours.current else {
            self = .put
            return
        }
        self = theirs.versions.contains(current) ? .replace : .beside
    }

    /// Contents that are only among their versions, and have to be among ours.
    package static func missing(theirs: PathHistory, ours: PathHistory) -> Set<Content> {
        var missing = theirs.versions.subtracting(ours.versions)
        if let current = ours.current { missing.remove(current) }
        return missing
    }
}
