import OfficeCore
import OfficePrinting

/// The jobs of other nodes' queues, as their owners tell them.
actor JobBoard {
    /// Jobs of one owner that are kept.
    private static let most = 5_000

    private var told: [NodeID: [JobID: JobReport]] = [:]

    /// - Parameter whole: In place of everything told before.
    func take(_ reports: [JobReport], whole: Bool, from owner: NodeID) {
        var known = whole ? [:] : told[owner] ?? [:]
        for report in reports where report.owner == owner {
            guard known.count < Self.most || known[report.id] != nil else { break }
            known[report.id] = report.bounded
        }
        told[owner] = known
    }

    func forget(ownersOtherThan members: Set<NodeID>) { told = told.filter { members.contains($0.key) } }

    var all: [JobReport] { told.values.flatMap(\.values) }
    subscript(id: JobID) -> JobReport? {
        for jobs in told.values {
            if let report = jobs[id] { return report }
        }
        return nil
    }
}

extension JobReport {
    private static let mostReasons = 8
    private static let longestReason = 255

    /// A report from the network: no longer than a line of a table, and no control characters.
    var bounded: JobReport {
        var copy = self
        copy.title = Sanitizer.text(title, most: PrintTicket.longestTitle) ?? ""
        copy.reasons = reasons.prefix(Self.mostReasons).compactMap { Sanitizer.text($0, most: Self.longestReason) }
        return copy
    }
}
