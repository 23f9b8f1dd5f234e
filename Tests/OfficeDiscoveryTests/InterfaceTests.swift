import Testing

@testable import OfficeDiscovery

struct InterfaceTests {
    private func link(
        _ name: String, index: UInt32 = 2, flags: Link.Flags = [.up, .running, .multicast], hardware: UInt16 = 1,
        kind: String? = nil, controller: UInt32? = nil
    ) -> Link {
        Link(index: index, name: name, flags: flags, hardwareType: hardware, kind: kind, controller: controller)
    }

    private func isLAN(_ link: Link, _ rules: InterfaceRules = InterfaceRules(), others: [Link] = []) -> Bool {
        rules.isLAN(link, among: Dictionary(([link] + others).map { ($0.index, $0) }) { first, _ in first })
    }

    @Test func ethernetAndWirelessAreLANs() {
        #expect(isLAN(link("eth0")))
        #expect(isLAN(link("wlp3s0")))
        #expect(isLAN(link("eth0.5", kind: "vlan")))
        #expect(isLAN(link("bond0", kind: "bond")))
        #expect(isLAN(link("host0", kind: "veth")))
    }

    @Test func tunnelsBridgesAndTheirPortsAreNot() {
        #expect(!isLAN(link("lo", flags: [.up, .loopback, .multicast], hardware: 772)))
        #expect(!isLAN(link("eth0", flags: [.up, .running])))
        #expect(!isLAN(link("ppp0", flags: [.up, .pointToPoint, .multicast], hardware: 512)))
        #expect(!isLAN(link("wg0", hardware: 65534, kind: "wireguard")))
        for kind in ["tun", "wireguard", "vxlan", "geneve", "dummy", "bridge", "ifb", "somethingnew"] {
            #expect(!isLAN(link("x0", kind: kind)), "\(kind)")
        }
        let bridge = link("br0", index: 7, kind: "bridge")
        #expect(!isLAN(link("eth0", controller: 7), others: [bridge]))
        #expect(!isLAN(bridge, others: [link("vnet1", index: 8, kind: "tun", controller: 7)]))
    }

    @Test func aBridgeWithAPhysicalPortIsTheLANItself() {
        let bridge = link("br0", index: 7, kind: "bridge")
        #expect(isLAN(bridge, others: [link("eth0", index: 2, controller: 7)]))
        #expect(!isLAN(bridge, others: [link("eth0", index: 2, controller: 8)]))
    }

    @Test func namedRulesDecide() {
        let rules = InterfaceRules(allowed: ["wg*", "eth1"], ignored: ["wg-private", "docker*"])
        #expect(isLAN(link("wg0", hardware: 65534, kind: "wireguard"), rules))
        #expect(isLAN(link("eth1"), rules))
        #expect(!isLAN(link("eth0"), rules))
        #expect(!isLAN(link("wg-private", kind: "wireguard"), rules))
        #expect(!isLAN(link("docker0"), InterfaceRules(ignored: ["docker*"])))
        #expect(!isLAN(link("docker0"), InterfaceRules(allowed: ["*"], ignored: ["docker*"])))
        #expect(!isLAN(link("lo", flags: [.up, .loopback, .multicast]), InterfaceRules(allowed: ["*"])))
    }

    @Test func brokenMessagesEndTheReading() {
        // A netlink message of 20 bytes whose length says more, less than its header, or nothing.
        for length: UInt8 in [0, 15, 21, 255] {
            let bytes = [length] + [UInt8](repeating: 0, count: 19)
            #expect(Array(RouteMessages(bytes[...])).isEmpty)
        }
        let whole = [20] + [UInt8](repeating: 0, count: 19)
        #expect(Array(RouteMessages(whole[...])).count == 1)
        for length in 0..<40 {
            let body = [UInt8](repeating: 3, count: length)
            #expect(Link(message: body[...]) == nil)
            #expect(InterfaceAddress(message: body[...]) == nil)
        }
    }

    @Test func ownInterfacesAreListed() throws {
        let interfaces = try InterfaceMonitor(rules: InterfaceRules()).snapshot()
        let loopback = try #require(interfaces.first { $0.name == "lo" })
        #expect(!loopback.isLAN && !loopback.isUsable)
        #expect(interfaces.map(\.index) == interfaces.map(\.index).sorted())
    }

    @Test func addressesOfNobodyElseAreRefused() throws {
        func address(_ bytes: [UInt8]) throws -> IPAddress { try #require(IPAddress(bytes: bytes)) }
        let zeroes = [UInt8](repeating: 0, count: 16)
        for bytes: [UInt8] in [
            [127, 0, 0, 1], [0, 0, 0, 0], [224, 0, 0, 251], [255, 255, 255, 255], zeroes,
            Array(zeroes.dropLast()) + [1], [0xFF, 2] + zeroes.dropFirst(2),
            Array(zeroes.prefix(10)) + [0xFF, 0xFF, 127, 0, 0, 1],
        ] {
            #expect(try !address(bytes).isAnothersUnicast)
        }
        let linkLocal = try address([0xFE, 0x80] + zeroes.dropFirst(3) + [9])
        #expect(linkLocal.isAnothersUnicast && linkLocal.text(interface: "eth0") == "fe80::9%eth0")
        #expect(try address([198, 51, 100, 7]).text(interface: "eth0") == "198.51.100.7")
        #expect(IPAddress(bytes: [1, 2, 3]) == nil && IPAddress(bytes: []) == nil)
    }
}
