package import OfficeCore

extension Folder {
    /// Writes a small file of officeshare's own, whole: a crash leaves the old or the new. On the disk when it returns.
    ///
    /// - Parameter isPrivate: Only this process's user may read it.
    package func write(_ bytes: [UInt8], to path: RelativePath, isPrivate: Bool = false) throws(OfficeError) {
        let partial = try partial(for: path, key: "write")
        do throws(OfficeError) {
            try partial.setSize(0)
            if isPrivate { try partial.restrict() }
            try bytes.span.withUnsafeBytes { (buffer) throws(OfficeError) in try partial.write(buffer, at: 0) }
            try partial.commit(modified: .now, executable: false, replacing: .always)
        } catch {
            try? partial.discard()
            throw error
        }
    }

    /// All of a file of at most `limit` bytes.
    package func read(_ path: RelativePath, limit: Int) throws(OfficeError) -> [UInt8] {
        let file = try open(path)
        guard file.identity.size <= limit else {
            throw OfficeError(.limit, path.what, "it has more than \(limit) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(file.identity.size))
        var span = bytes.mutableSpan
        let count = try span.withUnsafeMutableBytes { (buffer) throws(OfficeError) -> Int in
            try file.read(into: buffer, at: 0)
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
