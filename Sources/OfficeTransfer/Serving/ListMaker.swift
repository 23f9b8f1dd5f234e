import NIOCore
import OfficeCore
import OfficeFolders

/// Makes the answer to LIST, a buffer at a time: entries leave as they are read, and what is kept is one folder's
/// next few entries for each level of depth. Blocking code, called by one thread at a time.
final class ListMaker {
    /// Entries read at once; the first time fewer, so that the first line of a long listing is there at once.
    private static let entriesAtOnce = 512
    private static let firstEntries = 64
    /// Entries that may be passed over without one to show, before an empty frame leaves as a sign of life.
    private static let silentEntries = 20_000

    private struct Level {
        let path: RelativePath
        /// nil once it was read to its end.
        var listing: DirectoryListing?
        var entries: ArraySlice<Entry>
    }

    private let request: ListRequest
    private let folder: Folder
    private let limits: TransferLimits
    private let glob: Glob?
    private var levels: [Level] = []
    /// Entries for the next frame.
    private var batch: [Entry] = []
    private var failures: [OfficeError] = []
    private var sent = 0
    private var isFirst = true
    private var isOver = false

    /// Throws what the path itself deserves: nothing has been answered then.
    init(_ request: ListRequest, in folder: Folder, limits: TransferLimits) throws(OfficeError) {
        self.request = request
        self.folder = folder
        self.limits = limits
        glob = request.pattern.map { Glob($0) }
        let entry = try folder.entry(request.path)
        if entry.kind == .directory {
            levels = [Level(path: .root, listing: try folder.list(request.path), entries: [])]
        }
        if entry.kind != .directory || request.withSelf {
            var itself = entry
            itself.path = .root
            batch.append(itself)
            sent = 1
        }
    }

    /// The next buffer of frames; nil after the last.
    func next() -> ByteBuffer? {
        guard !isOver else { return nil }
        let wanted = isFirst ? Self.firstEntries : Self.entriesAtOnce
        var passed = 0
        while batch.count < wanted, !levels.isEmpty, passed < Self.silentEntries, failures.count < 16, !isAtLimit {
            advance(wanted)
            passed += 1
        }
        isFirst = false
        return flush()
    }

    private var isAtLimit: Bool { request.limit.map { sent >= $0 } ?? false }

    private func flush() -> ByteBuffer {
        var encoder = FrameEncoder(limits: limits)
        var rest = batch[...]
        repeat {
            // Names and targets may be long: no frame comes near its limit.
            var bytes = 0
            let part = rest.prefix { entry in
                bytes += entry.path.components.reduce(32) { $0 + $1.bytes.count + 1 } + (entry.target?.count ?? 0)
                return bytes < limits.frameBytes / 2
            }
            encoder.write(.entries(Array(part)))
            rest = rest.dropFirst(part.count)
        } while !rest.isEmpty
        batch = []
        for failure in failures { encoder.write(.fail(item: 0, failure)) }
        failures = []
        if levels.isEmpty || isAtLimit {
            isOver = true
            encoder.write(.end(item: Frame.wholeExchange, root: nil))
        }
        return encoder.take()
    }

    /// One entry further: down into it, where it is a folder and all is wanted.
    private func advance(_ wanted: Int) {
        guard var level = levels.popLast() else { return }
        if level.entries.isEmpty, let listing = level.listing {
            refill(&level, from: listing, wanted)
        }
        guard var entry = level.entries.popFirst() else {
            if level.listing != nil { levels.append(level) }
            return
        }
        levels.append(level)
        guard let name = entry.path.last else { return }
        let path: RelativePath
        do throws(OfficeError) {
            path = try level.path.appending(name)
        } catch {
            failures.append(error)
            return
        }
        entry.path = path
        if glob?.matches(name.bytes) ?? true {
            batch.append(entry)
            sent += 1
        }
        if request.recursive, entry.kind == .directory, !isAtLimit { descend(to: path) }
    }

    private func refill(_ level: inout Level, from listing: DirectoryListing, _ wanted: Int) {
        do throws(OfficeError) {
            level.entries = try listing.next(upTo: wanted)[...]
            if level.entries.isEmpty { level.listing = nil }
        } catch {
            level.listing = nil
            failures.append(error.about(description(of: level.path)))
        }
    }

    /// Opens a folder below. What can't be read is told, and the rest goes on.
    private func descend(to path: RelativePath) {
        do throws(OfficeError) {
            let listing = try folder.list(try request.path.appending(path))
            var level = Level(path: path, listing: listing, entries: [])
            // So deep, descriptors would run out: the folder is read whole and closed.
            if levels.count >= limits.openListings {
                var all: [Entry] = []
                while case let more = try listing.next(upTo: Self.entriesAtOnce), !more.isEmpty { all += more }
                level = Level(path: path, listing: nil, entries: all[...])
            }
            levels.append(level)
        } catch {
            failures.append(error.about(description(of: path)))
        }
    }

    /// A path as the asker knows it: relative to the share.
    private func description(of path: RelativePath) -> String {
        ((try? request.path.appending(path)) ?? path).description
    }
}
