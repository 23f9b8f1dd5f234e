import OfficeCore
import Testing

@testable import OfficeServer

@Suite("What is known of other nodes")
struct DirectoryTests {
    private let node = NodeID(Digest256.of([1]))
    private let now = Timestamp(seconds: 1_000)
    private let hello = PeerHello(incarnation: "a", version: "1", port: 8747, heads: [])

    @Test(
        "An address is written as people write it",
        arguments: [
            ("pc1", "pc1", 8747), ("pc1:99", "pc1", 99), ("198.51.100.1:99", "198.51.100.1", 99),
            ("fd00::1", "fd00::1", 8747), ("[fd00::1]", "fd00::1", 8747), ("[fd00::1]:99", "fd00::1", 99),
            ("[fe80::1%eth0]:99", "fe80::1%eth0", 99),
        ] as [(String, String, UInt16)])
    func endpoint(text: String, host: String, port: UInt16) throws {
        #expect(try Endpoint(parsing: text, defaultPort: 8747) == Endpoint(host: host, port: port))
    }

    @Test(
        "What is no address is refused",
        arguments: ["", ":", "pc1:", "pc1:0", "pc1:70000", "[fd00::1", "[fd00::1]x", "a b"])
    func noEndpoint(text: String) {
        #expect(throws: OfficeError.self) { try Endpoint(parsing: text, defaultPort: 8747) }
    }

    @Test("Lost is offline, a goodbye is gone, and neither undoes the other")
    func presence() async {
        let directory = PeerDirectory(mostAnnounced: 4)
        let endpoint = Endpoint(host: "198.51.100.1", port: 8747)
        await directory.online(node, at: endpoint, hello: hello, now: now)
        #expect(await directory[node]?.presence == .online)
        await directory.ended(node, goodbye: false, now: now)
        #expect(await directory[node]?.presence == .offline)
        await directory.ended(node, goodbye: true, now: now)
        #expect(await directory[node]?.presence == .offline)
        await directory.online(node, at: endpoint, hello: hello, now: now)
        await directory.ended(node, goodbye: true, now: now)
        #expect(await directory[node]?.presence == .gone)
    }

    @Test("Where a node was reached last is tried first, then hearsay, then what is configured")
    func order() async {
        let directory = PeerDirectory(mostAnnounced: 4)
        let configured = Endpoint(host: "configured", port: 1)
        let told = Endpoint(host: "told", port: 1)
        let reached = Endpoint(host: "reached", port: 1)
        await directory.configure([configured])
        await directory.told(PeerGossip(node: node, endpoints: [told]))
        await directory.online(node, at: reached, hello: hello, now: now)
        #expect(await directory.endpoints(of: node) == [reached, told, configured])
    }

    @Test("Whoever answers behind a configured address is recognised, and the address is his")
    func configured() async {
        let directory = PeerDirectory(mostAnnounced: 4)
        let endpoint = Endpoint(host: "198.51.100.9", port: 8747)
        await directory.configure([endpoint])
        #expect(await directory.unreached == [endpoint])
        await directory.online(node, at: endpoint, hello: hello, now: now)
        #expect(await directory.unreached.isEmpty)
        #expect(await directory[node]?.configured == [endpoint])
        #expect(await directory.gossip().map(\.node) == [node])
    }

    @Test("Hearsay about one node is bounded")
    func hearsay() async {
        let directory = PeerDirectory(mostAnnounced: 4)
        await directory.told(
            PeerGossip(node: node, endpoints: (1...100).map { Endpoint(host: "198.51.100.\($0)", port: 8747) }))
        #expect(await directory.endpoints(of: node).count == 8)
        for number in 1...100 {
            await directory.called(node, from: Endpoint(host: "203.0.113.\(number)", port: 8747))
        }
        #expect(await directory.endpoints(of: node).count == 8)
    }
}
