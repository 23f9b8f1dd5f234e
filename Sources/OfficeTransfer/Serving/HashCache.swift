package import OfficeCore
package import OfficeFolders
import Synchronization

/// Remembers the leaf digests of files that were hashed, by what they were then: device, inode, size, mtime and
/// ctime. Implementations: `MemoryHashCache`, and the daemon's over SQLite. Called on threads that may block.
package protocol HashCache: Sendable {
    /// The leaves, one for each block of `BlockGeometry(size: identity.size)`; nil where they are not known.
    func leaves(of identity: FileIdentity) -> [Digest256]?
    func remember(_ leaves: [Digest256], of identity: FileIdentity)
    /// What was remembered isn't what is read: the disk has changed it without a sign.
    func forget(_ identity: FileIdentity)
}

/// Keeps the leaves of the files used last, up to a number of digests in all.
package final class MemoryHashCache: HashCache {
    private struct State {
        var leaves: [FileIdentity: (digests: [Digest256], used: UInt64)] = [:]
        var digests = 0
        var clock: UInt64 = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: Digests kept, of 32 bytes each; each file costs one more.
    package init(capacity: Int = 1 << 16) {
        self.capacity = capacity
    }

    package func leaves(of identity: FileIdentity) -> [Digest256]? {
        state.withLock { state in
            state.clock += 1
            state.leaves[identity]?.used = state.clock
            return state.leaves[identity]?.digests
        }
    }

    package func forget(_ identity: FileIdentity) {
        state.withLock { state in
            guard let old = state.leaves.removeValue(forKey: identity) else { return }
            state.digests -= old.digests.count + 1
        }
    }

    package func remember(_ leaves: [Digest256], of identity: FileIdentity) {
        guard leaves.count < capacity else { return }
        state.withLock { state in
            state.clock += 1
            if let old = state.leaves.updateValue((leaves, state.clock), forKey: identity) {
                state.digests -= old.digests.count + 1
            }
            state.digests += leaves.count + 1
            guard state.digests > capacity else { return }
            // Down to three quarters at once, so that the search for the oldest is rare.
            for (identity, entry) in state.leaves.sorted(by: { $0.value.used < $1.value.used }) {
                guard state.digests > capacity / 4 * 3 else { break }
                state.leaves[identity] = nil
                state.digests -= entry.digests.count + 1
            }
        }
    }
}
