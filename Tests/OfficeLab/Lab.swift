internal import Foundation
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// An office of real hosts on this machine, each with its own network, mounts, processes, avahi-daemon and
/// officeshared.
///
/// Everything it makes is taken down last-in-first-out by `lower()`, and ends by itself when this process
/// ends (see `HostInit`). Several labs can be up at once: nothing in them has a name outside.
package final class Lab: Sendable {
    package struct Options: Sendable {
        /// The folder with `officeshare` and `officeshared`; nil: what `LAB_BIN_DIR` says. Hosts
        /// whose plan has no daemon need neither.
        package var binaries: String?
        /// Each officeshared's configuration; nil: none, the defaults serve.
        package var config: String?
        /// Called with a line for each step, for who watches.
        package var narrate: (@Sendable (String) -> Void)?
        package init(
            binaries: String? = nil, config: String? = nil, narrate: (@Sendable (String) -> Void)? = nil
        ) {
            self.binaries = binaries
            self.config = config
            self.narrate = narrate
        }
    }

    package let hosts: [LabHost]
    /// Where the logs of all hosts are; removed with the lab.
    package let directory: String
    private let lowering: Mutex<[@Sendable () async -> Void]>

    private init(hosts: [LabHost], directory: String, lowering: [@Sendable () async -> Void]) {
        self.hosts = hosts
        self.directory = directory
        self.lowering = Mutex(lowering)
    }

    /// The host of this name. Asking for one that was never raised is a mistake in the test.
    package subscript(name: String) -> LabHost {
        guard let host = hosts.first(where: { $0.name == name }) else {
            preconditionFailure("the lab has no host \(name)")
        }
        return host
    }

    /// Raises the hosts and their services. What was made is taken down again when a step fails.
    package static func raise(_ plans: [HostPlan], options: Options = Options()) async throws -> Lab {
        guard geteuid() == 0 else {
            throw OfficeError(
                .notAllowed, "the lab", "it makes namespaces, which only root may", mend: "Run it as root.")
        }
        Leftovers.clean()
        let directory = try Leftovers.makeDirectory()
        var hosts: [LabHost] = []
        var lowering: [@Sendable () async -> Void] = [{ Leftovers.remove(directory) }]
        do {
            let programs = try plans.contains { $0.daemon } ? Programs.find(options.binaries) : []
            let network = try await Switch.raise(directory: directory)
            lowering.append { await network.lower() }
            for (index, plan) in plans.enumerated() {
                let host = try await LabHost.raise(
                    plan, number: index + 1, uplink: network, directory: "\(directory)/\(plan.name)",
                    binaries: programs)
                lowering.append { await host.lower() }
                hosts.append(host)
            }
            try await startServices(of: hosts, options)
        } catch {
            for step in lowering.reversed() { await step() }
            throw error
        }
        return Lab(hosts: hosts, directory: directory, lowering: lowering)
    }

    private static func startServices(of hosts: [LabHost], _ options: Options) async throws {
        try await withThrowingTaskGroup { group in
            for host in hosts {
                group.addTask {
                    options.narrate?("\(host.name) is up at \(host.address)")
                    if host.plan.avahi || host.plan.cups { try await host.start(.bus) }
                    if host.plan.avahi { try await host.start(.avahi) }
                    if host.plan.cups { try await host.start(.cups) }
                    if host.plan.daemon { try await host.startDaemon(config: options.config) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Takes everything down, last-in-first-out. A second call does nothing.
    package func lower() async {
        let steps = lowering.withLock { steps in
            defer { steps = [] }
            return steps
        }
        for step in steps.reversed() { await step() }
    }

    /// Raises an office, hands it to `body` and takes it down, whatever `body` does. When it throws, or
    /// `failed` says so, the hosts' logs go to standard error first.
    package static func with<Result>(
        _ plans: [HostPlan], options: Options = Options(), failed: () -> Bool = { false },
        _ body: (Lab) async throws -> Result
    ) async throws -> Result {
        let lab = try await raise(plans, options: options)
        do {
            let result = try await body(lab)
            if failed() { lab.printLogs() }
            await lab.lower()
            return result
        } catch {
            lab.printLogs()
            await lab.lower()
            throw error
        }
    }

    /// The last part of every log of every host, on standard error.
    package func printLogs() {
        for host in hosts {
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: host.directory)) ?? []).sorted()
            for name in names where name.hasSuffix(".log") {
                let text = (try? String(contentsOfFile: "\(host.directory)/\(name)", encoding: .utf8)) ?? ""
                guard !text.isEmpty else { continue }
                FileHandle.standardError.write(Data("=== \(host.name)/\(name)\n\(text.suffix(16_000))\n".utf8))
            }
        }
    }
}

/// The programs under test.
package enum Programs {
    static let names = ["officeshare", "officeshared", "officeshare-begin"]

    /// Their paths, in `directory` or where LAB_BIN_DIR says.
    static func find(_ directory: String?) throws(OfficeError) -> [String] {
        guard let directory = directory ?? ProcessInfo.processInfo.environment["LAB_BIN_DIR"] else {
            throw OfficeError(
                .usage, "LAB_BIN_DIR", "it isn't set, so the lab doesn't know which programs to run",
                mend: "Use 'make test', or set it to the folder that 'make build' filled: dist/bin.")
        }
        let paths = names.map { URL(fileURLWithPath: "\(directory)/\($0)").standardizedFileURL.path }
        for path in paths where access(path, X_OK) != 0 {
            throw OfficeError(.notFound, path, "there is no such program", mend: "Run 'make build'.")
        }
        return paths
    }
}
