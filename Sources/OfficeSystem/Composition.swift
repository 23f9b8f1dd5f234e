package import OfficeConfiguration
package import ServiceLifecycle

/// The daemon's parts, as the composition hands them to the `Supervisor`: all that it has to know of them.
package struct Composition: Sendable {
    /// A service and its name in the log. Started in order; stopped in reverse order, each when the one behind it is done.
    package struct Part: Sendable {
        package var name: String
        package var service: any Service

        package init(_ name: String, _ service: any Service) {
            self.name = name
            self.service = service
        }
    }

    package var parts: [Part]
    /// Returns when the daemon does what it is there for (its faces listen), or throws why it never will.
    package var ready: @Sendable () async throws -> Void
    /// Whether the daemon is well; while it isn't, or doesn't answer, the manager hears no sign of life.
    package var isHealthy: @Sendable () async -> Bool
    /// One line for `systemctl status`.
    package var status: @Sendable () async -> String
    /// Applies settings to what runs. Only what `ConfigurationKey.live` says differs from the settings before.
    package var reload: @Sendable (Settings) async throws -> Void

    package init(
        parts: [Part],
        ready: @escaping @Sendable () async throws -> Void,
        isHealthy: @escaping @Sendable () async -> Bool,
        status: @escaping @Sendable () async -> String,
        reload: @escaping @Sendable (Settings) async throws -> Void
    ) {
        self.parts = parts
        self.ready = ready
        self.isHealthy = isHealthy
        self.status = status
        self.reload = reload
    }
}
