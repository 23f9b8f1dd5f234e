import Logging
import OfficeCore
import OfficeTransfer
import OfficeTrust

// What the disk has changed without a sign.

extension Outbox {
    /// How often one content is read again because a receiver says that it isn't what was offered.
    private static let patience = Duration.seconds(60)

    /// A receiver says that what it gets of a content isn't what was offered: it is read whole. Is it another by now, it
    /// can't be delivered any more: its sender hears so, instead of waiting for ever.
    func doubt(_ content: DeliveryID) async {
        let now = ContinuousClock.now
        doubts = doubts.filter { now - $0.value < Self.patience }
        guard doubts[content] == nil, let known = records.values.first(where: { $0.content == content && $0.isKept }),
            let root = known.root
        else { return }
        doubts[content] = now
        do {
            guard try await spool.reread(known.name, of: content, cache: cache).root != root else { return }
            await spoilt(
                content, "its content on this machine's disk isn't what was sent any more: send the file again")
        } catch let error as OfficeError where error.code == .io || error.code == .notFound {
            await spoilt(content, "its content can't be read any more (\(error.why)): send the file again")
        } catch {
            // It is tried again when somebody asks for it again.
            doubts[content] = nil
        }
    }

    /// None of its deliveries that are on their way can arrive.
    private func spoilt(_ content: DeliveryID, _ why: String) async {
        let open = records.values.filter { $0.content == content && $0.isOpen && $0.offer != nil }
        do throws(OfficeError) {
            for record in open {
                try await update(record.id) { record in
                    (record.state, record.reason, record.ended) = (.rejected, why, .now)
                    record.isPaused = nil
                }
            }
            // Nobody gets it again, by 'resend' either.
            try await release(content)
        } catch {
            logger.warning("a delivery that is spoilt can't be written down", metadata: [LogKey.error: "\(error)"])
        }
        logger.warning(
            "what was sent has changed on the disk since",
            metadata: [LogKey.count: "\(open.count)", LogKey.path: "\(open.first?.name.description ?? "")"])
    }
}
