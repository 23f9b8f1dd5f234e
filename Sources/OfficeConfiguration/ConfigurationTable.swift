extension ConfigurationKey {
    /// Every key there is, in the order in which people read about them; the keys of a section stand together.
    package static let all: [ConfigurationKey] =
        top + discovery + transfers + limits + outbox + inbox + printing + spool
        + spaces

    /// What is said of a section above its keys.
    package static let sections: [(name: String, summary: String)] = [
        ("discovery", "How nodes find each other on the local network."),
        (
            "transfers",
            "How fast files move between this node and the others. Transfers share what there is; what moves for "
                + "a pin goes slowly while people's transfers move."
        ),
        (
            "limits",
            "What the daemon holds at most, whatever peers send or ask for. "
                + "What is over a limit is refused with a line that names the limit."
        ),
        ("outbox", "What is sent from this node by 'officeshare send' and by --queue, until it has arrived."),
        ("inbox", "What others send to this node, until somebody takes it with 'officeshare inbox accept'."),
        (
            "printing",
            "The office's printers, as the programs of this machine find them: an IPP Everywhere endpoint on loopback, "
                + "where the local CUPS has a queue for each of them."
        ),
        ("spaces", "The office's own folders, while this node is its file server."),
    ]

    /// The key of that name, as `limits.connections`.
    package static func named(_ name: String) -> ConfigurationKey? { all.first { $0.name == name } }

    private static let top: [ConfigurationKey] = [
        ConfigurationKey(
            "name", field: .label(\.name),
            summary: "This node's name before it is in an office. Empty: the name of the host. "
                + "In an office 'officeshare office rename' changes it."),
        ConfigurationKey(
            "stateDirectory", field: .path(\.stateDirectory, maximum: 1024),
            summary: "Where the node keeps its key, the office log, its database and what is half received. "
                + "The key never leaves it: a copy of this directory on another machine is the same node twice."),
        ConfigurationKey(
            // sun_path has 108 bytes, the last of them NUL: unix(7).
            "controlSocket", field: .path(\.controlSocket, maximum: 107),
            summary: "The Unix socket by which officeshare(1) speaks to this daemon."),
        ConfigurationKey(
            "port", field: .port(\.port),
            summary: "The TCP port on which the members of the office are served, by IPv4 and IPv6. "
                + "A firewall has to let it in."),
        ConfigurationKey(
            "listenAddresses", field: .list(\.listenAddresses, of: .address, maximum: 64),
            summary: "The addresses of this machine on which members are served. Empty: all of them."),
        ConfigurationKey(
            "peers", field: .list(\.staticPeers, of: .peer, maximum: 256), live: true,
            summary: "Nodes to try besides those that are found on the local network: across subnets, "
                + "or where multicast is blocked. One of an office is enough, the others are learnt from it."),
        ConfigurationKey(
            "logLevel", field: .level(\.logLevel), live: true,
            summary: "The least that is logged."),
    ]

    private static let discovery: [ConfigurationKey] = [
        ConfigurationKey(
            "discovery", "mdns", field: .flag(\.discovery.mdns), live: true,
            summary: "Whether to announce this node and to look for others by mDNS, through avahi-daemon."),
        ConfigurationKey(
            "discovery", "interfaces", field: .list(\.discovery.interfaces, of: .interfacePattern, maximum: 64),
            live: true,
            summary: "The network interfaces to use. Empty: every one that is a local network."),
        ConfigurationKey(
            "discovery", "ignoredInterfaces",
            field: .list(\.discovery.ignoredInterfaces, of: .interfacePattern, maximum: 64), live: true,
            summary: "Interfaces never to use: containers, bridges of virtual machines, VPNs."),
    ]

    private static let transfers: [ConfigurationKey] = [
        ConfigurationKey(
            "transfers", "limit", field: .integer(\.transfers.limit, 0...Settings.Transfers.mostBytesPerSecond),
            live: true,
            summary: "Bytes a second to all members together, and as many from them. 0: no limit. "
                + "Less than 16384 counts as that."),
        ConfigurationKey(
            "transfers", "limitPerPeer",
            field: .integer(\.transfers.limitPerPeer, 0...Settings.Transfers.mostBytesPerSecond), live: true,
            summary: "The same with each member."),
        ConfigurationKey(
            "transfers", "schedule", field: .list(\.transfers.schedule, of: .limitPeriod, maximum: 64), live: true,
            summary: "Times of the day, by this machine's clock, in which another limit than 'limit' holds, as "
                + "'08:00-18:00 5000000'. 0: none then. Of several that hold the first does."),
        ConfigurationKey(
            "transfers", "passingMegabytes", field: .integer(\.transfers.passingMegabytes, 0...1_048_576), live: true,
            summary: "Mebibytes of disk for blocks that are kept a while for others who read the same at once, so that "
                + "its owner sends them about once. What was used longest ago goes first. 0: nothing is kept."),
    ]

    private static let printing: [ConfigurationKey] = [
        ConfigurationKey(
            "printing", "port", field: .integer(\.printing.port, 0...Int(UInt16.max)),
            summary: "The TCP port of the endpoint, on 127.0.0.1 and ::1 alone. 0: no endpoint, and no queues of the "
                + "office in the local CUPS. Another port makes the local queues anew."),
        printing("connections", live: true, \.printing.connections, 1...65_536, "Connections to the endpoint, in all."),
        printing(
            "connectionsPerUser", live: true, \.printing.connectionsPerUser, 1...65_536,
            "Connections to the endpoint from one user other than root and the local CUPS."),
        printing(
            "openJobs", \.printing.openJobs, 1...65_536,
            "Jobs that were begun and whose documents are not whole yet, in all."),
        printing(
            "openJobsPerUser", \.printing.openJobsPerUser, 1...65_536,
            "The same, of one user other than root and the local CUPS."),
        printing(
            "documentMegabytes", \.printing.documentMegabytes, 1...1_048_576, "Mebibytes of one document."),
        printing(
            "jobSeconds", \.printing.jobSeconds, 10...86_400,
            "Seconds for which a job that was begun waits for its document."),
        printing(
            "documentSeconds", live: true, \.printing.documentSeconds, 10...604_800,
            "Seconds in which a request has to be over, its document included."),
    ]

    private static let spool: [ConfigurationKey] = [
        ConfigurationKey(
            "printing", "localQueues", field: .flag(\.printing.localQueues),
            summary:
                "Whether this machine's CUPS gets a queue NODE_QUEUE for each printer of the office, so that every "
                + "program can print there."),
        printing(
            "jobs", \.printing.jobs, 1...100_000,
            "Print jobs that are not at their end: submitted on this node, and as many taken for its own printers."),
        printing(
            "spoolMegabytes", \.printing.spoolMegabytes, 1...16_777_216,
            "Mebibytes of the documents submitted on this node, and as many of those taken for its own printers."),
        printing(
            "retentionHours", \.printing.retentionHours, 0...8_760,
            "Hours for which this node keeps the documents of jobs that its printers are done with, for "
                + "'officeshare job reprint'."),
        printing(
            "retainedMegabytes", \.printing.retainedMegabytes, 0...16_777_216,
            "Mebibytes of such documents; the oldest go first."),
    ]

    private static let spaces: [ConfigurationKey] = [
        ConfigurationKey(
            "spaces", "versionsMegabytes", field: .integer(\.spaces.versionsMegabytes, 0...1_073_741_824),
            summary: "Mebibytes of the replaced and removed files that are kept of each space. The oldest go first.")
    ]

    private static func printing(
        _ name: String, live: Bool = false, _ place: Place<Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> ConfigurationKey {
        ConfigurationKey("printing", name, field: .integer(place, range), live: live, summary: summary)
    }

    private static let limits: [ConfigurationKey] = [
        limit("connections", \.limits.connections, 1...65_536, "Connections to the members' port, in all."),
        limit(
            "connectionsPerPeer", \.limits.connectionsPerPeer, 1...4096,
            "Connections to the members' port from one member."),
        limit("handshakes", \.limits.handshakes, 1...4096, "Connections whose TLS handshake is not done yet, in all."),
        limit("handshakeSeconds", \.limits.handshakeSeconds, 1...300, "Seconds for a TLS handshake."),
        limit(
            "controlConnections", \.limits.controlConnections, 1...65_536, "Connections to the control socket, in all."),
        limit(
            "controlConnectionsPerUser", \.limits.controlConnectionsPerUser, 1...65_536,
            "Connections to the control socket from one user."),
        limit("headerBytes", \.limits.headerBytes, 4096...1_048_576, "Bytes of a request's head."),
        limit(
            "bodyBytes", \.limits.bodyBytes, 65_536...268_435_456,
            "Bytes of a request's body, where it is not a stream of file contents."),
        limit(
            "requestSeconds", \.limits.requestSeconds, 1...3600,
            "Seconds in which a request's head has to arrive, and for which a body may stand still."),
        limit(
            "requestsPerConnection", \.limits.requestsPerConnection, 1...1_000_000_000,
            "Requests on one connection before it is closed and made anew."),
        limit("openFiles", \.limits.openFiles, 16...1_000_000, "Files kept open for transfers, in all."),
        limit(
            "transferMegabytes", \.limits.transferMegabytes, 1...65_536,
            "Mebibytes of memory for file contents on their way, of all connections together; each of them has its part, "
                + "and may hold one piece of a quarter of a mebibyte whatever the others hold."),
        limit("logEntries", live: false, \.limits.logEntries, 16...1_000_000, "Entries of the office log."),
        limit(
            "logEntryBytes", live: false, \.limits.logEntryBytes, 4096...1_048_576,
            "Bytes of one entry of the office log."),
        limit("shares", \.limits.shares, 1...10_000, "Shares of this node."),
        limit("pins", \.limits.pins, 0...10_000, "Shares of others of which this node keeps copies."),
        limit(
            "pinDays", \.limits.pinDays, 1...3_650,
            "Days for which this node serves a copy after the share's owner was reached last."),
        limit(
            "watchedDirectories", live: false, \.limits.watchedDirectories, 0...1_000_000,
            "Directories of one share that are watched for changes, where others keep copies of it."),
        limit("peers", \.limits.peers, 16...100_000, "Nodes seen on the network that are remembered."),
    ]

    private static func limit(
        _ name: String, live: Bool = true, _ place: Place<Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> ConfigurationKey {
        ConfigurationKey("limits", name, field: .integer(place, range), live: live, summary: summary)
    }
}

extension Settings {
    /// The keys whose values differ between these settings and `other`.
    package func changes(to other: Settings) -> [ConfigurationKey] {
        ConfigurationKey.all.filter { $0.value(in: self) != $0.value(in: other) }
    }

    /// These settings with what can change live taken from `other`: what a running daemon makes of a reload.
    package func applyingLive(of other: Settings) -> Settings {
        var copy = self
        for key in changes(to: other) where key.live {
            key.copy(from: other, to: &copy)
        }
        return copy
    }
}
