import OfficeCore
import ServiceLifecycle

/// Closes the connections of whoever is a member no longer, as soon as the office log says so and they were told.
struct MembershipWatch: Service {
    /// How long a removed member has to take its last line: its connections are closed within two seconds.
    private static let patience = Duration.milliseconds(1_500)

    let office: OfficeKeeper
    let registry: ConnectionRegistry
    let streams: MemberStreams

    func run() async throws {
        await withDiscardingTaskGroup { closing in
            for await _ in office.changes.listen().cancelOnGracefulShutdown() {
                // Each beside the others: who stalls mustn't keep the next one connected.
                closing.addTask { await closeOthers() }
            }
            closing.cancelAll()
        }
    }

    private func closeOthers() async {
        let isMember = office.admission.isMember
        await streams.ended(of: { !isMember($0) }, within: Self.patience)
        registry.closeAll(except: isMember)
    }
}

/// Says goodbye on every event stream before anything is closed.
struct Farewell: Service {
    /// How long members have to take the goodbye: a third of what a graceful stop may take.
    private static let patience = Duration.seconds(1)

    let hub: EventHub<Void>
    let streams: MemberStreams

    func run() async throws {
        try? await gracefulShutdown()
        hub.send(())
        await streams.ended(of: { _ in true }, within: Self.patience)
    }
}
