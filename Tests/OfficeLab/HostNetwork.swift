internal import Foundation
internal import OfficeCore
internal import Synchronization

// The host's network, and what can befall it.
extension LabHost {
    /// Ways for a link to go.
    package enum Cut: Sendable {
        /// The cable is pulled: no carrier, addresses stay.
        case cable
        /// The interface is set down, as a person or NetworkManager does it: its IPv6 addresses and routes go.
        case interface
        /// Nothing arrives or leaves, and nothing tells of it: a dead switch further on, a sleeping access point.
        case silent
    }

    /// Cuts the host off, until `plugLink()`.
    package func cutLink(_ cut: Cut = .cable) async throws {
        switch cut {
        case .cable: try await uplink.setPort(of: self, up: false)
        case .interface: try await network(["ip", "link", "set", "eth0", "down"])
        case .silent: try await filter { $0.silent = true }
        }
    }

    /// Undoes every kind of cut.
    package func plugLink() async throws {
        try await filter { $0.silent = false }
        try await network(["ip", "link", "set", "eth0", "up"])
        try await uplink.setPort(of: self, up: true)
        try await restoreRoutes()
    }

    /// Loses this share of the packets that arrive, in per cent; 0 loses none.
    package func loss(percent: Double) async throws {
        try await filter { $0.loss = Int((percent * 10).rounded()) }
    }

    /// Limits the link to this rate both ways, in Mbit/s; nil lifts the limit.
    package func rate(megabits: Int?) async throws {
        let output = try await enterNetwork(Wire.rate(megabits, of: "eth0"))
        if megabits != nil { try output.checked() }
        try await uplink.setRate(of: self, megabits: megabits)
    }

    /// Drops mDNS, both ways, or lets it pass again.
    package func blockMulticast(_ blocked: Bool = true) async throws {
        try await filter { $0.multicastBlocked = blocked }
    }

    /// Adds an interface that is no LAN, up and with an address: a container's bridge, a VPN.
    package func addInterface(_ name: String, address: String = "172.17.0.1/16") async throws {
        try await network(
            ["ip", "-batch", "-"],
            input: """
                link add \(name) type bridge
                addr add \(address) dev \(name)
                link set \(name) up

                """)
    }

    package func removeInterface(_ name: String) async throws {
        try await network(["ip", "link", "del", name])
    }

    /// Gives eth0 another IPv4 address in place of the one it had.
    package func changeAddress(from old: String, to new: String) async throws {
        // In this order: the first address of a subnet takes the others of it along when it goes.
        try await network(["ip", "addr", "del", "\(old)/24", "dev", "eth0"])
        try await network(["ip", "addr", "add", "\(new)/24", "dev", "eth0"])
        try await restoreRoutes()
    }

    /// Bytes that eth0 has received and sent since the host was raised.
    package func traffic() throws -> (received: Int, sent: Int) {
        let table = try String(contentsOfFile: "/proc/\(pid)/net/dev", encoding: .utf8)
        let line = table.split(separator: "\n").first { $0.contains("eth0:") }
        let fields = line?.split(separator: ":").last?.split(separator: " ").compactMap { Int($0) } ?? []
        guard fields.count == 16 else { throw OfficeError(.fault, name, "/proc/net/dev has no eth0") }
        return (fields[0], fields[8])
    }

    /// The link-local IPv6 address of eth0, without its zone.
    package func linkLocal() async throws -> String {
        let output = try await network(["ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link"])
        guard let address = output.stdout.split(separator: " ").first(where: { $0.hasPrefix("fe80:") }) else {
            throw OfficeError(.fault, name, "eth0 has no link-local address")
        }
        return String(address.prefix { $0 != "/" })
    }

    /// The routes that go when eth0 goes down: multicast, and by way of the router.
    func restoreRoutes() async throws {
        let prefix = Segment.prefix(plan.segment)
        let prefix6 = Segment.prefix6(plan.segment)
        try await network(
            ["ip", "-batch", "-"],
            input: """
                addr replace \(address6)/64 dev eth0 nodad
                route replace 224.0.0.0/4 dev eth0
                route replace default via \(prefix)\(Segment.router)
                route replace ::/0 via \(prefix6)\(Segment.router)

                """)
    }

    /// Runs one of this machine's programs in the host's network, outside its mounts.
    @discardableResult func network(_ words: [String], input: String = "") async throws -> Output {
        try await enterNetwork(words, input: input).checked()
    }

    private func enterNetwork(_ words: [String], input: String = "") async throws -> Output {
        try await Command.run(["nsenter", "-t", "\(pid)", "-n", "--"] + words, input: Data(input.utf8))
    }

    private func filter(_ change: (inout Wire) -> Void) async throws {
        let rules = state.withLock { state in
            change(&state.wire)
            return state.wire.rules
        }
        try await network(["nft", "-f", "-"], input: rules)
    }
}
