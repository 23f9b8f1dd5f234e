import Synchronization

/// One task for each key (a queue, a node) that has something to do, and a bell to wake it.
package final class Lanes<Key: Hashable & Sendable>: Sendable {
    /// A key's own.
    package struct Lane: Sendable {
        package let key: Key
        fileprivate let bell = Doorbell()

        /// Waits so long, or until it is woken: true then.
        package func pause(_ time: Duration) async -> Bool { await bell.wait(for: time) }
    }

    private struct State {
        var lanes: [Key: Lane] = [:]
        /// Woken since its task looked last whether there is anything to do.
        var woken: Set<Key> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes the key's task, or has one started.
    package func wake(_ key: Key, start: (Lane) -> Void) {
        let fresh: Lane? = state.withLock { state in
            if let lane = state.lanes[key] {
                state.woken.insert(key)
                lane.bell.ring()
                return nil
            }
            let lane = Lane(key: key)
            state.lanes[key] = lane
            return lane
        }
        if let fresh { start(fresh) }
    }

    /// Whether a task that found nothing to do may end: not if it was woken since.
    package func end(_ lane: Lane) -> Bool {
        state.withLock { state in
            guard state.woken.remove(lane.key) == nil else { return false }
            state.lanes[lane.key] = nil
            return true
        }
    }
}
