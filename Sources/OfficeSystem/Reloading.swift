import Logging
import OfficeConfiguration
import OfficeCore
import ServiceLifecycle
import UnixSignals

/// Reads the configuration again at each SIGHUP and applies what can change live.
///
/// A configuration with a fault in it changes nothing: the log tells every fault, and the daemon goes on as it was.
struct Reloading: Service {
    let manager: ServiceManager
    let composition: Composition
    let settings: Settings
    let read: @Sendable () async -> SettingsReader.Reading
    let hangups: UnixSignalsSequence
    let logger: Logger

    func run() async throws {
        var current = settings
        for await _ in hangups.cancelOnGracefulShutdown() {
            await manager.reloading()
            current = await reload(current)
            await manager.ready(status: await composition.status())
        }
    }

    /// The settings that are in force afterwards.
    private func reload(_ current: Settings) async -> Settings {
        let reading = await read()
        guard reading.problems.isEmpty else {
            for problem in reading.problems {
                logger.error("the configuration is wrong, the old one stays", metadata: [LogKey.error: "\(problem)"])
            }
            return current
        }
        let wanted = current.applyingLive(of: reading.settings)
        do {
            if wanted != current { try await composition.reload(wanted) }
        } catch {
            logger.error("the new configuration can't be applied", metadata: [LogKey.error: "\(error)"])
            return current
        }
        let waiting = wanted.changes(to: reading.settings).map(\.name)
        if !waiting.isEmpty {
            logger.notice("a restart is needed for some keys", metadata: ["keys": "\(waiting.joined(separator: ", "))"])
        }
        logger.info("configuration read again")
        return wanted
    }
}
