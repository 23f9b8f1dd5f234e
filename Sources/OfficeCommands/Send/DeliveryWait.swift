import OfficeControl
import OfficeCore
import OfficeTransfer
import Synchronization

/// Follows a delivery as it moves.
struct DeliveryWait {
    let session: Session

    /// As it came to its end.
    func untilEnded(_ delivery: DeliveryModel) async throws(OfficeError) -> DeliveryModel {
        try await follow("/v1/sent/\(delivery.id)/events", delivery) { _ in true }
    }

    /// Throws where it was rejected.
    static func check(_ end: DeliveryModel) throws(OfficeError) {
        guard end.state == "rejected" else { return }
        throw OfficeError(
            .notAllowed, end.shownName,
            "\(end.to.escapedForTerminal) rejected it" + (end.reason.map { ": \($0)" } ?? ""))
    }

    /// Throws where it can't come now.
    func untilHere(_ delivery: DeliveryModel) async throws(OfficeError) -> DeliveryModel {
        let end = try await follow("/v1/inbox/\(delivery.id)/events", delivery) { $0.reason == nil }
        guard end.state == "delivered" else {
            let why = end.reason.map { ": \($0)" } ?? ""
            guard end.state != "rejected" else {
                throw OfficeError(.notFound, delivery.shownName, "it can't come\(why)")
            }
            throw OfficeError(
                .temporary, delivery.shownName, "it is accepted, and can't come now\(why)",
                mend: "Run the same again when it has: 'officeshare inbox' shows it.")
        }
        return end
    }

    /// Tells how it goes until it is at its end, or `goesOn` doesn't hold.
    private func follow(
        _ path: String, _ delivery: DeliveryModel, while goesOn: @escaping @Sendable (DeliveryModel) -> Bool
    ) async throws(OfficeError) -> DeliveryModel {
        struct Enough: Error {}
        let session = session
        let reporter = ProgressReporter(session: session)
        let last = Mutex(delivery)
        do {
            try await stoppable("waiting") {
                try await session.client.lines(path) { line in
                    let now = try JSONText.decode(DeliveryModel.self, line)
                    let before = last.withLock { last in
                        defer { last = now }
                        return last
                    }
                    if goesOn(now), now.reason != before.reason, let reason = now.reason {
                        session.notice("\(now.shownName): \(now.state), \(reason)")
                    }
                    var progress = TransferProgress()
                    (progress.path, progress.totalFiles) = (now.name, 1)
                    (progress.bytes, progress.totalBytes) = (min(now.bytes ?? 0, now.size), now.size)
                    progress.isFinished = now.isFinal
                    if now.state == "moving" || now.isFinal { reporter.update(progress) }
                    if !now.isFinal, !goesOn(now) { throw Enough() }
                }
            }
        } catch let error as OfficeError where error.code != .temporary || !last.withLock({ !goesOn($0) }) {
            throw error
        } catch {
            // What is told below is what was heard last.
        }
        let end = last.withLock { $0 }
        guard end.isFinal || !goesOn(end) else {
            throw OfficeError(
                .temporary, delivery.shownName, "the daemon stopped telling of it", mend: "Nothing of it is lost.")
        }
        return end
    }
}
