import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTrust
import Synchronization

/// What a standby has of the office's spaces, to be read while the file server is away: by each space's own list, as it
/// was at the file server. The follower says which store that is. Thread-safe.
final class StandbyCopies: Sendable {
    private struct State {
        var store: Store?
        /// Until when everything that the file server acknowledged is known to be here.
        var asOf = Timestamp.now
    }

    private let state = Mutex(State())
    private let changes: Bell

    /// - Parameter changes: Rung when there is something else to tell of.
    init(changes: Bell) { self.changes = changes }

    /// This store follows from now on; nil: none does.
    func follow(_ store: Store?) {
        state.withLock { state in
            state.store = store
            state.asOf = .now
        }
        changes.ring()
    }

    func confirm() { state.withLock { $0.asOf = .now } }

    /// Somebody is away, and it may be the file server: members are told as of when these copies are.
    func tell() { if state.withLock({ $0.store != nil }) { changes.ring() } }

    /// A space's folder, for whom its list allows it; nil where there is none for them.
    func open(_ space: Label, for principal: Principal) -> Folder? {
        guard let store = state.withLock({ $0.store }), let record = store.record(of: space),
            record.access.allows(principal)
        else { return nil }
        return try? store.space(space).folder
    }

    /// What is told to one member: the spaces that its people may read.
    ///
    /// - Parameter office: Whose they are.
    func offers(for node: NodeID, of office: NodeID) -> [PeerPin] {
        let (store, asOf) = state.withLock { ($0.store, $0.asOf) }
        return (store?.records ?? []).compactMap { record in
            var copy = PeerPin(owner: office, share: record.name, asOf: asOf, comment: nil, users: nil)
            switch record.access.audience(on: node) {
            case .everyone: return copy
            case .users(let users) where !users.isEmpty:
                copy.users = users.sorted()
                return copy
            case .users: return nil
            }
        }
    }
}
