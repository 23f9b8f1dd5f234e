import ArgumentParser
import Foundation
import Logging
import OfficeCore
import OfficeDiscovery

/// Discovery as a program of its own, for hosts that are made of namespaces: a test process can't be on several.
@main
struct DiscoveryProbe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discoveryprobe", abstract: "Runs officeshare's discovery and prints what it sees as JSON lines.",
        subcommands: [Run.self, Interfaces.self, Rogue.self], defaultSubcommand: Run.self)
}

/// Announces, listens, prints events. On standard input: `advertise NAME [ROLE] [OFFICE]`, `withdraw`,
/// `refresh NAME`, `memory`; its end is the program's.
struct Run: AsyncParsableCommand {
    @Option(help: "Announce under this name.") var name: String?
    @Option(help: "The node's id: 64 hexadecimal digits.") var id = String(repeating: "0", count: 64)
    @Option(help: "The port to announce.") var port: UInt16 = 8747
    @Option(help: "Globs of interfaces never to use.") var ignore: [String] = ["docker*"]
    @Option(help: "Globs of interfaces to use.") var allow: [String] = []
    @Option(help: "How many announcements are kept.") var limit = 1024
    @Option(help: "How many are watched.") var watched = 32

    func run() async throws {
        var settings = DiscoverySettings(interfaces: InterfaceRules(allowed: allow, ignored: ignore))
        settings.limits.instances = limit
        settings.limits.watched = watched
        var logger = Logger(label: "probe", factory: stderrLog)
        logger.logLevel = .debug
        let discovery = DNSSDDiscovery(settings: settings, logger: logger)
        if let name { await discovery.advertise(try advertisement(name: name)) }
        let printing = Task {
            for await event in discovery.events { ProbeEvent(event).write() }
        }
        let running = Task { try await discovery.run() }
        for await line in standardInput() { try await obey(line, discovery) }
        running.cancel()
        try await running.value
        await printing.value
    }

    private func advertisement(
        name: String, role: String? = nil, office: String? = nil
    ) throws -> Advertisement {
        Advertisement(
            name: try Label(name), port: port, nodeID: try NodeID(hex: id),
            officeID: try office.map { try OfficeID(hex: $0) },
            role: role.flatMap(Advertisement.Role.init(rawValue:)) ?? .peer)
    }

    private func obey(_ line: String, _ discovery: DNSSDDiscovery) async throws {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("advertise", 2...):
            let role = words.count > 2 ? words[2] : nil
            let office = words.count > 3 ? words[3] : nil
            await discovery.advertise(try advertisement(name: words[1], role: role, office: office))
        case ("withdraw", _): await discovery.advertise(nil)
        case ("refresh", 2): await discovery.refresh(name: words[1])
        case ("memory", _):
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let anonymous = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
            var line = ProbeEvent(event: "memory")
            line.kilobytes = anonymous.flatMap { Int($0.split(whereSeparator: \.isWhitespace)[1]) }
            line.write()
        default: throw ValidationError("unknown command: \(line)")
        }
    }

    private func stderrLog(label: String) -> any LogHandler { StreamLogHandler.standardError(label: label) }
}

/// Prints this machine's interfaces, and again whenever they change.
struct Interfaces: AsyncParsableCommand {
    @Option(help: "Globs of interfaces never to use.") var ignore: [String] = ["docker*"]
    @Option(help: "Globs of interfaces to use.") var allow: [String] = []

    func run() async throws {
        let monitor = InterfaceMonitor(rules: InterfaceRules(allowed: allow, ignored: ignore))
        for await interfaces in try monitor.changes() {
            var line = ProbeEvent(event: "interfaces")
            line.interfaces = interfaces.map {
                .init(name: $0.name, isUp: $0.isUp, isLAN: $0.isLAN, addresses: $0.addresses)
            }
            line.write()
        }
    }
}

/// The lines of standard input, read on a thread of their own.
private func standardInput() -> AsyncStream<String> {
    let (lines, continuation) = AsyncStream<String>.makeStream()
    Thread.detachNewThread {
        while let line = readLine() { continuation.yield(line) }
        continuation.finish()
    }
    return lines
}
