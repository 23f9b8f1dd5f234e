import Dispatch
package import Logging
package import OfficeConfiguration
import OfficeCore
import ServiceLifecycle
import Synchronization
import UnixSignals

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs the daemon's services as one group, from the first signal handler to the last good-bye.
///
/// SIGTERM and SIGINT end it in order, SIGHUP reads the configuration again, and the service manager hears of it all.
package struct Supervisor: Sendable {
    /// How long a stop may take, from the signal. systemd's own patience (TimeoutStopSec) is longer.
    package struct Patience: Sendable {
        /// For services to finish what they do; then they are cancelled.
        package var graceful = Duration.seconds(3)
        /// For everything; then the process ends as it is. Nothing acknowledged is lost by that: see the design, 10.4.
        package var whole = Duration.milliseconds(4500)

        package init() {}
    }

    private let manager: ServiceManager
    private let patience: Patience
    private let logger: Logger

    package init(manager: ServiceManager, patience: Patience = Patience(), logger: Logger) {
        self.manager = manager
        self.patience = patience
        self.logger = logger
    }

    /// Returns after an orderly stop; throws what a service failed with.
    ///
    /// - Parameter read: Reads the configuration again, from where it was read first.
    package func run(
        _ composition: Composition, settings: Settings, read: @escaping @Sendable () async -> SettingsReader.Reading
    ) async throws {
        // Before anything else: an early SIGHUP must not kill.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        let reloading = Reloading(
            manager: manager, composition: composition, settings: settings, read: read, hangups: hangups, logger: logger
        )
        let isStopping = Mutex(false)
        let heartbeat = Heartbeat(
            manager: manager, composition: composition, interval: Heartbeat.interval(of: manager),
            onStopping: { [patience, logger] in
                isStopping.withLock { $0 = true }
                Self.endProcess(after: patience.whole, logger: logger)
            }, logger: logger
        )
        let parts =
            composition.parts + [Composition.Part("reload", reloading), Composition.Part("heartbeat", heartbeat)]
        var configuration = ServiceGroupConfiguration(
            services: parts.map { .init(service: $0.service, serviceName: $0.name) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = patience.graceful
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError where isStopping.withLock({ $0 }) {
            // The patience was over: what ran was cut off, as was to be. That is an orderly stop all the same.
            logger.notice("what was still running at the stop was cut off")
        }
    }

    /// Ends the process if it is still there after `delay`: a service that hears no cancellation must not make the
    /// service manager wait, and then kill.
    private static func endProcess(after delay: Duration, logger: Logger) {
        let (seconds, attoseconds) = delay.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) {
            logger.critical("a service doesn't stop: the process ends without it")
            _exit(OfficeError.Code.fault.exitStatus)
        }
    }
}
