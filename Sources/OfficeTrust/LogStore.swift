import Dispatch
package import OfficeCore

/// The office log of this node: in memory and, before anything is acknowledged, on the disk.
///
/// An actor on a thread of its own, for its file blocks.
package actor LogStore {
    private let executor: BlockingExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let limits: LogLimits
    private var file: LogFile
    /// nil while this node is in no office.
    package private(set) var log: OfficeLog?
    /// What opening found; worth a line in the log where it is not all zero.
    package let recovery: LogRecovery

    /// Opens (or makes) the log in a state directory that exists, and folds it. Throws `.unavailable` where
    /// another process has it open, `.configuration` where the file is somebody else's or open to others.
    package static func open(in directory: String, limits: LogLimits = LogLimits()) async throws(OfficeError)
        -> LogStore
    {
        let executor = BlockingExecutor(label: "officeshare.log")
        let opened = await executor.run { () -> Result<Opened, OfficeError> in
            do throws(OfficeError) { return .success(try Opened(in: directory, limits: limits)) } catch {
                return .failure(error)
            }
        }
        return LogStore(try opened.get(), limits: limits, executor: executor)
    }

    private struct Opened: Sendable {
        var file: LogFile
        var recovery: LogRecovery
        var log: OfficeLog?

        init(in directory: String, limits: LogLimits) throws(OfficeError) {
            (file, recovery) = try LogFile.open(in: StateDirectory(path: directory), limits: limits)
            guard let first = recovery.entries.first else { return }
            guard var log = try? OfficeLog(first: try LogEntry(first, limits: limits), limits: limits) else {
                file.close()
                throw OfficeError(
                    .configuration, directory + "/" + LogFile.fileName, "its first entry is damaged",
                    mend: "Restore it from a backup, or move it away and join the office again.")
            }
            let insertion = log.insert(sealed: recovery.entries.dropFirst())
            recovery.strandedEntries = insertion.waiting.count + insertion.refused.count
            recovery.entries = []
            self.log = log
        }
    }

    private init(_ opened: Opened, limits: LogLimits, executor: BlockingExecutor) {
        self.executor = executor
        self.limits = limits
        file = opened.file
        recovery = opened.recovery
        log = opened.log
    }

    deinit { file.close() }

    /// Begins the log of an office that was founded or joined. Throws `.exists` where this node is in one.
    package func begin(_ log: OfficeLog) throws(OfficeError) {
        if let current = self.log {
            throw OfficeError(
                .exists, current.state.name.description, "this node is in an office already",
                mend: "Leave it first: officeshare office leave.")
        }
        try file.append(log.entries(missingFrom: []).map(\.sealed))
        self.log = log
    }

    /// Takes in entries that a peer sent. When it returns, those it calls accepted are on the disk; when it throws,
    /// none was taken.
    package func insert(_ sealed: [SealedEntry]) throws(OfficeError) -> OfficeLog.Insertion {
        var copy = try current
        let insertion = copy.insert(sealed: sealed)
        try file.append(insertion.accepted.map(\.sealed))
        log = copy
        return insertion
    }

    /// Writes an entry of this node's own: `build` gets the log as it is now. Returns the state with it.
    package func write(
        _ build: @Sendable (OfficeLog) throws(OfficeError) -> LogEntry
    ) throws(OfficeError) -> (entry: LogEntry, state: OfficeState) {
        var copy = try current
        let entry = try build(copy)
        let insertion = copy.insert([entry])
        if let refusal = insertion.refused.first { throw refusal.error }
        try file.append(insertion.accepted.map(\.sealed))
        log = copy
        return (entry, copy.state)
    }

    /// Puts the log aside (as `office-ID.log`): this node left its office, or was put out, and can join another.
    package func end() throws(OfficeError) {
        let archived = "office-\(try current.office.short).log"
        file = try file.archive(as: archived, limits: limits)
        log = nil
    }

    private var current: OfficeLog {
        get throws(OfficeError) {
            if let log { return log }
            throw OfficeError(
                .notFound, "the office", "this node is in none",
                mend:
                    "Found one with 'officeshare office create NAME', or join one with 'officeshare office join CODE'.")
        }
    }
}

/// Runs blocking work on a private queue, one piece after the other.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
