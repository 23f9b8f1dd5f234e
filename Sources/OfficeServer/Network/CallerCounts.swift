import NIOConcurrencyHelpers

/// Connections of each local user, under their caps.
final class CallerCounts: Sendable {
    private let counts = NIOLockedValueBox<[UInt32: Int]>([:])
    private let total: Int
    private let perUser: Int
    private let exempt: Set<UInt32>

    /// - Parameter exempt: Users that only the total binds: they act for many.
    init(total: Int, perUser: Int, exempt: Set<UInt32> = []) {
        self.total = total
        self.perUser = perUser
        self.exempt = exempt
    }

    func begin(_ user: UInt32) -> Bool {
        counts.withLockedValue { counts in
            guard exempt.contains(user) || counts[user, default: 0] < perUser,
                counts.values.reduce(0, +) < total
            else { return false }
            counts[user, default: 0] += 1
            return true
        }
    }

    func end(_ user: UInt32) {
        counts.withLockedValue { counts in
            counts[user, default: 1] -= 1
            if counts[user] == 0 { counts[user] = nil }
        }
    }
}
