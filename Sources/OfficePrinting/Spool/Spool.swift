package import OfficeCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Documents on this node's disk: one file for each job, named by its id; half of one ends in `.part`.
///
/// A document is there only whole and fsynced. The bytes of all together are bounded: what would go past is refused
/// before it is written. Files are reached by the folder's handle and names that are UUIDs.
package final class Spool: Sendable {
    private static let partSuffix = ".part"

    /// Open for as long as the spool lives.
    private let directory: CInt
    private let limit: Int64
    private let used = Mutex<Int64>(0)

    /// Opens or makes the folder (mode 0700). Throws `.io` where it can't.
    package init(at path: String, limit: Int64) throws(OfficeError) {
        mkdir(path, 0o700)
        directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Self.failure(path) }
        self.limit = limit
        let bytes = try names().reduce(Int64(0)) { $0 + (Self.size($1, in: directory) ?? 0) }
        used.withLock { $0 = bytes }
    }

    deinit { close(directory) }

    /// Bytes of all documents and halves.
    package var bytes: Int64 { used.withLock { $0 } }

    package func size(of job: JobID) -> Int64? { Self.size(job.description, in: directory) }
    package func partSize(of job: JobID) -> Int64 { Self.size(job.description + Self.partSuffix, in: directory) ?? 0 }

    /// A document for reading, from its beginning. The caller closes it.
    package func open(_ job: JobID) throws(OfficeError) -> CInt {
        let descriptor = openat(directory, job.description, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw OfficeError(.notFound, job.description, "its document isn't kept any more")
        }
        return descriptor
    }

    /// Deletes what there is of a document.
    package func remove(_ job: JobID) {
        for name in [job.description, job.description + Self.partSuffix] {
            let size = Self.size(name, in: directory) ?? 0
            if unlinkat(directory, name, 0) == 0 { give(back: size) }
        }
    }

    /// Deletes the documents of all jobs but these, and halves that nobody went on with for a day: the rest of
    /// submissions that a crash cut short.
    package func removeAll(except isKept: (JobID) -> Bool) {
        let oldest = time(nil) - 86_400
        for name in (try? names()) ?? [] {
            let isPart = name.hasSuffix(Self.partSuffix)
            let job = try? JobID(isPart ? String(name.dropLast(Self.partSuffix.count)) : name)
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            if let job, isKept(job) || isPart && status.st_mtim.tv_sec > oldest { continue }
            if unlinkat(directory, name, 0) == 0 { give(back: Int64(status.st_size)) }
        }
    }

    /// Gives a document that another spool on the same file system has a place here too, without copying it.
    func adopt(_ job: JobID, from other: Spool) throws(OfficeError) {
        let size = other.size(of: job) ?? 0
        try take(size)
        let done = linkat(other.directory, job.description, directory, job.description, 0)
        guard done == 0 || errno == EEXIST, fsync(directory) == 0 else {
            give(back: size)
            throw Self.failure(job.description)
        }
        if done != 0 { give(back: size) }
    }

    /// Throws `.noSpace` where so many bytes more can't be had: better told before they are sent than after.
    func checkRoom(for count: Int64) throws(OfficeError) {
        guard used.withLock({ $0 + count <= limit }) else { throw full }
        var status = statvfs()
        guard fstatvfs(directory, &status) == 0 else { throw Self.failure("its folder") }
        guard count / Int64(max(1, status.f_frsize)) < Int64(clamping: status.f_bavail) else {
            throw Self.diskFull
        }
    }

    /// Takes room for `count` bytes more.
    func take(_ count: Int64) throws(OfficeError) {
        let fits = used.withLock { used in
            guard used + count <= limit else { return false }
            used += count
            return true
        }
        guard fits else { throw full }
    }

    private var full: OfficeError {
        OfficeError(
            .noSpace, "the print spool", "it is full (\(limit) bytes)",
            mend: "Run the same again when jobs have been printed, or raise 'printing.spoolBytes'.")
    }

    func give(back count: Int64) { used.withLock { $0 -= count } }

    // MARK: Files

    func openPart(of job: JobID, truncating: Bool) throws(OfficeError) -> CInt {
        let name = job.description + Self.partSuffix
        if truncating {
            let size = Self.size(name, in: directory) ?? 0
            if unlinkat(directory, name, 0) == 0 { give(back: size) }
        }
        let descriptor = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure(name) }
        return descriptor
    }

    /// Gives a whole half its name, durably.
    func commit(_ descriptor: CInt, as job: JobID) throws(OfficeError) {
        guard fsync(descriptor) == 0,
            renameat(directory, job.description + Self.partSuffix, directory, job.description) == 0,
            fsync(directory) == 0
        else { throw Self.failure(job.description) }
    }

    static func failure(_ what: String) -> OfficeError {
        let cause = errno
        guard cause != ENOSPC, cause != EDQUOT else { return diskFull }
        return OfficeError(.io, "the print spool", "\(what) can't be used (\(String(cString: strerror(cause))))")
    }

    private static var diskFull: OfficeError {
        OfficeError(
            .noSpace, "the print spool", "its disk is full", mend: "Make room on it and run the same again.")
    }

    private static func size(_ name: String, in directory: CInt) -> Int64? {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return Int64(status.st_size)
    }

    private func names() throws(OfficeError) -> [String] {
        let copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { throw Self.failure("its folder") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = Self.name(of: entry)
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
        withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
    }
}
