package import OfficeCore
import Synchronization

/// Until when this node leads anything, by this machine's running time: no clock that is set, and no file's time, says so.
/// Thread-safe.
package final class NodeLease: Sendable {
    /// How long it holds from the beginning of the last sign of life that came through.
    package static let length = Duration.seconds(9)
    /// How long others wait from when they saw that sign: longer, for clocks that don't run quite alike.
    package static let grace = Duration.seconds(10)

    private let end: Mutex<ContinuousClock.Instant?> = Mutex(nil)

    package init() {}

    /// - Parameter began: Before the sign of life was written: nobody has seen it earlier.
    package func renew(from began: ContinuousClock.Instant) { end.withLock { $0 = began + Self.length } }

    package func isHeld(now: ContinuousClock.Instant = .now) -> Bool { end.withLock { $0.map { now < $0 } ?? false } }
}

/// By what this node leads one space. Asked before each change, under the space's lock, and again before anything is
/// acknowledged: what was done in between, while it surely held, was done by the only one who could. Thread-safe.
package final class SpaceLease: Sendable {
    package let epoch: Int64
    private let node: NodeLease
    private let isOver = Mutex(false)
    private let space: Label

    package init(_ space: Label, epoch: Int64, node: NodeLease) {
        self.space = space
        self.epoch = epoch
        self.node = node
    }

    package func end() { isOver.withLock { $0 = true } }

    package var isHeld: Bool { !isOver.withLock { $0 } && node.isHeld() }

    package func check() throws(OfficeError) {
        guard isHeld else { throw Self.elsewhere(space) }
    }

    package static func elsewhere(_ space: Label) -> OfficeError {
        OfficeError(
            .temporary, "\(Label.office)/\(space)", "it is led by no node for sure at this moment",
            mend: "Run the same again in a moment.")
    }
}
