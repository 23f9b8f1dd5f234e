/// What the print spool may hold, from the configuration.
package struct JobLimits: Sendable, Hashable {
    /// Bytes of all documents of one direction: submitted here, or received for this node's queues.
    package var spoolBytes: Int64
    /// Bytes of one document.
    package var documentBytes: Int64
    /// Jobs that are not at their end, of one direction.
    package var jobs: Int
    /// How long the documents of ended jobs are kept for `job reprint`.
    package var retention: Duration
    /// Bytes of the documents of ended jobs.
    package var retainedBytes: Int64
    /// Ended jobs that are remembered.
    package var history: Int

    package init(
        spoolBytes: Int64 = 20 << 30, documentBytes: Int64 = 4 << 30, jobs: Int = 2_000,
        retention: Duration = .seconds(24 * 3_600), retainedBytes: Int64 = 1 << 30, history: Int = 1_000
    ) {
        self.spoolBytes = spoolBytes
        self.documentBytes = documentBytes
        self.jobs = jobs
        self.retention = retention
        self.retainedBytes = retainedBytes
        self.history = history
    }
}
