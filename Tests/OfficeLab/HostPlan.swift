/// What a host of the lab is to be. A string literal is a plan with the defaults.
package struct HostPlan: Sendable, ExpressibleByStringLiteral {
    /// Its name in the lab, unique there.
    package var name: String
    /// Its own host name; two hosts of one lab may have the same.
    package var hostName: String
    /// The LAN it is on: hosts on different ones reach each other by a router, and not by multicast.
    package var segment: Int
    package var avahi: Bool
    package var cups: Bool
    /// Whether officeshared is started when the office is raised.
    package var daemon: Bool
    package var storage: Storage

    /// Where the host's files are.
    package enum Storage: Sendable {
        /// On a tmpfs of its own.
        case memory
        /// Below /var/tmp, on this machine's disk: for what measures or fills a real file system.
        case disk
    }

    package init(
        _ name: String, hostName: String? = nil, segment: Int = 0, avahi: Bool = true, cups: Bool = false,
        daemon: Bool = true, storage: Storage = .memory
    ) {
        self.name = name
        self.hostName = hostName ?? name
        self.segment = segment
        self.avahi = avahi
        self.cups = cups
        self.daemon = daemon
        self.storage = storage
    }

    package init(stringLiteral name: String) { self.init(name) }
}

/// The documentation networks that the lab's LANs use (RFC 5737) and their unique local IPv6 twins (RFC 4193).
enum Segment {
    static let count = 2

    static func prefix(_ segment: Int) -> String { segment == 0 ? "198.51.100." : "203.0.113." }
    static func prefix6(_ segment: Int) -> String { segment == 0 ? "fd00::" : "fd00:0:0:1::" }
    /// The router's last octet, on every segment.
    static let router = 254
}
