import OfficeCore
import OfficeTrust

/// Which attributes an answer has: `requested-attributes`, names and groups mixed (RFC 8011, section 4.2.5.1).
struct RequestedAttributes: Sendable {
    private let names: Set<String>

    /// - Parameter fallback: What is answered where the request doesn't say.
    init(_ texts: [String]?, fallback: [String]) { names = Set((texts ?? fallback).prefix(1_024)) }

    /// The wanted ones of `attributes`, which belong to `group`.
    func of(_ attributes: [IPPAttribute], group: String...) -> [IPPAttribute] {
        if names.contains("all") || group.contains(where: names.contains) { return attributes }
        return attributes.filter { names.contains($0.name) }
    }

    /// Whether it is asked for by its own name.
    func names(_ name: String) -> Bool { names.contains(name) }
}

/// `which-jobs` (RFC 8011, section 4.2.6.1; PWG 5100.11).
enum WhichJobs: String, Sendable, CaseIterable {
    case completed
    case notCompleted = "not-completed"
    case all
    case aborted
    case canceled
    case pending
    case pendingHeld = "pending-held"
    case processing
    case processingStopped = "processing-stopped"

    func includes(_ state: JobState) -> Bool {
        switch self {
        case .completed: state.isFinal
        case .notCompleted: !state.isFinal
        case .all: true
        case .aborted: state == .aborted
        case .canceled: state == .canceled
        case .pending: state.ipp == 3
        case .pendingHeld: state == .held
        case .processing: state == .processing
        case .processingStopped: state == .stopped
        }
    }
}

extension JobState {
    /// `job-state` (RFC 8011, section 5.3.7).
    var ipp: Int32 {
        switch self {
        case .spooled, .waiting, .pending: 3
        case .held: 4
        case .processing: 5
        case .stopped: 6
        case .canceled: 7
        case .aborted: 8
        case .completed: 9
        }
    }

    /// The reason that IPP has for it, where nobody gave a better one.
    fileprivate var reason: String {
        switch self {
        case .spooled: "job-queued"
        case .waiting: "job-queued"
        case .pending: "none"
        case .held: "job-hold-until-specified"
        case .processing: "job-printing"
        case .stopped: "printer-stopped"
        case .canceled: "job-canceled-by-user"
        case .aborted: "aborted-by-system"
        case .completed: "job-completed-successfully"
        }
    }
}

/// A job as IPP shows it.
struct JobAttributeList: Sendable {
    let report: JobReport
    let number: Int32
    let queueName: String
    let authority: String
    /// This machine's node: users of others are shown with theirs.
    let node: NodeID
    let now: Timestamp
    /// A backend takes a held job for a finished one, and its cupsd calls it completed: it is told of a pending one.
    let hidesHold: Bool

    /// What every answer about a job has.
    var identity: [IPPAttribute] {
        [
            IPPAttribute("job-id", .integer(number)),
            IPPAttribute("job-uri", .uri(EndpointURI.job(number, of: queueName, at: authority))),
        ]
    }

    /// What the answer to a submission has.
    var receipt: [IPPAttribute] { identity + [IPPAttribute("job-uuid", .uri(report.id.uri))] + state }

    var all: [IPPAttribute] {
        let ended = report.state.isFinal
        let kilobytes = Int32(clamping: (report.size + 1_023) / 1_024)
        var list =
            receipt + [
                IPPAttribute("job-printer-uri", .uri(EndpointURI.printer(queueName, at: authority))),
                IPPAttribute("job-name", .name(report.title.plain(atMost: 255))),
                IPPAttribute("job-originating-user-name", .name(user)),
                IPPAttribute("job-k-octets", .integer(kilobytes)), IPPAttribute("number-of-documents", .integer(1)),
                IPPAttribute("time-at-creation", .integer(report.submitted.seconds32)),
                IPPAttribute("date-time-at-creation", .dateTime(report.submitted.dateAndTime)),
                // Nobody tells when the printing began.
                IPPAttribute("time-at-processing", .outOfBand(.noValue)),
                IPPAttribute("date-time-at-processing", .outOfBand(.noValue)),
                IPPAttribute("job-printer-up-time", .integer(now.seconds32)),
            ]
        if let completed = report.completed, ended {
            list.append(IPPAttribute("time-at-completed", .integer(completed.seconds32)))
            list.append(IPPAttribute("date-time-at-completed", .dateTime(completed.dateAndTime)))
        } else {
            list.append(IPPAttribute("time-at-completed", .outOfBand(.noValue)))
            list.append(IPPAttribute("date-time-at-completed", .outOfBand(.noValue)))
        }
        if let pages = report.pages, pages >= 0 {
            list.append(IPPAttribute("job-impressions", .integer(Int32(clamping: pages))))
        }
        return list
    }

    private var user: String {
        let name = report.user.description
        return report.node == node ? name : "\(name)@\(report.node.short)"
    }

    private var state: [IPPAttribute] {
        let keywords = report.reasons.prefix(16).filter { $0.isKeyword && $0 != "none" }
        let sentences = report.reasons.prefix(16).filter { !$0.isKeyword }
        return [
            IPPAttribute(
                "job-state", .enumeration(hidesHold && report.state == .held ? JobState.pending.ipp : report.state.ipp)),
            IPPAttribute(
                "job-state-reasons", (keywords.isEmpty ? [report.state.reason] : keywords).map { .keyword($0) }),
            IPPAttribute("job-state-message", .text(sentences.joined(separator: "; ").plain(atMost: 255))),
        ]
    }
}
