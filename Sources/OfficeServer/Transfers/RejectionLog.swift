import Logging
import OfficeCore
import OfficeTransfer

/// Names in the log whoever sent blocks that were not what they had to be: a lie, a rotten disk, or a wire that spoils.
///
/// At most one line for each node in a while; what comes meanwhile is counted, and told by the next.
actor RejectionLog {
    /// Of one node.
    static let interval = Duration.seconds(10)
    private static let mostNodes = 256
    private static let longestPath = 512

    private struct Told {
        var last: Duration
        var untold = 0
    }

    private let clock: TransferClock
    private let node: @Sendable (Label) async -> NodeID?
    private let logger: Logger
    private var told: [Label: Told] = [:]

    /// - Parameter node: Which node has this name.
    init(clock: TransferClock = .continuous, logger: Logger, node: @escaping @Sendable (Label) async -> NodeID?) {
        self.clock = clock
        self.node = node
        self.logger = logger
    }

    /// What a transfer, which is over, had from its sources.
    ///
    /// - Parameters:
    ///   - path: What was transferred.
    ///   - user: Whose command says so; nil: the daemon's own transfer.
    func note(_ sources: [TransferSummary.Source], of path: String, by user: String? = nil) async {
        for source in sources where source.rejected > 0 {
            guard let name = try? Label(source.node), let node = await node(name) else { continue }
            let now = clock.now()
            let known = told[name]
            let blocks = source.rejected + (known?.untold ?? 0)
            if let known, now - known.last < Self.interval {
                told[name] = Told(last: known.last, untold: blocks)
                continue
            }
            if known == nil, told.count >= Self.mostNodes { told = [:] }
            told[name] = Told(last: now)
            var metadata: Logger.Metadata = [
                LogKey.nodeName: "\(name)", LogKey.nodeID: "\(node)", LogKey.count: "\(blocks)",
                LogKey.path: "\(String(path.prefix(Self.longestPath)).escapedForTerminal)",
            ]
            if let user { metadata[LogKey.user] = "\(user)" }
            logger.warning("a node sent blocks that were wrong", metadata: metadata)
        }
    }
}
