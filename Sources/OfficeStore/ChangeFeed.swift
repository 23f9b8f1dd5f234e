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
        /// Something was changed that can't be told.
        var hasMissed = false
        /// What was written while nobody followed, since it was last known what the copy has; nil: that isn't known.
        var touched: Set<Touched>?
        var refusal: OfficeError?
        var last: Int64 = 0
        var acknowledged: Int64 = 0
        var pending: [Noted] = []
        var waiters: [Waiter] = []
    }

    /// A path whose content may be another one than the copy has, though size and time are the same.
    package struct Touched: Hashable, Sendable {
        package let space: Label
        package let path: RelativePath
    }

    /// Paths that are remembered one by one.
    private static let mostTouched = 1000

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
            guard state.mode == .following else {
                state.touch(change, most: Self.mostTouched)
                return false
            }
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
            state.hasMissed = false
            state.touched = []
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
            state.forget(most: Self.mostTouched)
        }
    }

    /// It was said that the copy is behind: what waits and what comes is this store's own.
    package func release() {
        let done = state.withLock { state -> [Waiter] in
            state.mode = .alone
            state.forget(most: Self.mostTouched)
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

    // MARK: Making the copy equal

    /// What has to be compared by content, besides by size and time; nil: everything. From now on it is remembered.
    package func beginCopying() -> Set<Touched>? {
        state.withLock { state in
            defer { if state.touched == nil { state.touched = [] } }
            return state.touched
        }
    }

    /// What was written since, too.
    package var touched: Set<Touched>? { state.withLock { $0.touched } }

    /// It came to nothing: of a copy that was to be compared as a whole nothing is known.
    package func endCopying(comparedAll: Bool) {
        guard comparedAll else { return }
        state.withLock { state in if state.mode != .following { state.touched = nil } }
    }

    /// Something was changed in a way that can't be told: the copy has to be made equal anew.
    package func miss() {
        state.withLock { state in
            state.last += 1
            state.hasMissed = true
            if state.mode != .following { state.touched = nil }
        }
        bell.ring()
    }

    package var hasMissed: Bool { state.withLock { $0.hasMissed } }

    /// Returns whether all that was noted has come to the copy, which follows.
    package var isDrained: Bool { state.withLock { $0.mode == .following && $0.pending.isEmpty } }
}

extension ChangeFeed.State {
    /// Remembers what a change may have left with another content under the same name, size and time.
    fileprivate mutating func touch(_ change: StoreChange, most: Int) {
        guard let paths = change.contents, var touched else { return }
        touched.formUnion(paths)
        self.touched = touched.count <= most ? touched : nil
    }

    /// What waits is sent no more.
    fileprivate mutating func forget(most: Int) {
        for noted in pending { touch(noted.change, most: most) }
        pending = []
    }

    fileprivate mutating func takeWaiters(_ matches: (ChangeFeed.Waiter) -> Bool) -> [ChangeFeed.Waiter] {
        let taken = waiters.filter(matches)
        waiters.removeAll(where: matches)
        return taken
    }
}
