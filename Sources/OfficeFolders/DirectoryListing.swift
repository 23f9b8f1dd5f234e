import CLinux
import Glibc
package import OfficeCore
import Synchronization

/// A folder's entries as they come from the kernel, in no order. Memory stays flat, however many there are.
///
/// officeshare's own temporaries, sockets, FIFOs and devices are left out; so is what vanishes while it is
/// listed. The order, and what is made or removed meanwhile, are as readdir(3) has them.
package final class DirectoryListing: Sendable {
    private let reader: Mutex<DirectoryReader>
    private let what: String

    init(_ directory: Descriptor, what: String) {
        reader = Mutex(DirectoryReader(directory, what: what))
        self.what = what
    }

    /// At most `count` further entries, each with a path of one name; none at the end.
    package func next(upTo count: Int) throws(OfficeError) -> [Entry] {
        try reader.withLock { (reader) throws(OfficeError) -> [Entry] in
            var entries: [Entry] = []
            while entries.count < count, let next = try reader.next() {
                if next.name.isReserved { continue }
                if let entry = try self.entry(next.name, in: reader.directory) { entries.append(entry) }
            }
            return entries
        }
    }

    private func entry(_ name: FileName, in directory: Descriptor) throws(OfficeError) -> Entry? {
        guard let status = try lookIfAllowed(name, in: directory) else { return nil }
        var target: [UInt8]?
        if status.isLink {
            // No longer a link, or gone: then it is left out, as what vanishes is.
            guard let read = try directory.target(of: name, what) else { return nil }
            target = read
        }
        return Entry(path: try RelativePath([name]), status: status, target: target)
    }
}

extension DirectoryListing {
    /// A single entry that can't be looked at (another user's FUSE mount) is left out; where none can, because
    /// the folder may be read but not searched, that is an error.
    private func lookIfAllowed(_ name: FileName, in directory: Descriptor) throws(OfficeError) -> stat? {
        do {
            return try directory.look(at: name, what)
        } catch {
            guard error.code == .notAllowed, directory.isSearchable else { throw error }
            return nil
        }
    }
}

extension Descriptor {
    /// Whether this process may reach what is in this directory.
    var isSearchable: Bool { Outcome.of { faccessat(number, ".", X_OK, AT_EACCESS) }.succeeded }

    /// Where the link of that name in this directory points; nil where there is no link (any more).
    func target(of name: FileName, _ what: String) throws(OfficeError) -> [UInt8]? {
        let (outcome, target) = name.withCString { readLink(number, $0) }
        if outcome.errno == ENOENT || outcome.errno == EINVAL { return nil }
        guard outcome.succeeded else { throw outcome.error(what) }
        return target
    }
}
