package import OfficeCore

/// A job as the local CUPS tells of it.
package struct CUPSJob: Sendable, Hashable {
    /// RFC 8011, section 5.3.7.
    package enum State: Int32, Sendable {
        case pending = 3
        case held = 4
        case processing = 5
        case stopped = 6
        case canceled = 7
        case aborted = 8
        case completed = 9

        package var isFinal: Bool { rawValue >= Self.canceled.rawValue }
    }

    /// Its last try failed, and CUPS would try again later.
    package var isFailed: Bool { reasons.contains("resources-are-not-ready") }

    /// CUPS's own number, given anew when its history is lost: only `id` and `attempt` say which job it is.
    package var number: Int32
    /// The office's id; nil for a job that didn't come by the office.
    package var id: JobID?
    package var attempt: Int?
    /// The queue it is on now; nil where that has no name the office can use.
    package var queue: Label?
    /// The queue at whose gate it is now.
    package var gate: Label?
    package var state: State
    /// Without `none`.
    package var reasons: [String]
    /// cupsd ended while it printed the job, of which nobody can tell since whether it came out: it keeps such a job
    /// with the reason for its last state, and without a word why it isn't printed any more.
    package var isInterrupted: Bool
    /// What the printer or a filter last said of it.
    package var message: String?
    /// The submitter, `alice@pc1` for a job of the office; nil where CUPS doesn't tell this process (see
    /// `JobPrivateAccess` in cupsd.conf(5)).
    package var user: String?
    package var title: String?
    /// Printed by now, as far as the printer tells: sheets, or sides where it counts those.
    package var pages: Int
    /// Documents that CUPS has, and the sheet that it puts before them itself where `job-sheets` says so.
    package var documents: Int
    /// Whether its document never came whole: nothing of it can have been printed.
    package var isHollow: Bool
    /// Whether all that is printed of it passes `officeshare-begin` first, which lets nothing through twice: not the sheet
    /// before it, and nothing on a queue without a driver.
    package var isGuarded: Bool
    /// Bytes, rounded up to 1,024.
    package var size: Int64
    package var created: Timestamp?
    package var processing: Timestamp?
    package var completed: Timestamp?
}

extension CUPSJob {
    /// CUPS keeps what it doesn't know and tells it again: so a job is found by these, whatever becomes of its number.
    static let idAttribute = "officeshare-job-id"
    static let attemptAttribute = "officeshare-attempt"

    static let attributes = [
        "job-id", idAttribute, attemptAttribute, "job-printer-uri", "job-state", "job-state-reasons",
        "job-printer-state-message", "job-printer-state-reasons", "job-originating-user-name", "job-name",
        "job-impressions-completed",
        "job-media-sheets-completed", "number-of-documents", "document-format", "job-sheets", "job-k-octets",
        "time-at-creation",
        "time-at-processing", "time-at-completed",
    ]

    init?(_ job: IPPGroup) {
        guard let number = job["job-id"]?.number, let state = job["job-state"]?.number.flatMap(State.init(rawValue:))
        else { return nil }
        self.number = number
        self.state = state
        id = job[Self.idAttribute]?.text.flatMap { try? JobID($0) }
        attempt = job[Self.attemptAttribute]?.number.map { Int($0) }
        let destination = job["job-printer-uri"]?.text.flatMap(Self.destination)
        queue = destination.flatMap { try? Label($0) }
        gate = destination.flatMap(CUPSGate.queue(ofName:))
        reasons = Sanitizer.reasons(job["job-state-reasons"]?.texts ?? [])
        let printerReasons = job["job-printer-state-reasons"]?.texts ?? []
        isInterrupted = state == .pending && reasons.contains("job-printing") && !printerReasons.contains("paused")
        message = job["job-printer-state-message"]?.text
            .flatMap { Sanitizer.text($0, most: Sanitizer.longestMessage) }
        user = job["job-originating-user-name"]?.text.flatMap { Sanitizer.text($0) }
        title = job["job-name"]?.text.flatMap { Sanitizer.text($0, most: PrintTicket.longestTitle) }
        let sheets = job["job-media-sheets-completed"]?.number ?? 0
        pages = Int(max(sheets, job["job-impressions-completed"]?.number ?? 0, 0))
        documents = Int(max(job["number-of-documents"]?.number ?? 0, 0))
        // A job has its first sheet from Create-Job on, and a format with its document. A cupsd that was killed may have
        // forgotten the format and kept the document, which it finds by its file: so both are looked at.
        let firstSheet = job["job-sheets"]?.text ?? "none"
        isHollow = job["document-format"] == nil && documents <= (firstSheet == "none" ? 0 : 1)
        isGuarded =
            firstSheet == "none" && job["document-format"]?.text?.hasPrefix(CUPSScheduler.guarded) == true
        size = Int64(max(job["job-k-octets"]?.number ?? 0, 0)) << 10
        created = Self.time(job["time-at-creation"])
        processing = Self.time(job["time-at-processing"])
        completed = Self.time(job["time-at-completed"])
    }

    /// `sink` of `ipp://localhost/printers/sink`.
    private static func destination(of uri: String) -> String? {
        uri.split(separator: "/").last.flatMap { try? percentDecoded($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func time(_ attribute: IPPAttribute?) -> Timestamp? {
        attribute?.number.flatMap { $0 > 0 ? Timestamp(seconds: Int64($0)) : nil }
    }
}
