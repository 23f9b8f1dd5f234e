package import Dispatch
import Glibc
package import OfficeCore
import Synchronization

/// Tells that something beneath a folder has changed: inotify(7) on each of its directories, reached by handles.
///
/// It says that, not what: whoever listens compares. What inotify doesn't see (writes through a mapping, other nodes'
/// writes on a network file system, directories beyond the limit) needs a look now and then besides.
package final class FolderWatch: Sendable {
    /// What changes contents, names, times or modes.
    private static let events = UInt32(
        IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

    private let folder: Folder
    private let inotify: Descriptor
    private let mostDirectories: Int
    /// Thread-safe, as all of libdispatch's objects; its type doesn't say so.
    private nonisolated(unsafe) let source: any DispatchSourceRead
    private let watched = Mutex(0)

    /// - Parameters:
    ///   - directories: Directories watched at most; the others change in silence.
    ///   - changed: Called on `queue`, soon after a change, once for many.
    package init(
        _ folder: Folder, directories: Int, queue: DispatchQueue, changed: @escaping @Sendable () -> Void
    ) throws(OfficeError) {
        let outcome = Outcome.of { inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC)) }
        guard outcome.succeeded else { throw outcome.error("watch") }
        self.folder = folder
        inotify = Descriptor(owning: Int32(outcome.value))
        mostDirectories = directories
        source = DispatchSource.makeReadSource(fileDescriptor: inotify.number, queue: queue)
        source.setEventHandler { [weak self] in
            guard let self else { return }
            if self.takeEvents() { self.watchAll() }
            changed()
        }
        // The descriptor outlives the source that reads it.
        source.setCancelHandler { [inotify] in withExtendedLifetime(inotify) {} }
        source.activate()
        queue.async { [weak self] in self?.watchAll() }
    }

    deinit { source.cancel() }

    /// Directories that are watched.
    package var directories: Int { watched.withLock { $0 } }

    /// Empties the queue. Whether directories have come, so that there is more to watch.
    private func takeEvents() -> Bool {
        var hasNewDirectories = false
        let flags = UInt32(IN_ISDIR | IN_Q_OVERFLOW)
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            while true {
                let count = read(inotify.number, buffer.baseAddress, buffer.count)
                guard count > 0 else { return }
                var position = 0
                // struct inotify_event: watch (4), mask (4), cookie (4), length of the name (4), name.
                while position + 16 <= count {
                    let mask = buffer.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
                    if mask & flags != 0 { hasNewDirectories = true }
                    position += 16 + Int(buffer.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self))
                }
            }
        }
        return hasNewDirectories
    }

    /// Watches every directory there is. One that is watched already stays so: a watch is of an inode.
    private func watchAll() {
        var pending = [RelativePath.root]
        var count = 0
        while let path = pending.popLast(), count < mostDirectories {
            guard let directory = try? folder.look(into: path) else { continue }
            let added = "/proc/self/fd/\(directory.number)".withCString {
                inotify_add_watch(inotify.number, $0, Self.events)
            }
            // No more watches for this user: what is watched so far stays.
            guard added >= 0 else { break }
            count += 1
            let reader = DirectoryReader(directory, what: path.what)
            while let next = try? reader.next() {
                guard next.type == UInt8(DT_DIR) || next.type == UInt8(DT_UNKNOWN), !next.name.isReserved,
                    let below = try? path.appending(next.name)
                else { continue }
                pending.append(below)
            }
        }
        watched.withLock { $0 = count }
    }
}
