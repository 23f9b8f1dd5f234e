package import OfficeCore

/// `officeshare promote [NODE] …`.
package struct PromoteRequest: Codable, Sendable {
    /// nil: this node.
    package var node: String?
    /// The store's absolute path, percent-encoded; nil: the service's own.
    package var store: String?
    package var standby: Bool
    package var force: Bool

    package init(node: String?, store: String?, standby: Bool, force: Bool) {
        self.node = node
        self.store = store
        self.standby = standby
        self.force = force
    }
}

/// The office's file server: `promote` and `demote`.
package struct FileServerModel: Codable, Sendable {
    /// The node; null where there is none (any more).
    @OrNull package var node: String?
    package var epoch: Int64
    @OrNull package var store: String?
    @OrNull package var standby: String?
    /// Spaces that were made of what the store's folder held.
    package var takenIn: [String] = []
    /// All nodes that serve the store; more than one where it is on a distributed file system.
    package var nodes: [String] = []
    /// Where that was put to the test: what it is, and what it doesn't keep.
    package var tested: String?
    /// What the store lacks, where the file server before could not hand over; else null.
    @OrNull package var behind: Behind?

    /// A store that is older than what was served last.
    package struct Behind: Codable, Sendable {
        /// Who holds what came after, and brings it in when it is back.
        package var server: String
        /// The epoch at which this store was served last; null where it never was.
        @OrNull package var epoch: Int64?
        /// How many epochs that is before the last.
        package var epochs: Int64

        package init(server: String, epoch: Int64?, epochs: Int64) {
            self.server = server
            self.epoch = epoch
            self.epochs = epochs
        }
    }

    package init(node: String?, epoch: Int64, store: String?, standby: String?, nodes: [String] = []) {
        self.nodes = nodes
        self.node = node
        self.epoch = epoch
        self.store = store
        self.standby = standby
    }
}

/// What is asked of the file server, wherever it is.
package enum SpaceRequest: Codable, Sendable {
    case list
    case add(name: String, allow: [String], quota: Int64?)
    /// Makes a space of a share, NODE/SHARE, whose path then leads to it; of no `allow`, for whom the share is.
    case bring(name: String, from: String, allow: [String], quota: Int64?)
    /// The caller's node's shares that spaces stand for.
    case moved
    /// nil leaves a thing as it is; a quota of 0 is none.
    case set(name: String, allow: [String]?, quota: Int64?)
    case remove(name: String)
    case users
    /// Passwords in base64: their bytes are whatever was typed.
    case addUser(name: String, password: String)
    case setPassword(name: String, password: String)
    case removeUser(name: String)
    case versions(space: String, path: RelativePath)
    /// nil: the newest version; where it was.
    case restore(space: String, path: RelativePath, version: String?, to: RelativePath?)
    case lock(space: String, path: RelativePath, seconds: Int)
    case unlock(space: String, path: RelativePath)
    /// nil: of all spaces.
    case locks(space: String?)
}

package struct SpaceAnswer: Codable, Sendable {
    package var spaces: [SpaceModel] = []
    package var versions: [VersionModel] = []
    package var users: [UserModel] = []
    /// Paths that were brought back, percent-encoded.
    package var restored: [RelativePath] = []
    package var moved: [String] = []
    /// nil of an older node.
    package var locks: [LockModel]?
    package init() {}
}

/// One line of `officeshare locks`.
package struct LockModel: Codable, Sendable {
    /// Percent-encoded: `SPACE/PATH`.
    package var path: RelativePath
    /// By today's names.
    package var holder: String
    package var since: Timestamp
    package var secondsLeft: Int

    package init(path: RelativePath, holder: String, since: Timestamp, secondsLeft: Int) {
        self.path = path
        self.holder = holder
        self.since = since
        self.secondsLeft = secondsLeft
    }
}

/// One line of `officeshare space ls`.
package struct SpaceModel: Codable, Sendable {
    package var name: String
    /// `office/NAME`.
    package var path: String
    package var files: Int
    package var bytes: Int64
    @OrNull package var quota: Int64?
    package var versionsBytes: Int64
    /// Principals by today's names.
    package var allow: [String]
    /// `NODE/SHARE`, where it was one, whose path leads to it.
    @OrNull package var from: String?

    package init(
        name: String, path: String, files: Int, bytes: Int64, quota: Int64?, versionsBytes: Int64, allow: [String],
        from: String? = nil
    ) {
        self.name = name
        self.path = path
        self.files = files
        self.bytes = bytes
        self.quota = quota
        self.versionsBytes = versionsBytes
        self.allow = allow
        self.from = from
    }
}

/// One line of `officeshare user ls`.
package struct UserModel: Codable, Sendable {
    package var name: String
    package var created: Timestamp
    @OrNull package var lastSeen: Timestamp?

    package init(name: String, created: Timestamp, lastSeen: Timestamp?) {
        self.name = name
        self.created = created
        self.lastSeen = lastSeen
    }
}

/// One line of `officeshare versions PATH`.
package struct VersionModel: Codable, Sendable {
    /// What `restore PATH@VERSION` takes.
    package var version: String
    package var size: Int64
    package var modified: Timestamp
    /// Who replaced or removed it, by today's names.
    package var replacedBy: String
    @OrNull package var root: String?
    /// When it was replaced or removed.
    package var replaced: Timestamp
    package var removed: Bool
    /// The path it had, percent-encoded.
    package var path: RelativePath

    package init(
        version: String, size: Int64, modified: Timestamp, replacedBy: String, root: String?, replaced: Timestamp,
        removed: Bool, path: RelativePath
    ) {
        self.version = version
        self.size = size
        self.modified = modified
        self.replacedBy = replacedBy
        self.root = root
        self.replaced = replaced
        self.removed = removed
        self.path = path
    }
}
