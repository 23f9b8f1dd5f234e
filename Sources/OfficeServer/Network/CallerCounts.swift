import NIOConcurrencyHelpers

/// Connections of each local user, under their caps.
final class CallerCounts: Sendable {
    struct Caps: Sendable {
        var total: Int
        var perUser: Int

        /// What is left for who manages the node when everybody else has taken all they may.
        fileprivate var reserved: Int { total / 8 }
    }

    private struct State {
        var byUser: [UInt32: Int] = [:]
        var total = 0
    }

    private let state = NIOLockedValueBox(State())
    private let caps: @Sendable () -> Caps
    private let exempt: Set<UInt32>

    /// - Parameters:
    ///   - exempt: Users that only the total binds: they act for many.
    ///   - caps: Asked at each connection.
    init(exempt: Set<UInt32> = [], caps: @escaping @Sendable () -> Caps) {
        self.caps = caps
        self.exempt = exempt
    }

    /// Whether this user may have one more; if so it counts until `end`.
    func begin(_ user: UInt32, manages: Bool = false) -> Bool {
        let caps = caps()
        return state.withLockedValue { state in
            guard exempt.contains(user) || state.byUser[user, default: 0] < caps.perUser,
                state.total < caps.total - (manages || exempt.contains(user) ? 0 : caps.reserved)
            else { return false }
            state.byUser[user, default: 0] += 1
            state.total += 1
            return true
        }
    }

    func end(_ user: UInt32) {
        state.withLockedValue { state in
            state.byUser[user, default: 1] -= 1
            if state.byUser[user] == 0 { state.byUser[user] = nil }
            state.total -= 1
        }
    }
}
