import Dispatch
package import OfficeCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads small files whole, away from Swift's cooperative threads.
package enum FileReading {
    private static let queue = DispatchQueue(label: "officeshare.configuration.files")

    /// The bytes of the file at `path`, or nil where there is none.
    ///
    /// Refuses what is not a file (`/dev/null` counts as an empty one) and what is longer than `limit` bytes.
    package static func contents(of path: String, limit: Int) async throws(OfficeError) -> [UInt8]? {
        try await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Result { () throws(OfficeError) in try read(path, limit) }) }
        }.get()
    }

    private static func read(_ path: String, _ limit: Int) throws(OfficeError) -> [UInt8]? {
        func refusal(_ why: String) -> OfficeError { OfficeError(.configuration, path, why) }
        guard !path.utf8.contains(0) else { throw refusal("a path can't have a NUL byte in it") }
        // Without O_NONBLOCK the open of a FIFO would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw refusal("it can't be opened: \(reason())")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw refusal("it can't be read: \(reason())") }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFCHR else { throw refusal("it is not a file") }
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { room in
                room.baseAddress.map { Glibc.read(descriptor, $0 + count, room.count - count) } ?? 0
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw refusal("it can't be read: \(reason())") }
            if got == 0 { return Array(bytes.prefix(count)) }
            count += got
        }
        throw refusal("it is longer than \(limit) bytes")
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
