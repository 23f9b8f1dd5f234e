import Testing

@testable import OfficeCommands

/// Rules as nft 1.0.6 tells them, and what they do with a node that calls.
@Suite("Firewall rules")
struct FirewallTests {
    typealias Verdict = FirewallRules.Verdict

    private func verdict(
        policy: String = "accept", _ rules: String..., other: [String] = [], on transport: String = "tcp",
        _ port: Int = 8747
    ) throws -> Verdict {
        func lines(_ chain: String, _ rules: [String]) -> [String] {
            rules.map { #"{"rule":{"family":"inet","table":"filter","chain":"\#(chain)","handle":3,"expr":[\#($0)]}}"# }
        }
        let items =
            [
                #"{"metainfo":{"version":"1.0.6","json_schema_version":1}}"#,
                #"{"table":{"family":"inet","name":"filter","handle":1}}"#,
                #"{"chain":{"family":"inet","table":"filter","name":"other","handle":1}}"#,
                #"""
                {"chain":{"family":"inet","table":"filter","name":"input","handle":2,"type":"filter","hook":"input",
                "prio":0,"policy":"\#(policy)"}}
                """#,
                // What goes through or out is nobody's matter here.
                #"""
                {"chain":{"family":"inet","table":"filter","name":"forward","handle":9,"type":"filter","hook":"forward",
                "prio":0,"policy":"drop"}}
                """#,
            ] + lines("input", rules) + lines("other", other)
        let text = #"{"nftables":[\#(items.joined(separator: ","))]}"#
        let parsed = try #require(FirewallRules(json: Array(text.utf8)))
        return parsed.verdict(on: .init(transport: transport, port: port))
    }

    private static func port(_ transport: String, _ right: String, _ op: String = "==") -> String {
        #"{"match":{"op":"\#(op)","left":{"payload":{"protocol":"\#(transport)","field":"dport"}},"right":\#(right)}}"#
    }
    private static let established =
        #"{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"accept":null}"#
    private static let loopback =
        #"{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},{"accept":null}"#
    private static let fromSome = #"""
        {"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},
        "right":{"prefix":{"addr":"10.0.0.0","len":8}}}}
        """#
    private static let accept = #"{"accept":null}"#
    private static let drop = #"{"drop":null}"#
    private static let reject = #"{"reject":{"type":"icmpx","expr":"port-unreachable"}}"#

    @Test("No rules, no harm; a shut door shuts out, and its exceptions for answers and this machine don't help")
    func policies() throws {
        #expect(try verdict() == .passes)
        #expect(try verdict(policy: "drop") == .drops)
        #expect(try verdict(policy: "drop", Self.established, Self.loopback) == .drops)
        #expect(try verdict(Self.reject) == .drops)
    }

    @Test(
        "A port is let in or shut out by itself, in a set and in a range",
        arguments: ["8747", #"{"set":[22,8747]}"#, #"{"set":[22,{"range":[8000,9000]}]}"#])
    func ports(_ right: String) throws {
        let match = Self.port("tcp", right)
        #expect(
            try verdict(policy: "drop", "\(match),{\"counter\":{\"packets\":0,\"bytes\":0}},\(Self.accept)") == .passes)
        #expect(try verdict("\(match),\(Self.drop)") == .drops)
        #expect(try verdict("\(match),\(Self.drop)", on: "udp", 5353) == .passes)
        #expect(try verdict("\(Self.port("udp", right)),\(Self.drop)") == .passes)
        #expect(try verdict("\(Self.port("tcp", right, "!=")),\(Self.drop)") == .passes)
        #expect(try verdict("\(Self.port("tcp", "22", "!=")),\(Self.drop)") == .drops)
    }

    @Test("What holds for some senders alone is left open, unless the end is the same")
    func some() throws {
        #expect(try verdict("\(Self.fromSome),\(Self.drop)") == .unknown)
        #expect(try verdict(policy: "drop", "\(Self.fromSome),\(Self.accept)") == .unknown)
        #expect(try verdict(policy: "drop", "\(Self.fromSome),\(Self.drop)") == .drops)
        #expect(try verdict(policy: "drop", #"{"xt":null}"#) == .unknown)
    }

    @Test("Chains are followed, there and back")
    func jumps() throws {
        let jump = #"{"jump":{"target":"other"}}"#
        #expect(try verdict(jump, other: ["\(Self.port("tcp", "8747")),\(Self.drop)"]) == .drops)
        #expect(try verdict(jump, Self.drop, other: ["{\"return\":null}", Self.accept]) == .drops)
        #expect(try verdict(policy: "drop", jump, other: [Self.accept]) == .passes)
        #expect(try verdict(jump, other: [jump]) == .unknown, "rules that go round")
    }

    @Test("What is none of nft's is not taken for rules")
    func nonsense() {
        for text in ["", "{}", "[]", "nft: permission denied"] { #expect(FirewallRules(json: Array(text.utf8)) == nil) }
    }
}
