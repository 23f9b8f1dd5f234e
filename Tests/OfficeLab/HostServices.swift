internal import Foundation
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// The services of a host that the lab starts, in the order in which they need each other.
package enum Service: String, CaseIterable, Sendable {
    case bus, avahi, cups, officeshare
}

extension LabHost {
    /// The running process of a service, or nil.
    package func service(_ service: Service) -> HostProcess? {
        state.withLock { state in state.services[service].flatMap { $0.exit == nil ? $0 : nil } }
    }

    /// Starts a service that isn't running and waits until it serves.
    package func start(_ service: Service) async throws {
        switch service {
        case .bus:
            try await launch(
                .bus, ["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog"],
                until: "/run/dbus/system_bus_socket")
        case .avahi:
            try await launch(
                .avahi, ["avahi-daemon", "--no-chroot", "--no-rlimits"], until: "/run/avahi-daemon/socket")
        case .cups:
            try await prepareCUPS()
            try await launch(.cups, ["cupsd", "-f"], until: "/run/cups/cups.sock")
        case .officeshare:
            try await startDaemon()
        }
    }

    /// Ends a service, by SIGTERM or another signal, and waits for its end.
    @discardableResult package func stop(_ service: Service, by number: Int32 = SIGTERM) async throws -> Exit? {
        guard let process = self.service(service) else { return nil }
        return try await process.end(number, within: .seconds(20))
    }

    package func restart(_ service: Service) async throws {
        try await stop(service)
        try await start(service)
    }

    private func launch(_ service: Service, _ words: [String], until socket: String) async throws {
        try? FileManager.default.removeItem(atPath: path(socket))
        let process = try start(words, log: service.rawValue)
        state.withLock { $0.services[service] = process }
        try await eventually("\(name): \(service) serves", every: .milliseconds(5)) {
            process.exit != nil || LocalSocket.listens(at: path(socket))
        }
        try requireAlive(process, service)
    }

    private func requireAlive(_ process: HostProcess, _ service: Service) throws {
        guard let exit = process.exit else { return }
        throw OfficeError(.unavailable, "\(name): \(service)", "it ended with \(exit):\n\(process.stderr)")
    }

    // MARK: officeshared

    /// Starts officeshared as its own user, without privileges, and waits for its READY=1.
    ///
    /// - Parameters:
    ///   - config: the text of its configuration; nil leaves the file as it is (a new host has none).
    ///   - environment: `OFFICESHARE_*` and others.
    ///   - clock: how far its wall clock is off.
    ///   - disk: what is wrong with what it reads.
    package func startDaemon(
        config: String? = nil, environment: [String: String] = [:], clock: Duration? = nil, disk: RottenDisk? = nil
    ) async throws {
        if let config { try write(config, to: "/etc/officeshare/officeshare.yaml") }
        let notifications = try NotifySocket(path("/run/officelab/notify"))
        // What systemd/officeshared.service sets, so that figures are the service's.
        var environment = environment.merging(["MALLOC_ARENA_MAX": "2", "AVAHI_COMPAT_NOWARN": "1"]) { given, _ in given
        }
        environment["NOTIFY_SOCKET"] = "/run/officelab/notify"
        var wrong: [String: String] = [:]
        if let clock { wrong = try await wrongClock(clock) }
        var libraries = wrong["LD_PRELOAD"].map { [$0] } ?? []
        if let disk { libraries.append(try await add(disk, to: &wrong)) }
        if let detour = state.withLock({ $0.detour }) { libraries.append(try await add(detour, to: &wrong)) }
        if !libraries.isEmpty { wrong["LD_PRELOAD"] = libraries.joined(separator: ":") }
        let words = ["env"] + wrong.map { "\($0)=\($1)" } + ["officeshared"]
        let process = try start(words, as: "officeshare", environment: environment, log: "officeshared")
        state.withLock { state in
            state.services[.officeshare] = process
            state.notifications = notifications
        }
        try await eventually("\(name): officeshared is ready", every: .milliseconds(2)) {
            process.exit != nil || notifications.received.contains("READY=1")
        }
        try requireAlive(process, .officeshare)
    }

    /// From its next start on officeshared reaches another host by way of a proxy in this one.
    package func detour(to other: LabHost, by proxy: FaultProxy) {
        state.withLock { $0.detour = Detour(address: other.address, port: proxy.port) }
    }

    /// Makes the library, and adds what it is told by; where it is.
    private func add(_ fault: some PreloadedFault, to environment: inout [String: String]) async throws -> String {
        let library = "/run/officelab/\(type(of: fault).name).so"
        try await type(of: fault).make(at: path(library))
        environment.merge(fault.environment) { _, new in new }
        return library
    }

    /// What a process of this host is started with so that its clock is off.
    package func wrongClock(_ offset: Duration) async throws -> [String: String] {
        let library = "/run/officelab/wrongclock.so"
        try await WrongClock.make(at: path(library))
        return WrongClock.environment(offset, library: library)
    }

    /// Ends officeshared as systemd would, and says how it ended.
    @discardableResult package func stopDaemon() async throws -> Exit? { try await stop(.officeshare) }

    /// `kill -9` of officeshared.
    package func killDaemon() async throws { try await stop(.officeshare, by: SIGKILL) }

    /// What officeshared has told its service manager since it was started: `READY=1`, `STATUS=...`.
    package var notifications: [String] { state.withLock { $0.notifications?.received ?? [] } }

    /// All that officeshared has logged, over all its starts.
    package var daemonLog: String {
        (try? String(contentsOfFile: "\(directory)/officeshared.log", encoding: .utf8)) ?? ""
    }
}
