import CLinux
import Glibc
package import OfficeCore

/// What tells one state of a file from another without reading it: a file whose identity is the same as
/// before has, as far as the file system can tell, the content it had before.
///
/// Writes through a shared mapping and two writes within one tick of the kernel's clock escape it: see
/// `isSettled(now:)`.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    /// Bytes.
    package let size: Int64
    package let modified: FileTime
    /// When inode or content last changed; unlike `modified` nobody can set it.
    package let changed: FileTime

    package init(device: UInt64, inode: UInt64, size: Int64, modified: FileTime, changed: FileTime) {
        self.device = device
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
    }

    init(_ status: stat) {
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: status.modified, changed: status.changed)
    }

    /// Seconds after which a change would have to show in `changed`, however coarse the file system's clock.
    package static let settlingSeconds: Int64 = 2

    /// Whether the last change is so long ago that a further one would have been seen. A time in the future
    /// (the clock was set back) is not settled.
    package func isSettled(now: FileTime) -> Bool {
        FileTime(seconds: changed.seconds + Self.settlingSeconds, nanoseconds: changed.nanoseconds) < now
    }

    /// The same file with the same content, though it may have been renamed since (which changes `changed`).
    package func isSameContent(as other: FileIdentity) -> Bool {
        device == other.device && inode == other.inode && size == other.size && modified == other.modified
    }
}

/// As text: seven decimal numbers with `.` between them, for journals and for the wire.
extension FileIdentity {
    package var token: String {
        let numbers: [any BinaryInteger] = [
            device, inode, size, modified.seconds, modified.nanoseconds, changed.seconds, changed.nanoseconds,
        ]
        return numbers.map { "\($0)" }.joined(separator: ".")
    }

    /// nil where it is no token of ours.
    package init?(token: String) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 7, let device = UInt64(parts[0]), let inode = UInt64(parts[1]),
            let size = Int64(parts[2]), size >= 0,
            let modified = FileTime(parsing: parts[3], parts[4]), let changed = FileTime(parsing: parts[5], parts[6])
        else { return nil }
        self.init(device: device, inode: inode, size: size, modified: modified, changed: changed)
    }
}

extension FileTime {
    /// The clock that file systems stamp files by.
    package static var now: FileTime {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return FileTime(seconds: Int64(now.tv_sec), nanoseconds: Int32(now.tv_nsec))
    }

    fileprivate init?(parsing seconds: Substring, _ nanoseconds: Substring) {
        guard let seconds = Int64(seconds), let nanoseconds = Int32(nanoseconds), nanoseconds >= 0,
            nanoseconds < 1_000_000_000
        else { return nil }
        self.init(seconds: seconds, nanoseconds: nanoseconds)
    }

    var stamp: timespec { timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds)) }
}
