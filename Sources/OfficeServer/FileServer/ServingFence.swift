import NIOConcurrencyHelpers
import OfficeCore

/// Whether this node may change the office's spaces right now: asked, without waiting, before every single change.
final class ServingFence: Sendable {
    enum Mode: Sendable, Equatable {
        case away
        /// The file server of this epoch.
        case serving(Int64)
        /// Still that of this epoch, for reading: it is being handed over.
        case handingOver(Int64)
    }

    private let value = NIOLockedValueBox(Mode.away)

    var mode: Mode {
        get { value.withLockedValue { $0 } }
        set { value.withLockedValue { $0 = newValue } }
    }

    /// Throws unless this node is the file server of that epoch.
    func check(_ epoch: Int64, writing: Bool) throws(OfficeError) {
        switch mode {
        case .serving(epoch): return
        case .handingOver(epoch):
            guard writing else { return }
            throw Self.moving
        case .serving, .handingOver, .away: throw Self.moving
        }
    }

    static let moving = OfficeError(
        .temporary, Label.office, "the file server is moving to another node", mend: "Run the same again in a moment.")
}
