package import Logging
package import OfficeCore

/// Everything about the daemon that can be configured, with the defaults that serve when nothing is.
///
/// Made whole by the configuration reader in this room and never changed behind a service's back:
/// a reload makes a new value and tells whoever can apply it live.
package struct Settings: Sendable, Equatable {
    /// This node's name before it is in an office; nil: the host name.
    package var name: Label?
    /// Where keys, the log, the database and partial files of the daemon live.
    package var stateDirectory = "/var/lib/officeshare"
    /// The control socket.
    package var controlSocket = "/run/officeshare/control.sock"
    /// TCP port for members, IPv4 and IPv6.
    package var port: UInt16 = 8747
    /// Addresses to listen on; empty: all.
    package var listenAddresses: [String] = []
    /// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT` of nodes to try besides what mDNS finds.
    package var staticPeers: [String] = []
    package var discovery = Discovery()
    package var printing = Printing()
    package var outbox = Outbox()
    package var inbox = Inbox()
    package var transfers = Transfers()
    package var spaces = Spaces()
    package var limits = Limits()
    package var logLevel = Logger.Level.info

    package struct Discovery: Sendable, Equatable {
        /// Whether to announce and browse by mDNS.
        package var mdns = true
        /// Interfaces to use, as globs (`eth*`); empty: every one that is a LAN.
        package var interfaces: [String] = []
        /// Interfaces never to use, as globs: containers, bridges of virtual machines, VPNs.
        package var ignoredInterfaces = [
            "lo", "docker*", "br-*", "veth*", "virbr*", "vnet*", "lxc*", "lxd*", "podman*", "cni*", "flannel*", "cali*",
            "tun*", "tap*", "wg*", "tailscale*", "zt*", "ppp*",
        ]
        package init() {}
    }

    /// The office's spaces, while this node is its file server.
    package struct Spaces: Sendable, Equatable {
        /// Mebibytes of the old versions of one space; the oldest go first.
        package var versionsMegabytes = 102_400
        package init() {}
    }

    /// The office's queues, as printers of this machine's programs.
    package struct Printing: Sendable, Equatable {
        /// TCP port on 127.0.0.1 and ::1; 0: no printers for programs.
        package var port = 8631
        /// Connections to it, in all, and from one user other than root and the local CUPS.
        package var connections = 256
        package var connectionsPerUser = 32
        /// Jobs that were begun and whose documents aren't whole, in all, and of one such user.
        package var openJobs = 256
        package var openJobsPerUser = 32
        /// Mebibytes of one document.
        package var documentMegabytes = 4096
        /// Seconds for which a job that was begun waits for its document.
        package var jobSeconds = 300
        /// Seconds in which a request has to be over, its document included.
        package var documentSeconds = 7200
        /// Whether the local CUPS gets a queue for each queue of the office.
        package var localQueues = true
        /// Jobs that are not at their end: submitted here, and as many taken for this node's queues.
        package var jobs = 2_000
        /// Mebibytes of the documents of either kind.
        package var spoolMegabytes = 20_480
        /// Hours for which documents of ended jobs are kept for `job reprint`, and mebibytes of them.
        package var retentionHours = 24
        package var retainedMegabytes = 1_024
        package init() {}
    }

    /// What is sent from here, until it has arrived and for a while longer.
    package struct Outbox: Sendable, Equatable {
        /// Deliveries that haven't arrived.
        package var deliveries = 1_000
        /// Mebibytes of all contents.
        package var spoolMegabytes = 20_480
        /// Hours for which what has arrived is kept for `resend`, and mebibytes of it.
        package var retentionHours = 72
        package var retainedMegabytes = 2_048
        package init() {}
    }

    /// What is sent to this node, until somebody takes it.
    package struct Inbox: Sendable, Equatable {
        /// From whom it is taken in without asking.
        package var accept = ["members"]
        /// Mebibytes of a file up to which that holds.
        package var maximumMegabytes = 4_096
        /// Deliveries that nobody has taken or rejected, in all and from one node.
        package var deliveries = 1_000
        package var deliveriesPerNode = 250
        /// Mebibytes of all contents.
        package var spoolMegabytes = 20_480
        package init() {}
    }

    /// How fast files move between this node and the others.
    package struct Transfers: Sendable, Equatable {
        /// No link of an office is faster.
        package static let mostBytesPerSecond = 1_000_000_000_000
        /// Bytes a second to all members, and as many from them; 0: no limit.
        package var limit = 0
        /// The same with each of them.
        package var limitPerPeer = 0
        /// Times of the day in which another limit holds: see `LimitPeriod`.
        package var schedule: [String] = []
        /// Mebibytes of blocks held in passing for others who read the same; 0: none.
        package var passingMegabytes = 512
        package init() {}
    }

    /// Each limit holds by itself; what is over it is refused with a line that names the limit.
    package struct Limits: Sendable, Equatable {
        /// Connections to the members' port, in all.
        package var connections = 512
        /// Connections to the members' port from one member.
        package var connectionsPerPeer = 32
        /// Connections whose handshake is not done yet, in all.
        package var handshakes = 64
        /// Seconds for a TLS handshake.
        package var handshakeSeconds = 10
        /// Connections to the control socket, in all.
        package var controlConnections = 256
        /// Connections to the control socket from one user.
        package var controlConnectionsPerUser = 64
        /// Bytes of a request's head.
        package var headerBytes = 16 << 10
        /// Bytes of a request's body where it is not a stream of blocks.
        package var bodyBytes = 4 << 20
        /// Seconds in which a request's head has to arrive, and that a body may stand still.
        package var requestSeconds = 30
        /// Requests on one connection before it is closed.
        package var requestsPerConnection = 100_000
        /// File handles kept open for transfers, in all.
        package var openFiles = 1024
        /// Mebibytes of file contents that all connections hold in memory.
        package var transferMegabytes = 16
        /// Entries of the office log.
        package var logEntries = 10_000
        /// Bytes of one entry of the office log.
        package var logEntryBytes = 16 << 10
        /// Shares of this node.
        package var shares = 256
        /// Shares of others of which this node keeps copies.
        package var pins = 64
        /// Days for which a copy is served after its owner was reached last.
        package var pinDays = 30
        /// Directories of one share that are watched for changes.
        package var watchedDirectories = 8_192
        /// Seen nodes that are kept in memory.
        package var peers = 1024
        package init() {}
    }

    package init() {}
}
