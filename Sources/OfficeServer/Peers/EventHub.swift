import NIOConcurrencyHelpers

/// Hands what happens to everybody who listens. A listener that doesn't keep up is cut off, never waited for.
final class EventHub<Event: Sendable>: Sendable {
    private struct State {
        var next = 0
        var listeners: [Int: AsyncStream<Event>.Continuation] = [:]
        var isFinished = false
    }

    private let state = NIOLockedValueBox(State())
    /// Events that wait for one listener.
    private let capacity: Int

    init(capacity: Int = 256) { self.capacity = capacity }

    /// Everything from now on. The stream ends when the listener falls behind or the hub is finished.
    func listen() -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(capacity))
        let id: Int? = state.withLockedValue { state in
            guard !state.isFinished else { return nil }
            state.next += 1
            state.listeners[state.next] = continuation
            return state.next
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLockedValue { _ = $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    func send(_ event: Event) {
        let listeners = state.withLockedValue { Array($0.listeners.values) }
        for listener in listeners {
            if case .dropped = listener.yield(event) { listener.finish() }
        }
    }

    func finish() {
        let listeners = state.withLockedValue { state in
            state.isFinished = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
