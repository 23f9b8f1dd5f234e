import OfficeCore
import Synchronization

/// Tells blocking code that nobody waits for it any more. It looks at it between blocks.
final class StopFlag: Sendable {
    private let isSet = Atomic(false)

    func set() { isSet.store(true, ordering: .relaxed) }

    func check() throws(OfficeError) {
        guard isSet.load(ordering: .relaxed) else { return }
        throw OfficeError(.temporary, "transfer", "it was broken off", mend: "Run the same again to go on.")
    }
}
