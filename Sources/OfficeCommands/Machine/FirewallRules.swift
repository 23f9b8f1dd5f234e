import OfficeCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// nftables' rules as `nft -j list ruleset` tells them (libnftables-json(5)), and what they do with a new packet.
///
/// Only what concerns every sender alike is judged: a rule for some addresses, interfaces or sets leaves the answer
/// open, and so does what this code doesn't know.
struct FirewallRules: Sendable {
    enum Verdict: Sendable, Equatable { case passes, drops, unknown }

    /// A packet that opens a conversation with this machine.
    struct Packet: Sendable {
        let transport: String
        let port: Int
    }

    private struct Chain { var rules: [[JSONValue]] = [], policy: String? }

    /// By family, table and name; those that all packets to this machine go through have a policy.
    private var chains: [String: Chain] = [:]

    /// nil where the text is none of nft's.
    init?(json: [UInt8]) {
        guard let root = try? JSONDecoder().decode(JSONValue.self, from: Data(json)),
            case .array(let items) = root["nftables"]
        else { return nil }
        for item in items {
            if let chain = item["chain"], let key = Self.key(chain, "name") {
                let isEntrance = chain["hook"]?.text == "input" && chain["type"]?.text == "filter"
                chains[key, default: Chain()].policy = isEntrance ? chain["policy"]?.text ?? "accept" : nil
            } else if let rule = item["rule"], let key = Self.key(rule, "chain"), case .array(let steps) = rule["expr"]
            {
                chains[key, default: Chain()].rules.append(steps)
            }
        }
    }

    private static func key(_ value: JSONValue, _ name: String) -> String? {
        guard let family = value["family"]?.text, let table = value["table"]?.text, let name = value[name]?.text else {
            return nil
        }
        return "\(family) \(table) \(name)"
    }

    /// What becomes of the packet: every entrance has to let it through.
    func verdict(on packet: Packet) -> Verdict {
        let verdicts = chains.filter { $0.value.policy != nil }.map { key, chain -> Verdict in
            let fallen: Verdict = chain.policy == "drop" ? .drops : .passes
            let run = walk(key, packet, depth: 0)
            guard let found = run.verdict else { return run.doubts.contains { $0 != fallen } ? .unknown : fallen }
            return run.doubts.contains { $0 != found } ? .unknown : found
        }
        if verdicts.contains(.drops) { return .drops }
        return verdicts.contains(.unknown) ? .unknown : .passes
    }

    /// What a chain decides, and what it would have decided had a rule matched that can't be judged from here.
    private typealias Run = (verdict: Verdict?, doubts: [Verdict])

    private func walk(_ key: String, _ packet: Packet, depth: Int) -> Run {
        guard depth < 16, let chain = chains[key] else { return (nil, [.unknown]) }
        var doubts: [Verdict] = []
        for rule in chain.rules {
            var matches: Bool? = true
            steps: for step in rule {
                if let match = step["match"] {
                    switch Self.matches(match, packet) {
                    case true?: break
                    case false?:
                        matches = false
                        break steps
                    case nil: matches = nil
                    }
                } else if let end = end(of: step, key, packet, depth) {
                    let isSure = matches == true
                    doubts += end.run.doubts
                    if let verdict = end.run.verdict {
                        if isSure { return (verdict, doubts) }
                        doubts.append(verdict)
                    } else if end.leaves {
                        if isSure { return (nil, doubts) }
                        doubts.append(.unknown)
                    }
                    break steps
                }
            }
        }
        return (nil, doubts)
    }

    /// What a rule's last step does; nil for a step that decides nothing.
    private func end(of step: JSONValue, _ key: String, _ packet: Packet, _ depth: Int) -> (run: Run, leaves: Bool)? {
        let unjudged: Run = (nil, [.unknown])
        guard case .object(let object) = step, let word = object.keys.first else { return nil }
        switch word {
        case "accept": return (Run(.passes, []), false)
        case "drop", "reject": return (Run(.drops, []), false)
        case "return": return (Run(nil, []), true)
        case "jump", "goto":
            let table = key.split(separator: " ").dropLast().joined(separator: " ")
            let target = object[word]?["target"]?.text ?? ""
            return (walk("\(table) \(target)", packet, depth: depth + 1), word == "goto")
        case "counter", "log", "mangle": return nil
        default: return (unjudged, false)
        }
    }

    /// Whether a condition holds for the packet, whoever sends it; nil where that depends.
    private static func matches(_ match: JSONValue, _ packet: Packet) -> Bool? {
        guard let left = match["left"], let right = match["right"], let op = match["op"]?.text else { return nil }
        let holds: Bool?
        if let payload = left["payload"], let transport = payload["protocol"]?.text {
            switch (transport, payload["field"]?.text) {
            case ("tcp", "dport"), ("udp", "dport"), ("th", "dport"):
                // For another transport the condition can't hold, whatever its operator is.
                if transport != "th", transport != packet.transport { return false }
                holds = right.contains(packet.port)
            case ("ip", "protocol"), ("ip6", "nexthdr"): holds = right.contains(packet.transport)
            case ("tcp", _), ("udp", _), ("icmp", _), ("icmpv6", _): return transport == packet.transport ? nil : false
            default: holds = nil
            }
        } else if left["meta"]?["key"]?.text == "l4proto" {
            holds = right.contains(packet.transport)
        } else if left["meta"]?["key"]?.text == "iifname" || left["meta"]?["key"]?.text == "iif" {
            // Others don't come by the loopback.
            holds = right.text == "lo" ? false : nil
        } else if left["ct"]?["key"]?.text == "state" {
            holds = right.contains("new")
        } else {
            holds = nil
        }
        return op == "!=" ? holds.map { !$0 } : ["==", "in"].contains(op) ? holds : nil
    }
}

/// Any JSON, looked into by name.
enum JSONValue: Decodable, Sendable {
    case null, bool(Bool), number(Double), string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    subscript(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// Whether it is this port, or a set or range with it; nil where it names a set that is elsewhere.
    func contains(_ port: Int) -> Bool? {
        switch self {
        case .number(let value): return Int(value) == port
        case .array(let values): return Self.any(values) { $0.contains(port) }
        case .object(let object):
            if case .array(let values) = object["set"] { return Self.any(values) { $0.contains(port) } }
            guard case .array(let ends) = object["range"], ends.count == 2, case .number(let low) = ends[0],
                case .number(let high) = ends[1]
            else { return nil }
            return (Int(low)...max(Int(low), Int(high))).contains(port)
        default: return nil
        }
    }

    /// Whether it is this word, or a set with it.
    func contains(_ word: String) -> Bool? {
        switch self {
        case .string(let value): return value.hasPrefix("@") ? nil : value == word
        case .number: return nil
        case .array(let values): return Self.any(values) { $0.contains(word) }
        case .object(let object):
            guard case .array(let values) = object["set"] else { return nil }
            return Self.any(values) { $0.contains(word) }
        default: return nil
        }
    }

    private static func any(_ values: [JSONValue], _ holds: (JSONValue) -> Bool?) -> Bool? {
        let answers = values.map(holds)
        if answers.contains(true) { return true }
        return answers.contains(nil) ? nil : false
    }
}
