import CLinux
import OfficeCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What `printer share --tune` writes into cupsd.conf, and `--untune` takes out again: with it a cupsd that is killed
/// forgets no job, and cancels none that waits long.
///
/// The lines stand in a block of their own at the end, where they go before earlier ones; nothing else is touched. The
/// file as it was before the first time is kept beside it.
enum SchedulerTuning {
    static let file = "/etc/cups/cupsd.conf"
    static let savedSuffix = ".before-officeshare"

    /// cupsd.conf(5).
    static let directives = ["DirtyCleanInterval 0", "MaxJobTime 0", "JobRetryLimit 0"]
    private static let begin = "# Set by 'officeshare printer share --tune', undone by '--untune':"
    private static let end = "# End of what officeshare set."

    /// The text with the block at its end, or without any; the same text where that is so already.
    static func edited(_ text: String, tuned: Bool) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let first = lines.firstIndex(of: begin) {
            let last =
                lines[first...].firstIndex(of: end) ?? lines[first...].lastIndex { directives.contains($0) } ?? first
            lines.removeSubrange(first...last)
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        if tuned { lines += [begin] + directives + [end] }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Whether all directives are in force, set by whomever: the last one of a name counts.
    static func isTuned(_ text: String) -> Bool {
        directives.allSatisfy { wanted in
            let name = wanted.prefix { $0 != " " }.lowercased()
            let last = text.split(separator: "\n").last { line in
                line.drop { $0 == " " || $0 == "\t" }.lowercased().hasPrefix(name + " ")
            }
            return last.map { $0.split(separator: " ").joined(separator: " ").lowercased() == wanted.lowercased() }
                ?? false
        }
    }

    /// Edits the file and lets cupsd read it anew; false where it was so already. Throws `.notAllowed` for who may not.
    static func apply(tuned: Bool) throws(OfficeError) -> Bool {
        let (text, status) = try read(file)
        let wanted = edited(text, tuned: tuned)
        guard wanted != text, tuned || text.contains(begin) else { return false }
        if access(file + savedSuffix, F_OK) != 0 { try write(text, to: file + savedSuffix, like: status) }
        try write(wanted, to: file, like: status)
        try reload()
        return true
    }

    /// cupsd.conf as it is; nil where it can't be read.
    static func current() -> String? { (try? read(file))?.0 }

    private static func read(_ path: String) throws(OfficeError) -> (String, stat) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size < 1 << 20 else { throw failure(path, EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw failure(path, EIO) }
        return (String(decoding: bytes, as: UTF8.self), status)
    }

    /// In place of what is there, at once and durably, with the owner and mode of the original.
    private static func write(_ text: String, to path: String, like status: stat) throws(OfficeError) {
        let temporary = path + ".officeshare-new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count,
            fchown(descriptor, status.st_uid, status.st_gid) == 0, fchmod(descriptor, status.st_mode & 0o7777) == 0,
            fsync(descriptor) == 0, rename(temporary, path) == 0
        else {
            let cause = errno
            unlink(temporary)
            throw failure(path, cause)
        }
    }

    /// SIGHUP: cupsd reads its configuration anew; jobs go on.
    private static func reload() throws(OfficeError) {
        guard let directory = opendir("/proc") else { throw failure("/proc", errno) }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let process = pid_t(name), let (program, _) = try? readAll("/proc/\(name)/comm"),
                program == "cupsd\n"
            else { continue }
            guard kill(process, SIGHUP) == 0 else {
                throw OfficeError(
                    .notAllowed, "cupsd", "it can't be told to read its configuration anew",
                    mend: "Run 'systemctl reload cups' as root.")
            }
        }
    }

    /// A file whose size isn't told.
    private static func readAll(_ path: String) throws(OfficeError) -> (String, Int) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = max(0, bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) })
        return (String(decoding: bytes[..<count], as: UTF8.self), count)
    }

    private static func failure(_ path: String, _ cause: CInt) -> OfficeError {
        OfficeError(
            cause == EACCES || cause == EPERM ? .notAllowed : .io, path,
            "it can't be changed (\(String(cString: strerror(cause))))",
            mend: cause == EACCES || cause == EPERM ? "Run it as root." : nil)
    }
}
