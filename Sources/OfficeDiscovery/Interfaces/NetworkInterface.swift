import Glibc

/// A network interface of this machine, as it is right now.
package struct NetworkInterface: Sendable, Hashable {
    package var index: UInt32
    package var name: String
    /// Switched on, with a cable, a radio link or whatever it needs.
    package var isUp: Bool
    /// Leads to a LAN, as far as can be told and the rules allow.
    package var isLAN: Bool
    /// Numeric, sorted; a link-local IPv6 address has `%` and the interface's name behind it.
    package var addresses: [String]

    /// Whether mDNS can work on it now.
    package var isUsable: Bool { isLAN && isUp && !addresses.isEmpty }
}

/// Which interfaces are taken for a LAN.
package struct InterfaceRules: Sendable, Hashable {
    /// Globs of names to use whatever they are; empty: all that look like a LAN.
    package var allowed: [String]
    /// Globs of names never to use; they go before `allowed`.
    package var ignored: [String]

    package init(allowed: [String] = [], ignored: [String] = []) {
        self.allowed = allowed
        self.ignored = ignored
    }

    /// Without a rule that names it, a LAN is Ethernet or Wi-Fi: not a tunnel, not a container's or virtual
    /// machine's bridge, and not a port of a bridge or bond, which has the addresses in its stead. A bridge
    /// with a physical port is the LAN itself, as machines with virtual guests have it.
    func isLAN(_ link: Link, among links: [UInt32: Link]) -> Bool {
        if Self.matches(link.name, ignored) { return false }
        guard link.flags.contains(.multicast), !link.flags.contains(.loopback) else { return false }
        if !allowed.isEmpty { return Self.matches(link.name, allowed) }
        guard !link.flags.contains(.pointToPoint), link.hardwareType == Link.ethernet else { return false }
        if let controller = link.controller.flatMap({ links[$0] }), Self.takesPorts.contains(controller.kind ?? "") {
            return false
        }
        guard let kind = link.kind else { return true }
        if kind == "bridge" {
            return links.values.contains { $0.controller == link.index && ($0.kind == nil || $0.kind == "bond") }
        }
        return Self.lanKinds.contains(kind)
    }

    /// Kinds that stand in front of real links; what is not here (tun, wireguard, vxlan, dummy, …) is no LAN.
    /// veth is: it is what a container has for its network. The host's end goes by name.
    private static let lanKinds: Set = ["bond", "team", "vlan", "macvlan", "ipvlan", "veth", "hsr", "macsec"]
    private static let takesPorts: Set = ["bridge", "bond", "team"]

    private static func matches(_ name: String, _ globs: [String]) -> Bool {
        globs.contains { fnmatch($0, name, 0) == 0 }
    }
}

/// What the kernel says of a link (rtnetlink(7), RTM_NEWLINK).
struct Link: Sendable, Hashable {
    /// The device flags of netdevice(7) that matter here.
    struct Flags: OptionSet, Sendable, Hashable {
        let rawValue: UInt32

        static let up = Flags(rawValue: 0x1)
        static let loopback = Flags(rawValue: 0x8)
        static let pointToPoint = Flags(rawValue: 0x10)
        static let running = Flags(rawValue: 0x40)
        static let multicast = Flags(rawValue: 0x1000)
    }

    /// ARPHRD_ETHER: Wi-Fi too.
    static let ethernet: UInt16 = 1

    var index: UInt32
    var name: String
    var flags: Flags
    var hardwareType: UInt16
    /// `bridge`, `veth`, `tun`, …; nil for a physical device.
    var kind: String?
    /// The bridge or bond that this is a port of.
    var controller: UInt32?

    var isUp: Bool { flags.isSuperset(of: [.up, .running]) }
}
