import Glibc
import OfficeCore

/// The daemon's own directory, by handle: private files that are written whole or not at all.
///
/// Every call blocks on the disk.
final class StateDirectory: Sendable {
    let path: String
    /// Owned by this object, closed with it.
    let handle: CInt

    /// Opens a directory that exists.
    init(path: String) throws(OfficeError) {
        self.path = path
        handle = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if handle < 0 {
            throw OfficeError(
                .configuration, path, "the state directory can't be opened: \(Self.why(errno))",
                mend: "Create it, owned by the service's user and with mode 0700.")
        }
    }

    deinit { close(handle) }

    static func why(_ code: CInt) -> String { String(cString: strerror(code)) }

    /// A file's name for people.
    func display(_ name: String) -> String { path + "/" + name }

    /// A file's contents, or nil where there is none. Refuses a file that is not a plain file of this process's
    /// user, or that its group or others have any permission on.
    func readPrivate(_ name: String, limit: Int) throws(OfficeError) -> [UInt8]? {
        let file = openat(handle, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        if file < 0 {
            if errno == ENOENT { return nil }
            throw OfficeError(.configuration, display(name), "it can't be opened: \(Self.why(errno))")
        }
        defer { close(file) }
        try checkPrivate(file, name)
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                read(file, $0.baseAddress?.advanced(by: filled), $0.count - filled)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw OfficeError(.io, display(name), "it can't be read: \(Self.why(errno))") }
            if count == 0 { return Array(bytes.prefix(filled)) }
            filled += count
        }
        throw OfficeError(.configuration, display(name), "it is longer than the \(limit) bytes it can have")
    }

    /// See `readPrivate`.
    func checkPrivate(_ file: CInt, _ name: String) throws(OfficeError) {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw OfficeError(.io, display(name), Self.why(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw OfficeError(.configuration, display(name), "it is not a plain file")
        }
        guard status.st_uid == geteuid() else {
            throw OfficeError(
                .configuration, display(name), "it belongs to user \(status.st_uid), the service runs as \(geteuid())",
                mend: "Run: chown \(geteuid()) '\(display(name))'")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw OfficeError(
                .configuration, display(name),
                "others than its owner have permissions on it (mode 0\(String(status.st_mode & 0o777, radix: 8)))",
                mend: "Run: chmod 600 '\(display(name))'")
        }
    }

    /// Writes a new file (0600) whole, and only if there is none of that name; false where there is one.
    /// When it returns, the file and its name are on the disk.
    func create(_ name: String, contents: [UInt8]) throws(OfficeError) -> Bool {
        let temporary = try writeTemporary(contents)
        defer { unlinkat(handle, temporary, 0) }
        // A link, not a rename: it never replaces.
        if linkat(handle, temporary, handle, name, 0) != 0 {
            if errno == EEXIST { return false }
            throw OfficeError(.io, display(name), "it can't be made: \(Self.why(errno))")
        }
        try sync()
        return true
    }

    /// Writes a file (0600) whole in the place of the one that may be there.
    func replace(_ name: String, contents: [UInt8]) throws(OfficeError) {
        let temporary = try writeTemporary(contents)
        guard renameat(handle, temporary, handle, name) == 0 else {
            let code = errno
            unlinkat(handle, temporary, 0)
            throw OfficeError(.io, display(name), "it can't be written: \(Self.why(code))")
        }
        try sync()
    }

    /// Makes the directory's names durable.
    func sync() throws(OfficeError) {
        guard fsync(handle) == 0 else { throw OfficeError(.io, path, "it can't be synced: \(Self.why(errno))") }
    }

    private func writeTemporary(_ contents: [UInt8]) throws(OfficeError) -> String {
        let name = ".officeshare-" + String(UInt64.random(in: .min ... .max), radix: 16)
        let file = openat(handle, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.writeError(path, errno) }
        defer { close(file) }
        do throws(OfficeError) {
            try Self.writeAll(contents, to: file, what: path)
            guard fsync(file) == 0 else { throw Self.writeError(path, errno) }
        } catch {
            unlinkat(handle, name, 0)
            throw error
        }
        return name
    }

    static func writeAll(_ contents: [UInt8], to file: CInt, what: String) throws(OfficeError) {
        var done = 0
        while done < contents.count {
            let count = contents.withUnsafeBytes { write(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw writeError(what, errno) }
            done += count
        }
    }

    static func writeError(_ what: String, _ code: CInt) -> OfficeError {
        OfficeError(code == ENOSPC || code == EDQUOT ? .noSpace : .io, what, "it can't be written: \(why(code))")
    }
}
