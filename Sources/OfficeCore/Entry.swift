/// A point in time as a file system keeps it: seconds since 1970 and nanoseconds.
package struct FileTime: Hashable, Sendable, Comparable, Codable {
    package var seconds: Int64
    package var nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (a: FileTime, b: FileTime) -> Bool {
        (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
    }
}

/// What a folder's listing says of one name.
package struct Entry: Hashable, Sendable {
    package enum Kind: UInt8, Sendable, Codable {
        case file = 1
        case directory = 2
        case symlink = 3
    }

    /// Relative to the folder that was asked for: one name, or several where the listing was recursive.
    package var path: RelativePath
    package var kind: Kind
    /// Bytes; 0 for a directory, the target's length for a symlink.
    package var size: Int64
    package var modified: FileTime
    /// Whether the owner may execute it. Always true of a directory.
    package var executable: Bool
    /// Where a symlink points, as its bytes.
    package var target: [UInt8]?

    package init(
        path: RelativePath, kind: Kind, size: Int64, modified: FileTime, executable: Bool, target: [UInt8]? = nil
    ) {
        self.path = path
        self.kind = kind
        self.size = size
        self.modified = modified
        self.executable = executable
        self.target = target
    }
}
