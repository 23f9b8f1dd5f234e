import Logging
import OfficeCore
import OfficeStore

// Locks don't outlast the machines of those who hold them: a laptop that went to sleep keeps nobody from a file for hours.

extension FileServer {
    /// How long a machine is away before what its people have locked is free: a network may fail for a moment.
    private static let lockPatience = Duration.seconds(20)

    /// Looks who has locked something and isn't there any more.
    ///
    /// - Parameter present: First halves of the ids of the members that are there.
    func freeLocks(unlessOf present: Set<String>, now: ContinuousClock.Instant = .now) async {
        guard let spaces = store?.store.spaces else {
            missing = [:]
            return
        }
        let holders = (try? await onDisk { spaces.reduce(into: Set()) { $0.formUnion($1.lockingNodes) } }) ?? []
        let absent = holders.subtracting(present)
        missing = missing.filter { absent.contains($0.key) }
        for node in absent {
            let since = missing[node, default: now]
            missing[node] = since
            guard now - since >= Self.lockPatience else { continue }
            await onDisk { for space in spaces { space.releaseLocks(of: node) } }
            logger.notice("freed what an absent node's people had locked", metadata: [LogKey.nodeID: "\(node)"])
        }
    }
}
