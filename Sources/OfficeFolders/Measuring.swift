package import OfficeCore

extension Folder {
    /// Bytes of all files at and below `path`; links count as they are.
    package func bytes(below path: RelativePath) throws(OfficeError) -> Int64 {
        var bytes: Int64 = 0
        var pending = [path]
        while let next = pending.popLast() {
            let listing = try list(next)
            while case let entries = try listing.next(upTo: 512), !entries.isEmpty {
                for entry in entries where entry.kind == .directory { pending.append(try next.appending(entry.path)) }
                bytes += entries.reduce(0) { $0 + $1.size }
            }
        }
        return bytes
    }
}

extension Folder {
    /// Files at least that large, as far as they are reached within so many entries; what can't be read is left out.
    ///
    /// - Parameter entries: How many may still be looked at, of this folder and others.
    package func files(from smallest: Int64, most: Int, within entries: inout Int) -> [(RelativePath, Int64)] {
        var found: [(RelativePath, Int64)] = []
        var pending = [RelativePath.root]
        while let next = pending.popLast(), let listing = try? list(next) {
            while entries > 0, case let some? = try? listing.next(upTo: 512), !some.isEmpty {
                entries -= some.count
                for entry in some {
                    guard let path = try? next.appending(entry.path) else { continue }
                    if entry.kind == .directory { pending.append(path) }
                    guard entry.kind == .file, entry.size >= smallest else { continue }
                    guard found.count < most else { return found }
                    found.append((path, entry.size))
                }
            }
        }
        return found
    }
}
