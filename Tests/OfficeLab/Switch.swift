internal import Foundation
internal import OfficeCore

/// The lab's network: bridges in a namespace of their own, one for each LAN, and a router between them.
final class Switch: Sendable {
    private let holder: Holder

    private init(_ holder: Holder) { self.holder = holder }

    static func raise(directory: String) async throws -> Switch {
        let script = "echo ready; while read -r _; do :; done"
        let holder = try await Holder.start(
            "switch", unshare: ["unshare", "--net", "--"], script: script, environment: Command.environment,
            in: directory)
        let network = Switch(holder)
        try await network.enter([
            "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
            "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
        ])
        for segment in 0..<Segment.count {
            try await network.ip([
                "link add lan\(segment) type bridge mcast_snooping 0 forward_delay 0",
                "addr add \(Segment.prefix(segment))\(Segment.router)/24 dev lan\(segment)",
                "addr add \(Segment.prefix6(segment))\(Segment.router)/64 dev lan\(segment) nodad",
                "link set lan\(segment) up",
            ])
        }
        return network
    }

    func lower() async { await holder.end() }

    /// Lays a cable from the host's eth0 to the bridge of its LAN and gives it its addresses.
    func connect(_ host: LabHost, number: Int) async throws {
        try await ip([
            "link add \(port(host)) type veth peer name eth0 netns \(host.pid)",
            "link set \(port(host)) master lan\(host.plan.segment) up",
        ])
        try await host.network(
            ["ip", "-batch", "-"],
            input: """
                addr add \(host.address)/24 dev eth0
                addr add \(host.address6)/64 dev eth0 nodad
                link set eth0 up

                """)
        try await host.restoreRoutes()
    }

    /// Pulls the host's cable: its eth0 loses the carrier, its addresses stay.
    func setPort(of host: LabHost, up: Bool) async throws {
        try await ip(["link set \(port(host)) \(up ? "up" : "down")"])
    }

    /// Limits what flows to the host, or lifts the limit.
    func setRate(of host: LabHost, megabits: Int?) async throws {
        try await enter(Wire.rate(megabits, of: port(host)), mayFail: megabits == nil)
    }

    private func port(_ host: LabHost) -> String { "port\(host.number)" }

    private func ip(_ lines: [String]) async throws {
        try await enter(["ip", "-batch", "-"], input: lines.joined(separator: "\n") + "\n")
    }

    private func enter(_ words: [String], input: String = "", mayFail: Bool = false) async throws {
        let output = try await Command.run(
            ["nsenter", "-t", "\(holder.inner)", "-n", "--"] + words, input: .init(input.utf8))
        if !mayFail { try output.checked() }
    }
}
