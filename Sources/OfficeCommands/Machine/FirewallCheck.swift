import OfficeCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether this machine's packet filter lets other nodes in, as far as its rules can be read: by root, and of
/// nftables (which Debian's iptables writes to as well).
enum FirewallCheck {
    /// Bytes of rules that are read.
    private static let mostRules = 8 << 20
    private static let mend = "Let it in: 'nft add rule …', or your firewall's own way, such as 'ufw allow'."

    /// Blocking.
    static func run() -> [Finding] {
        if let names = readSmallFile("/proc/net/ip_tables_names"), !names.isEmpty {
            return [.unknown("firewall", "rules of the old iptables are in force, which aren't read here")]
        }
        guard let output = list() else {
            return [
                .unknown(
                    "firewall", "its rules can't be read",
                    mend: geteuid() == 0 ? "Install 'nftables' to have them read." : "Run 'officeshare doctor' as root."
                )
            ]
        }
        guard let rules = FirewallRules(json: output) else {
            return [.unknown("firewall", "what nft says can't be read")]
        }
        return findings(rules)
    }

    static func findings(_ rules: FirewallRules) -> [Finding] {
        [
            finding(rules, "firewall for nodes", .init(transport: "tcp", port: 8747), "other nodes can't connect"),
            finding(
                rules, "firewall for discovery", .init(transport: "udp", port: 5353), "other nodes aren't heard here"),
        ]
    }

    private static func finding(
        _ rules: FirewallRules, _ check: String, _ packet: FirewallRules.Packet, _ harm: String
    ) -> Finding {
        let what = "\(packet.transport) port \(packet.port)"
        switch rules.verdict(on: packet) {
        case .passes: return .good(check, "\(what) is let in")
        case .drops: return .bad(check, "\(what) is shut out: \(harm)", mend: mend)
        case .unknown: return .unknown(check, "\(what) is let in only from some, or by rules that aren't known here")
        }
    }

    /// What nft says of its rules; nil where it can't, or may not.
    private static func list() -> [UInt8]? {
        guard let pipe = popen("PATH=/usr/sbin:/sbin:/usr/bin:/bin exec nft -j list ruleset 2>/dev/null", "re") else {
            return nil
        }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while output.count < mostRules, case let count = fread(&piece, 1, piece.count, pipe), count > 0 {
            output += piece[..<count]
        }
        return pclose(pipe) == 0 ? output : nil
    }

    private static func readSmallFile(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes[..<count])
    }
}
