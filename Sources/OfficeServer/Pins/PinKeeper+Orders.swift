import Logging
import OfficeControl
import OfficeCore
import OfficeTrust

extension PinKeeper {
    /// What was ordered holds after a restart, too.
    func ordered(_ order: TransferOrder, _ key: PinRecord.Key) async {
        guard order != .cancel, pins[key] != nil else { return }
        pins[key]?.isPaused = order == .pause
        guard let pin = pins[key] else { return }
        do {
            try await store.save(pin)
        } catch {
            logger.warning(
                "that a pin is paused can't be written down",
                metadata: [LogKey.shareName: "\(key.share)", LogKey.error: "\(error)"])
        }
    }
}
