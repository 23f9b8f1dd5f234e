import Logging
import OfficeCore
import ServiceLifecycle

/// Tells the service manager how the daemon is: ready, alive, busy with what, stopping.
///
/// Stands last in the group, and so hears first of a shutdown.
struct Heartbeat: Service {
    let manager: ServiceManager
    let composition: Composition
    /// How often health and status are looked at.
    let interval: Duration
    /// Called once a shutdown begins, whatever the services do with it.
    let onStopping: @Sendable () -> Void
    let logger: Logger

    /// Twice in the manager's patience; without a manager that waits, often enough for a status.
    static func interval(of manager: ServiceManager) -> Duration { manager.watchdog.map { $0 / 2 } ?? .seconds(10) }

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            do {
                try await cancelWhenGracefulShutdown(work)
            } catch is CancellationError {
                // A shutdown, orderly or not: the rest is for the others.
            } catch {
                onStopping()
                throw error
            }
            await manager.stopping()
        } onCancelOrGracefulShutdown: {
            onStopping()
        }
    }

    private func work() async throws {
        try await composition.ready()
        var status = await composition.status()
        await manager.ready(status: status)
        logger.info("ready")
        while true {
            try await beat(&status)
            try await Task.sleep(for: interval)
        }
    }

    private func beat(_ status: inout String) async throws {
        if await composition.isHealthy() {
            await manager.alive()
        } else {
            logger.warning("not healthy: the service manager is told nothing")
        }
        let current = await composition.status()
        if current != status { await manager.status(current) }
        status = current
    }
}
