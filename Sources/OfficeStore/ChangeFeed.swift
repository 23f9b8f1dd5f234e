import Dispatch
package import OfficeCore
package import OfficeFolders
import Synchronization

/// Tells a store's changes, in their order, to whoever does the same to a copy of it; and holds up acknowledgements until
/// the copy has them.
///
/// Changes are noted under the locks that order them. Who has made some asks to `confirm` before telling anybody: that
/// returns once the copy has all that was noted until then. While the copy is lost nothing is confirmed, until it was said
/// aloud that the copy is behind (`release`) or the store is closed. Thread-safe; `confirm` blocks.
package final class ChangeFeed: Sendable {
    package enum Mode: Sendable, Equatable {
        /// There is no copy, or it is known to be behind: changes are nobody's but the store's.
        case alone
        /// The copy follows.
        case following
        /// The copy is lost, and nobody has been told.
        case held
    }

    /// A change, with the content that belongs to it, open since it was made: whatever has its name later.
    package struct Noted: Sendable {
        package let number: Int64
        package let change: StoreChange
        package let content: ReadableFile?
    }

    fileprivate struct Waiter {
        let number: Int64
        let wake: DispatchSemaphore
        let isThere: Outcome
    }

    /// How a wait ended; written before the waiter is woken.
    fileprivate final class Outcome: Sendable {
        let refusal = Mutex<OfficeError?>(nil)
    }

    fileprivate struct State {
        var mode = Mode.alone
        var refusal: OfficeError?
        var last: Int64 = 0
        var acknowledged: Int64 = 0
        var pending: [Noted] = []
        var waiters: [Waiter] = []
    }

    /// How long an acknowledgement waits for a copy that is lost.
    private let patienceSeconds: Int
    private let state = Mutex(State())
    /// Rings when there is something new.
    package let bell = Doorbell()

    package init(patienceSeconds: Int = 15) { self.patienceSeconds = patienceSeconds }

    package var mode: Mode { state.withLock { $0.mode } }
    /// Number of the last change.
    package var last: Int64 { state.withLock { $0.last } }
    /// Whether contents are wanted with changes.
    var isFollowed: Bool { mode == .following }

    // MARK: Who makes changes

    /// Under the lock that orders it.
    func note(_ change: StoreChange, content: ReadableFile? = nil) {
        let isWanted = state.withLock { state in
            state.last += 1
            guard state.mode == .following else { return false }
            state.pending.append(Noted(number: state.last, change: change, content: content))
            return true
        }
        if isWanted { bell.ring() }
    }

    /// Returns once all that was noted before may be told; throws where that can't be said: it was done, and nobody may
    /// count on it.
    package func confirm() throws(OfficeError) {
        let waiter = try state.withLock { (state) throws(OfficeError) -> Waiter? in
            if let refusal = state.refusal { throw refusal }
            guard state.mode != .alone, state.acknowledged < state.last else { return nil }
            let waiter = Waiter(number: state.last, wake: DispatchSemaphore(value: 0), isThere: Outcome())
            state.waiters.append(waiter)
            return waiter
        }
        guard let waiter else { return }
        if waiter.wake.wait(timeout: .now() + .seconds(patienceSeconds)) == .timedOut {
            let isStillWaiting = state.withLock { state in
                let count = state.waiters.count
                state.waiters.removeAll { $0.wake === waiter.wake }
                return state.waiters.count < count
            }
            if isStillWaiting { throw Self.unconfirmed }
        }
        if let refusal = waiter.isThere.refusal.withLock({ $0 }) { throw refusal }
    }

    package static let unconfirmed = OfficeError(
        .temporary, Label.office, "the standby doesn't answer, and nobody else could be told so yet",
        mend: "Run the same again in a moment.")

    // MARK: Who carries them

    /// From now on changes are carried: the copy is equal at this moment.
    package func follow() {
        state.withLock { state in
            state.mode = .following
            state.pending = []
            state.acknowledged = state.last
        }
    }

    /// Everything that has not been acknowledged, in order, at most so much of it.
    package func pending(most: Int, bytes: Int64) -> [Noted] {
        state.withLock { state in
            var sum: Int64 = 0
            var count = 0
            for noted in state.pending.prefix(most) {
                sum += noted.change.contentBytes
                if count > 0, sum > bytes { break }
                count += 1
            }
            return Array(state.pending.prefix(count))
        }
    }

    /// The copy has everything up to this number, on its disk.
    package func acknowledge(_ number: Int64) {
        let done = state.withLock { state -> [Waiter] in
            guard state.mode == .following, number > state.acknowledged else { return [] }
            state.acknowledged = number
            let count = state.pending.prefix { $0.number <= number }.count
            state.pending.removeFirst(count)
            return state.takeWaiters { $0.number <= number }
        }
        for waiter in done { waiter.wake.signal() }
    }

    /// The copy is lost: nothing is confirmed any more.
    package func hold() {
        state.withLock { state in
            guard state.mode == .following || state.mode == .alone else { return }
            state.mode = .held
            state.pending = []
        }
    }

    /// It was said that the copy is behind: what waits and what comes is this store's own.
    package func release() {
        let done = state.withLock { state -> [Waiter] in
            state.mode = .alone
            state.pending = []
            return state.takeWaiters { _ in true }
        }
        for waiter in done { waiter.wake.signal() }
    }

    /// The store is served no longer: nothing is confirmed any more, and whoever waits hears why.
    package func close(_ refusal: OfficeError) {
        let done = state.withLock { state -> [Waiter] in
            state.refusal = refusal
            state.pending = []
            let waiting = state.takeWaiters { _ in true }
            for waiter in waiting { waiter.isThere.refusal.withLock { $0 = refusal } }
            return waiting
        }
        for waiter in done { waiter.wake.signal() }
    }

    /// Returns whether all that was noted has come to the copy, which follows.
    package var isDrained: Bool { state.withLock { $0.mode == .following && $0.pending.isEmpty } }
}

extension ChangeFeed.State {
    fileprivate mutating func takeWaiters(_ matches: (ChangeFeed.Waiter) -> Bool) -> [ChangeFeed.Waiter] {
        let taken = waiters.filter(matches)
        waiters.removeAll(where: matches)
        return taken
    }
}
