package import Foundation
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// One machine of the lab: its own network, mounts, processes and host name.
///
/// Commands run in it as root, or as one of its users (`alice`, `bob`, `officeshare`); its files are
/// reached from the test under `path(_:)`.
package final class LabHost: Sendable {
    package let plan: HostPlan
    /// Its IPv4 address on the office's LAN.
    package let address: String
    /// Its unique local IPv6 address.
    package let address6: String
    /// Process 1 of the host, as this machine sees it.
    package let pid: Int32
    /// Where this machine keeps the host's logs.
    package let directory: String
    /// Its place in the lab: the last octet of its address.
    let number: Int
    /// The lab's switch, whose ports are this host's cables.
    let uplink: Switch

    private let holder: Holder
    let state = Mutex(State())

    /// What changes while the host is up.
    struct State {
        var services: [Service: HostProcess] = [:]
        var notifications: NotifySocket?
        var wire = Wire()
        var detour: Detour?
        var started = 0
    }

    package var name: String { plan.name }

    /// Lays out the host and plugs it into the switch.
    static func raise(
        _ plan: HostPlan, number: Int, uplink: Switch, directory: String, binaries: [String]
    ) async throws -> LabHost {
        let privateDirectory = "\(directory)/private"
        try FileManager.default.createDirectory(atPath: privateDirectory, withIntermediateDirectories: true)
        let holder = try await Holder.start(
            "init", unshare: HostInit.unshare, script: HostInit.script,
            environment: HostInit.environment(plan, directory: privateDirectory, binaries: binaries),
            in: directory)
        let host = LabHost(plan, number: number, uplink: uplink, directory: directory, holder: holder)
        try await uplink.connect(host, number: number)
        return host
    }

    private init(_ plan: HostPlan, number: Int, uplink: Switch, directory: String, holder: Holder) {
        self.plan = plan
        self.number = number
        self.uplink = uplink
        self.directory = directory
        self.holder = holder
        pid = holder.inner
        address = Segment.prefix(plan.segment) + String(number)
        address6 = Segment.prefix6(plan.segment) + String(number)
    }

    /// Ends every process of the host; its mounts, interfaces and namespaces end with them.
    func lower() async {
        // Each nsenter outside reaps its process inside and ends with it: killing them first would leave the
        // reaping, and with it the namespace's end, to this machine's init.
        await holder.end()
        state.withLock { state in
            state.services = [:]
            state.notifications = nil
        }
    }

    // MARK: Commands

    /// Runs a command to its end, as root or as `user`, in the user's home or `directory`.
    package func run(
        _ words: [String], as user: String? = nil, in directory: String? = nil, environment: [String: String] = [:],
        input: Data = Data(), timeout: Duration = .seconds(60)
    ) async throws -> Output {
        var output = try await Command.run(
            entering(words, as: user, in: directory), environment: self.environment(of: user, adding: environment),
            input: input, timeout: timeout)
        output.words = ["\(user ?? "root")@\(name):"] + words
        return output
    }

    /// Runs a command to its end on this terminal, for a person to watch.
    package func show(_ words: [String], as user: String? = nil, in directory: String? = nil) async throws -> Exit {
        try await Command.show(entering(words, as: user, in: directory), environment: environment(of: user))
    }

    /// Runs a shell script to its end: for what needs pipes, or words that aren't UTF-8 (`$'\xff'`).
    package func shell(
        _ script: String, as user: String? = nil, in directory: String? = nil, timeout: Duration = .seconds(60)
    ) async throws -> Output {
        try await run(["bash", "-c", script], as: user, in: directory, timeout: timeout)
    }

    /// Runs `officeshare` with these arguments.
    package func officeshare(
        _ arguments: [String], as user: String? = nil, in directory: String? = nil, input: Data = Data(),
        timeout: Duration = .seconds(60)
    ) async throws -> Output {
        try await run(["officeshare"] + arguments, as: user, in: directory, input: input, timeout: timeout)
    }

    /// Starts a command and leaves it running; it ends with the host.
    package func start(
        _ words: [String], as user: String? = nil, in directory: String? = nil, environment: [String: String] = [:],
        log: String? = nil
    ) throws -> HostProcess {
        let number = state.withLock { state in
            state.started += 1
            return state.started
        }
        let log = log ?? "\(words.first?.split(separator: "/").last ?? "command").\(number)"
        return try HostProcess(
            entering(words, as: user, in: directory), environment: self.environment(of: user, adding: environment),
            log: "\(self.directory)/\(log)")
    }

    private func entering(_ words: [String], as user: String?, in directory: String?) -> [String] {
        var all = ["nsenter", "-t", "\(pid)", "-m", "-u", "-i", "-n", "-p", "--"]
        if let user {
            all += [
                "setpriv", "--reuid=\(user)", "--regid=\(user)", "--init-groups", "--inh-caps=-all", "--no-new-privs",
                "--",
            ]
        }
        return all + ["env", "-C", directory ?? Self.home(of: user), "--"] + words
    }

    private func environment(of user: String?, adding more: [String: String] = [:]) -> [String: String] {
        let own = [
            "PATH": "/run/officelab/bin:\(Command.path)", "LANG": "C.UTF-8", "HOME": Self.home(of: user),
            "USER": user ?? "root", "LOGNAME": user ?? "root",
            "TERM": ProcessInfo.processInfo.environment["TERM"] ?? "dumb",
        ]
        return own.merging(more) { $1 }
    }

    private static func home(of user: String?) -> String {
        switch user {
        case nil, "root": "/root"
        case "officeshare": "/var/lib/officeshare"
        case .some(let user): "/home/\(user)"
        }
    }
}
