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
