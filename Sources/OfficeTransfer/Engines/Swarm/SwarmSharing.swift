import OfficeCore
import Synchronization

/// What a download and the content's owner tell each other while it runs: whether others read the same, and who.
final class SwarmSharing: Sendable {
    /// How often it is asked after at first, and later: doubled after every few rounds.
    private static let firstInterval = Duration.milliseconds(250)
    private static let longestInterval = Duration.seconds(1)
    private static let roundsAtOneInterval = 4
    /// How often the manifest is offered to a node that doesn't keep it.
    private static let mostOffers = 3

    let path: RelativePath
    let root: ContentRoot
    private let session: TransferSession
    private let place: RemotePlace
    private let leaves: [Digest256]
    private let size: Int64
    private let state = Mutex((isShared: false, rounds: 0, offers: 0))

    init(
        session: TransferSession, place: RemotePlace, path: RelativePath, root: ContentRoot, leaves: [Digest256],
        size: Int64
    ) {
        self.session = session
        self.place = place
        self.path = path
        self.root = root
        self.leaves = leaves
        self.size = size
    }

    /// Whether others read the same.
    var isShared: Bool { state.withLock { $0.isShared } }

    var interval: Duration {
        let doublings = min(state.withLock { $0.rounds } / Self.roundsAtOneInterval, 8)
        return min(Self.firstInterval * (1 << doublings), Self.longestInterval)
    }

    /// Tells how far this one is, and takes in who there is by now.
    func renew(_ swarm: SwarmState) async {
        var reading = ContentReading(path: path, size: size)
        reading.root = root
        reading.held = swarm.held
        state.withLock { $0.rounds += 1 }
        guard var demand = await session.transport.reading(reading, node: place.node, share: place.share),
            demand.root == root
        else { return }
        let offers = state.withLock { $0.offers }
        if demand.needsManifest, leaves.count <= BlockCache.mostBlocks, offers < Self.mostOffers {
            state.withLock { $0.offers += 1 }
            reading.leaves = leaves
            demand = await session.transport.reading(reading, node: place.node, share: place.share) ?? demand
        }
        if !demand.isAlone { swarm.share(as: demand.own) }
        for holder in demand.holders { swarm.add(holder) }
        state.withLock { $0.isShared = true }
    }
}
