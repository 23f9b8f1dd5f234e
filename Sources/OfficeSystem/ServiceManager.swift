package import Logging
import OfficeCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What is said to the service manager, and how often it wants to hear (systemd's sd_notify(3), sd_watchdog_enabled(3)).
///
/// Without a manager (`NOTIFY_SOCKET` is not set) every call does nothing.
package struct ServiceManager: Sendable {
    private let socket: NotifySocket?
    private let logger: Logger
    /// How long the manager waits for a sign of life before it kills; nil: it doesn't.
    package let watchdog: Duration?

    package init(environment: [String: String], processID: Int32 = getpid(), logger: Logger) {
        self.logger = logger
        socket = environment["NOTIFY_SOCKET"].flatMap { NotifySocket(address: $0) }
        if socket == nil, environment["NOTIFY_SOCKET"] != nil {
            logger.warning("the service manager's address is not understood")
        }
        watchdog = Self.watchdog(in: environment, processID: processID)
    }

    /// Whether there is somebody to tell.
    package var isPresent: Bool { socket != nil }

    /// The service does what it is there for; `status` is what `systemctl status` shows.
    package func ready(status: String) async { await tell(["READY=1", Self.line(status)]) }

    package func status(_ status: String) async { await tell([Self.line(status)]) }

    /// The configuration is being read again; `ready` ends it. The time is what systemd's notify-reload matches.
    package func reloading() async {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        await tell(["RELOADING=1", "MONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)"])
    }

    /// A sign of life.
    package func alive() async { await tell(["WATCHDOG=1"]) }

    package func stopping() async { await tell(["STOPPING=1", "STATUS=stopping"]) }

    private func tell(_ lines: [String]) async {
        guard let socket else { return }
        do throws(OfficeError) { try await socket.send(lines) } catch {
            logger.warning("the service manager can't be told", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// A line break would begin another assignment.
    private static func line(_ status: String) -> String { "STATUS=\(status.escapedForTerminal)" }

    private static func watchdog(in environment: [String: String], processID: Int32) -> Duration? {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap(Int64.init), microseconds > 0 else { return nil }
        // Meant for another process: a wrapper, or a parent that passed its environment on.
        if let meant = environment["WATCHDOG_PID"], meant != String(processID) { return nil }
        return .microseconds(microseconds)
    }
}
