import Synchronization

/// What happens on the LAN, for one consumer.
///
/// Nothing is dropped and memory is bounded however slow the consumer is: of each announcement only the latest
/// word waits, and a node that came and went unseen is not told of at all.
package struct DiscoveryEvents: AsyncSequence, Sendable {
    package typealias Element = DiscoveryEvent
    package typealias Failure = Never

    let mailbox: EventMailbox

    package struct AsyncIterator: AsyncIteratorProtocol {
        let mailbox: EventMailbox
        var signals: AsyncStream<Void>.AsyncIterator

        package mutating func next(isolation actor: isolated (any Actor)?) async -> DiscoveryEvent? {
            while true {
                if let event = mailbox.take() { return event }
                guard await signals.next(isolation: actor) != nil else { return mailbox.take() }
            }
        }

        package mutating func next() async -> DiscoveryEvent? {
            await next(isolation: #isolation)
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(mailbox: mailbox, signals: mailbox.signals.makeAsyncIterator())
    }
}

/// The events that wait for their consumer, at most one for each thing they are about.
final class EventMailbox: Sendable {
    /// What an event is about: a later one on the same replaces it.
    fileprivate enum Subject: Hashable {
        case availability
        case name
        case sighting(Sighting.Key)
        case duplicate(Sighting.Key)
    }

    fileprivate struct State {
        var waiting: [Subject: DiscoveryEvent] = [:]
        /// In the order of their first mention; those that wait no more are skipped.
        var order: [Subject] = []
        /// What the consumer believes to be there.
        var known: Set<Sighting.Key> = []
    }

    private let state = Mutex(State())
    let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() {
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ event: DiscoveryEvent) {
        state.withLock { state in
            let subject = Self.subject(of: event)
            if case .lost(let key) = event { state.waiting[.duplicate(key)] = nil }
            if case .lost(let key) = event, !state.known.contains(key) {
                // The consumer never heard of it.
                state.waiting[subject] = nil
            } else {
                if state.waiting.updateValue(event, forKey: subject) == nil { state.order.append(subject) }
            }
            state.compact()
        }
        signal.yield()
    }

    func take() -> DiscoveryEvent? {
        state.withLock { state in
            var skipped = 0
            defer { state.order.removeFirst(skipped) }
            for subject in state.order {
                skipped += 1
                guard let event = state.waiting.removeValue(forKey: subject) else { continue }
                switch event {
                case .found(let sighting), .duplicate(let sighting): state.known.insert(sighting.key)
                case .lost(let key): state.known.remove(key)
                case .availability, .renamed: break
                }
                return event
            }
            return nil
        }
    }

    /// How many places are in use: tests look at it.
    var waitingCount: Int { state.withLock { $0.order.count } }

    /// Ends the sequence, once what waits is taken.
    func finish() { signal.finish() }

    private static func subject(of event: DiscoveryEvent) -> Subject {
        switch event {
        case .found(let sighting): .sighting(sighting.key)
        case .lost(let key): .sighting(key)
        case .duplicate(let sighting): .duplicate(sighting.key)
        case .availability: .availability
        case .renamed: .name
        }
    }
}

extension EventMailbox.State {
    /// Keeps the order from growing by what was taken back before it was read.
    fileprivate mutating func compact() {
        guard order.count > 2 * waiting.count + 64 else { return }
        var seen: Set<EventMailbox.Subject> = []
        order = order.filter { waiting[$0] != nil && seen.insert($0).inserted }
    }
}
