import NIOConcurrencyHelpers
import OfficeCore

/// The event streams that members hold open now: so that the last line of one can be awaited before its connection
/// is closed.
///
/// A stream that has nothing more to say (its member was removed, this node stops) ends by itself, once its last
/// line is on its way. Whoever closes connections waits for that, and not for longer than its patience: a member
/// that stalls holds up nobody.
final class MemberStreams: Sendable {
    private struct State {
        var next = 0
        var open: [Int: NodeID] = [:]
        /// Streams whose end somebody waits for, and what tells that one.
        var waiters: [Int: (awaited: Set<Int>, wake: AsyncStream<Void>.Continuation)] = [:]

        mutating func number() -> Int {
            next += 1
            return next
        }
    }

    private let state = NIOLockedValueBox(State())

    /// A stream of this member's begins; it counts until `end` is called with the number that this returns.
    func begin(of node: NodeID) -> Int {
        state.withLockedValue { state in
            let number = state.number()
            state.open[number] = node
            return number
        }
    }

    func end(_ stream: Int) {
        let done = state.withLockedValue { state -> [AsyncStream<Void>.Continuation] in
            state.open[stream] = nil
            for number in Array(state.waiters.keys) { state.waiters[number]?.awaited.remove(stream) }
            let done = state.waiters.filter(\.value.awaited.isEmpty)
            for number in done.keys { state.waiters[number] = nil }
            return done.values.map(\.wake)
        }
        for waiter in done { waiter.finish() }
    }

    /// Waits until every stream of these members that is open now has ended, and at most this long.
    func ended(of isConcerned: (NodeID) -> Bool, within patience: Duration) async {
        let (ends, wake) = AsyncStream.makeStream(of: Void.self)
        let waiter = state.withLockedValue { state -> Int? in
            let awaited = Set(state.open.filter { isConcerned($0.value) }.keys)
            guard !awaited.isEmpty else { return nil }
            let number = state.number()
            state.waiters[number] = (awaited, wake)
            return number
        }
        guard let waiter else { return }
        await withDiscardingTaskGroup { group in
            group.addTask {
                // Cancelled once the streams have ended: then there is nobody to wake any more.
                try? await Task.sleep(for: patience)
                wake.finish()
            }
            for await _ in ends {}
            group.cancelAll()
        }
        state.withLockedValue { _ = $0.waiters.removeValue(forKey: waiter) }
    }
}
