package import Foundation
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// A whole Debian machine with systemd as process 1, booted by systemd-nspawn in a lab host's network.
///
/// The host is its hull: its interface, its cable and its faults are the machine's. It ends with the lab.
package final class Machine: Sendable {
    /// The host whose network the machine has; plan it without avahi and daemon.
    package let host: LabHost
    private let state = Mutex(State())

    private struct State {
        var nspawn: HostProcess?
        /// The machine's process 1, as this machine sees it.
        var leader: Int32 = 0
        var boots = 0
    }

    /// Where the host has the machine's tree; beside it the overlay's own.
    private static let place = "/srv/machine"

    private init(_ host: LabHost) { self.host = host }

    /// Boots `image` in this host and waits until systemd says that all is up.
    package static func boot(_ image: MachineImage, in host: LabHost) async throws -> Machine {
        let machine = Machine(host)
        // The tree may lie where the host has mounts of its own: process 1 of this machine sees it.
        let script = """
            set -e
            mkdir -p \(place) \(place).upper \(place).work
            mount -t overlay officelab \(place) \\
                -o lowerdir=/run/officelab/images/\(URL(fileURLWithPath: image.path).lastPathComponent),\\
            upperdir=\(place).upper,workdir=\(place).work
            echo \(host.plan.hostName) >\(place)/etc/hostname
            printf '127.0.0.1 localhost\\n127.0.1.1 \(host.plan.hostName)\\n' >\(place)/etc/hosts
            : >\(place)/etc/resolv.conf
            rm -f \(place)/etc/machine-id
            systemd-id128 new >\(place)/etc/machine-id
            """
        try await host.shell(script).checked()
        try await machine.start()
        return machine
    }

    private func start() async throws {
        let number = state.withLock { state in
            state.boots += 1
            return state.boots
        }
        let nspawn = try host.start(
            [
                "systemd-nspawn", "--directory=\(Self.place)", "--boot", "--network-namespace-path=/proc/1/ns/net",
                "--register=no", "--keep-unit", "--console=read-only", "--resolv-conf=off",
                "--hostname=\(host.plan.hostName)",
            ], log: "machine.\(number)")
        state.withLock { $0.nspawn = nspawn }
        let outside = try await nspawn.pid()
        try await eventually("\(host.name): systemd is up", within: .seconds(60), every: .milliseconds(50)) {
            if nspawn.exit != nil { return true }
            let leader = try ProcessTable.child(of: outside)
            state.withLock { $0.leader = leader }
            let running = try await run(["systemctl", "is-system-running", "--wait"])
            return ["running\n", "degraded\n"].contains(running.stdout)
        }
        if let exit = nspawn.exit {
            throw OfficeError(.fault, host.name, "the machine ended with \(exit) instead of booting:\n\(nspawn.stdout)")
        }
    }

    /// Runs a command in the machine to its end, as root or as one of its users.
    package func run(
        _ words: [String], as user: String? = nil, input: Data = Data(), timeout: Duration = .seconds(120)
    ) async throws -> Output {
        let leader = state.withLock { $0.leader }
        let login = user.map { ["runuser", "-u", $0, "--"] } ?? []
        // With its cgroup namespace too: systemctl and systemd-run look there.
        let entering = ["nsenter", "-t", "\(leader)", "-m", "-u", "-i", "-n", "-p", "-C", "--"]
        let home = user.map { "/home/\($0)" } ?? "/root"
        var output = try await Command.run(
            entering + login + ["env", "-C", home, "--"] + words,
            environment: Command.environment.merging(["HOME": home, "USER": user ?? "root"]) { $1 }, input: input,
            timeout: timeout)
        output.words = ["\(user ?? "root")@\(host.name):"] + words
        return output
    }

    package func shell(_ script: String, as user: String? = nil) async throws -> Output {
        try await run(["bash", "-c", script], as: user)
    }

    package func officeshare(_ arguments: [String], as user: String? = nil, input: Data = Data()) async throws -> Output
    {
        try await run(["officeshare"] + arguments, as: user, input: input)
    }

    /// Copies a file of this machine into the machine.
    package func copy(_ file: String, to path: String) throws {
        try FileManager.default.copyItem(atPath: file, toPath: self.path(path))
    }

    /// Where this machine sees a file of the machine.
    package func path(_ path: String) -> String { "/proc/\(state.withLock { $0.leader })/root\(path)" }

    /// Restarts the machine as `reboot` does, and waits until it is up again.
    package func reboot() async throws {
        guard let nspawn = state.withLock({ $0.nspawn }) else { return }
        _ = try await run(["systemctl", "reboot"])
        let exit = try await nspawn.ended(within: .seconds(60))
        // systemd-nspawn(1), --keep-unit: 133 asks whoever manages it to start it again.
        guard exit == .status(133) else {
            throw OfficeError(.fault, host.name, "the machine ended with \(exit) instead of rebooting")
        }
        try await start()
    }
}
