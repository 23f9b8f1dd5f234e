#if canImport(Glibc)
    import Glibc
#endif

/// The right to begin a job of CUPS's once, as files of a folder: officeshared grants it, and `officeshare-begin`, the
/// first filter of every document of the office, takes it before it lets a byte through.
///
/// cupsd begins what it had in work anew when it starts, whatever its backend may have printed meanwhile. A filter is
/// the one place of a job that every such beginning has to pass, with cupsd or officeshared killed at whatever moment.
/// The folder doesn't outlive the machine's power: what was begun before isn't begun again by anybody else's word.
package struct PrintPermits: Sendable {
    /// Made by tmpfiles.d: for officeshared, and for the group `lp`, which filters run in.
    package static let defaultFolder = "/run/officeshare-permits"

    private let folder: String

    package init(at folder: String = defaultFolder) { self.folder = folder }

    private enum Stage: String {
        /// May be begun.
        case ready
        /// Was begun, by the cupsd that is named in it.
        case begun
        /// Was to be begun again by another cupsd, and wasn't.
        case refused
    }

    private func path(_ job: Int32, _ stage: Stage) -> String { "\(folder)/\(job).\(stage.rawValue)" }

    // MARK: officeshared

    /// Lets the job begin once more. False where that can't be: then nothing may be printed by a permit.
    package func grant(_ job: Int32) -> Bool {
        remove(job, .begun)
        remove(job, .refused)
        let file = open(path(job, .ready), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o660)
        guard file >= 0 else { return false }
        // The filter writes into it what cupsd it was begun by, and the umask forbids that.
        let isForFilters = fchmod(file, 0o660) == 0
        close(file)
        return isForFilters
    }

    /// Whether a job may be begun and wasn't yet.
    package func isReady(_ job: Int32) -> Bool { access(path(job, .ready), F_OK) == 0 }

    /// Whether a job was kept from being printed a second time.
    package func isRefused(_ job: Int32) -> Bool { access(path(job, .refused), F_OK) == 0 }

    /// Forgets a job that is at its end.
    package func forget(_ job: Int32) {
        for stage in [Stage.ready, .begun, .refused] { remove(job, stage) }
    }

    /// Forgets all jobs but those.
    package func forgetAll(but jobs: Set<Int32>) {
        guard let listing = opendir(folder) else { return }
        defer { closedir(listing) }
        var stale: Set<Int32> = []
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let job = name.split(separator: ".").first.flatMap({ Int32($0) }), !jobs.contains(job) {
                stale.insert(job)
            }
        }
        for job in stale { forget(job) }
    }

    private func remove(_ job: Int32, _ stage: Stage) { unlink(path(job, stage)) }

    // MARK: The filter

    /// Takes the permit of a job: whether it may be begun.
    ///
    /// - Parameter scheduler: The cupsd that begins it; nil where that can't be told. One and the same may begin it
    ///   again, for it waits for the end of what it ends.
    package func take(_ job: Int32, by scheduler: SchedulerIdentity?) -> Bool {
        if rename(path(job, .ready), path(job, .begun)) == 0 {
            if let scheduler { write(scheduler.text, to: job) }
            return true
        }
        if let scheduler, read(job) == scheduler.text { return true }
        let mark = open(path(job, .refused), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o660)
        if mark >= 0 { close(mark) }
        return false
    }

    private func write(_ text: String, to job: Int32) {
        let file = open(path(job, .begun), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        var text = text
        // Cut short it is nobody's, and the job isn't begun again.
        _ = text.withUTF8 { Glibc.write(file, $0.baseAddress, $0.count) }
    }

    private func read(_ job: Int32) -> String? { contents(path(job, .begun)) }
}

/// Which run of cupsd it is: its process and when that began, by the kernel's clock.
package struct SchedulerIdentity: Sendable {
    let text: String

    /// The parent of this process, which every filter's is.
    package static var ofParent: SchedulerIdentity? {
        let parent = getppid()
        // A name in brackets that may hold anything, then fields 3 to 52: proc(5).
        guard let stat = contents("/proc/\(parent)/stat"), let name = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        let startTime = 22 - 3
        guard fields.count > startTime, getppid() == parent else { return nil }
        return SchedulerIdentity(text: "\(parent) \(fields[startTime])")
    }
}

/// A file of at most 4 KiB; nil where it can't be read.
private func contents(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let size = 4_096
    return withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
        let count = Glibc.read(file, buffer.baseAddress, size)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
