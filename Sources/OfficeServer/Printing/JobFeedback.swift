import OfficeCore
import OfficePrinting
import ServiceLifecycle

/// Tells the submitters' side of this node what becomes of jobs for its own queues: other nodes hear it by their event
/// streams.
struct OwnFeedback: Service {
    let received: ReceivedJobs
    let submitted: SubmittedJobs
    let changes: Bell

    func run() async throws {
        let bell = changes.listen()
        var version = await received.version
        await submitted.toldAll(await received.reports(), asOf: version, by: received.owner)
        for await _ in bell.cancelOnGracefulShutdown() {
            let reports = await received.reports(after: version)
            version = await received.version
            for report in reports where report.node == received.owner {
                await submitted.told(report, by: received.owner)
            }
        }
    }
}

/// Tries again at once what waits for a node that has just come back.
struct ReturnWatch: Service {
    let submitted: SubmittedJobs
    let presence: EventHub<NodeID>
    let wake: @Sendable (SubmittedJobs.Destination) -> Void

    func run() async throws {
        while !Task.isCancelled {
            for await node in presence.listen().cancelOnGracefulShutdown() {
                for destination in await submitted.destinations where destination.owner == node { wake(destination) }
            }
            // A hub cuts off who falls behind.
            guard !Task.isShuttingDownGracefully else { return }
        }
    }
}
