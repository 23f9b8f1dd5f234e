import OfficeCore

/// A queue of the local CUPS.
package struct CUPSQueue: Sendable, Hashable {
    package var description: QueueDescription
    /// Where CUPS sends its jobs. Of an office queue that is our own endpoint.
    package var deviceURI: String
    /// Whether CUPS itself offers it to the LAN (which officeshare neither needs nor changes).
    package var isShared: Bool
    /// cupsd makes such queues for printers that it discovers, and forgets them after a minute without use.
    package var isTemporary: Bool
    /// What is written on one that officeshare made: its plan's edition.
    var mark: String?
    package var stamps: QueueStamps
}

/// When CUPS changed a queue, in its clock's seconds since 1970: to be compared for equality alone.
package struct QueueStamps: Sendable, Hashable {
    package var configuration: Int32
    package var state: Int32
}

/// What changes from second to second: asked for cheaply, of all queues at once.
package struct QueueStatus: Sendable, Hashable {
    package var state: QueueDescription.State
    package var accepting: Bool
    package var reasons: [String]
    package var message: String?
    package var jobs: Int
    package var stamps: QueueStamps
    package var isTemporary: Bool
    /// What CUPS does when the printer fails, `stop-printer`.
    package var errorPolicy: String
    /// The gate before it, where it has one.
    package var gate: CUPSGate?
}

extension CUPSQueue {
    static let attributes =
        Sanitizer.attributes + [
            "device-uri", "printer-organizational-unit", "printer-is-shared", "printer-is-temporary",
            "printer-config-change-time",
            "printer-state-change-time",
        ]

    /// nil for one whose name the office can't use.
    init?(_ printer: IPPGroup) {
        guard let description = Sanitizer.description(of: printer) else { return nil }
        self.description = description
        // Not for others, and no text for people: bounded is enough.
        deviceURI = String((printer["device-uri"]?.text ?? "").prefix(1_023))
        isShared = printer["printer-is-shared"]?.flag ?? false
        isTemporary = printer["printer-is-temporary"]?.flag ?? false
        mark = printer["printer-organizational-unit"]?.text.flatMap { Sanitizer.text($0) }
        stamps = QueueStamps(printer)
    }
}

extension QueueStatus {
    static let attributes = [
        "printer-name", "printer-state", "printer-is-accepting-jobs", "printer-state-reasons",
        "printer-state-message", "queued-job-count", "printer-is-temporary", "printer-config-change-time",
        "printer-state-change-time", "printer-error-policy", "member-names",
    ]

    init(_ printer: IPPGroup) {
        state = Sanitizer.state(of: printer)
        accepting = printer["printer-is-accepting-jobs"]?.flag ?? false
        reasons = Sanitizer.reasons(printer["printer-state-reasons"]?.texts ?? [])
        message = printer["printer-state-message"]?.text.flatMap { Sanitizer.text($0, most: Sanitizer.longestMessage) }
        jobs = Int(max(printer["queued-job-count"]?.number ?? 0, 0))
        stamps = QueueStamps(printer)
        isTemporary = printer["printer-is-temporary"]?.flag ?? false
        errorPolicy = printer["printer-error-policy"]?.text.flatMap { Sanitizer.keyword($0) } ?? "stop-printer"
    }
}

extension QueueStamps {
    init(_ printer: IPPGroup) {
        configuration = printer["printer-config-change-time"]?.number ?? 0
        state = printer["printer-state-change-time"]?.number ?? 0
    }
}
