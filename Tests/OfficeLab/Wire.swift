/// What is wrong with a host's network, as its own packet filter plays it.
struct Wire: Sendable {
    /// Per mille of arriving packets that are lost.
    var loss = 0
    /// Everything is lost, both ways, while the link looks fine.
    var silent = false
    /// mDNS neither arrives nor leaves.
    var multicastBlocked = false

    /// The whole rule set, for `nft -f -`: it replaces what was there.
    var rules: String {
        var arriving: [String] = []
        var leaving: [String] = []
        if silent {
            arriving.append("iifname \"eth0\" drop")
            leaving.append("oifname \"eth0\" drop")
        }
        if multicastBlocked {
            // Only mDNS: without ff02::1:ff00:0/104 there would be no IPv6 at all.
            for side in ["ip daddr 224.0.0.251 drop", "ip6 daddr ff02::fb drop"] {
                arriving.append(side)
                leaving.append(side)
            }
        }
        if loss > 0 { arriving.append("iifname \"eth0\" numgen random mod 1000 < \(loss) drop") }
        return """
            table inet officelab
            delete table inet officelab
            table inet officelab {
            chain arriving {
            type filter hook input priority 0
            \(arriving.joined(separator: "\n"))
            }
            chain leaving {
            type filter hook output priority 0
            \(leaving.joined(separator: "\n"))
            }
            }

            """
    }

    /// The command that limits what an interface sends, or lifts the limit.
    static func rate(_ megabits: Int?, of interface: String) -> [String] {
        if let megabits {
            ["tc", "qdisc", "replace", "dev", interface, "root"]
                + ["tbf", "rate", "\(megabits)mbit", "burst", "128kb", "latency", "50ms"]
        } else {
            ["tc", "qdisc", "del", "dev", interface, "root"]
        }
    }
}
