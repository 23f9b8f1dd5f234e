import OfficeCore
import OfficeTransfer

/// How a transfer ended, told.
enum TransferReport {
    /// Prints the summary, in JSON also of what failed; throws what failed.
    ///
    /// - Parameter cancellation: What is said of a transfer that was cancelled, in place of all that it left undone.
    static func show(
        _ summary: TransferSummary, verb: String, in session: Session, cancellation: OfficeError? = nil
    ) async throws {
        if session.wantsJSON {
            try await session.console.write(JSONText.document(summary))
        } else if summary.files > 0 || summary.failure == nil && summary.queued.isEmpty {
            session.notice(line(summary))
        }
        for conflict in summary.conflicts {
            session.notice(
                "\(conflict.path): somebody else has changed it meanwhile, so both are kept. Yours is "
                    + "\(conflict.copy).")
        }
        for id in summary.queued {
            session.notice(
                verb == "get"
                    ? "Queued: when it has come, 'officeshare inbox accept \(id.prefix(8))' takes it."
                    : "Queued: 'officeshare sent \(id.prefix(8))' shows how it stands.")
        }
        if let code = summary.failure {
            if let cancellation { throw cancellation }
            throw Failures(verb: verb, errors: summary.failed.map(\.error), code: code)
        }
    }

    /// `3 files, 1.2 GiB in 12 s (98.0 MiB/s), 500.0 MiB were there already`.
    static func line(_ summary: TransferSummary) -> String {
        var text =
            "\(HumanText.count(summary.files, "file")), \(HumanText.size(summary.bytes)) in "
            + (summary.seconds < 10
                ? "\(Int(summary.seconds)).\(Int(summary.seconds * 10) % 10) s"
                : HumanText.duration(seconds: Int(summary.seconds)))
        if summary.bytes > 0, summary.seconds > 0 {
            text += " (\(HumanText.rate(Double(summary.bytes) / summary.seconds)))"
        }
        if summary.resumedBytes > 0 { text += ", \(HumanText.size(summary.resumedBytes)) were there already" }
        if summary.resentBlocks > 0 { text += ", \(HumanText.count(summary.resentBlocks, "block")) asked for again" }
        return text
    }
}

extension TransferSummary {
    /// Whether something there (nil: anywhere) failed for want of the other side, at the start or on the way.
    func hasToWait(for place: RemotePlace?) -> Bool { failed.contains { $0.isPassing(at: place) } }

    /// What waits now is no failure.
    mutating func forgiveWaiting(for places: [RemotePlace?]) {
        failed.removeAll { failure in places.contains { failure.isPassing(at: $0) } }
        if failed.isEmpty, !places.isEmpty { failure = nil }
    }
}

extension TransferSummary.Failure {
    /// A node that isn't there is named for all that was wanted of it.
    fileprivate func isPassing(at place: RemotePlace?) -> Bool {
        guard error.code == .unavailable || error.code == .temporary else { return false }
        guard let place else { return true }
        return path == place.node.description || path.hasPrefix(place.description)
    }
}
