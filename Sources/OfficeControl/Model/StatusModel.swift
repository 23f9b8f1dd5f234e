package import OfficeCore

/// `officeshare status`.
package struct StatusModel: Codable, Sendable {
    package struct Node: Codable, Sendable {
        package var id: String
        package var name: String
        package var version: String
        package var uptimeSeconds: Int
        package init(id: String, name: String, version: String, uptimeSeconds: Int) {
            self.id = id
            self.name = name
            self.version = version
            self.uptimeSeconds = uptimeSeconds
        }
    }

    package struct Office: Codable, Sendable {
        package var id: String
        package var name: String
        /// `admin` or `member`.
        package var role: String
        package var members: Int
        package var online: Int
        @OrNull package var fileServer: String?
        @OrNull package var standby: String?
        /// Whether the standby has all that was acknowledged; null where this node doesn't know, or there is none.
        @OrNull package var standbyInStep: Bool?
        package init(
            id: String, name: String, role: String, members: Int, online: Int, fileServer: String?,
            standby: String? = nil, standbyInStep: Bool? = nil
        ) {
            self.id = id
            self.name = name
            self.role = role
            self.members = members
            self.online = online
            self.fileServer = fileServer
            self.standby = standby
            self.standbyInStep = standbyInStep
        }
    }

    /// Something that wants a person's attention.
    package struct Problem: Codable, Sendable, Hashable {
        package var what: String
        package var why: String
        @OrNull package var mend: String?
        package init(what: String, why: String, mend: String?) {
            self.what = what
            self.why = why
            self.mend = mend
        }
    }

    package var node: Node
    @OrNull package var office: Office?
    package var shares: Int
    package var queues: Int
    package var transfers: Int
    package var problems: [Problem]

    package init(node: Node, office: Office?, shares: Int, queues: Int, transfers: Int, problems: [Problem]) {
        self.node = node
        self.office = office
        self.shares = shares
        self.queues = queues
        self.transfers = transfers
        self.problems = problems
    }
}

/// What the command line needs to know of the daemon before it touches files: whom to grant access to.
package struct ServiceModel: Codable, Sendable {
    /// The user id the daemon runs as.
    package var userID: UInt32
    package var nodeID: String
    package var nodeName: String
    package var version: String
    package init(userID: UInt32, nodeID: String, nodeName: String, version: String) {
        self.userID = userID
        self.nodeID = nodeID
        self.nodeName = nodeName
        self.version = version
    }
}

/// One node of `officeshare peers`.
package struct PeerModel: Codable, Sendable {
    /// All 64 digits of a member's id; the 16 that mDNS tells of a stranger's; null of a static address not reached yet.
    @OrNull package var id: String?
    @OrNull package var name: String?
    package var member: Bool
    /// `peer` or `server`.
    package var role: String
    package var online: Bool
    package var addresses: [String]
    package var port: Int
    @OrNull package var lastSeen: Timestamp?
    /// `mdns`, `static` or `gossip`.
    package var via: String

    package init(
        id: String?, name: String?, member: Bool, role: String, online: Bool, addresses: [String], port: Int,
        lastSeen: Timestamp?, via: String
    ) {
        self.id = id
        self.name = name
        self.member = member
        self.role = role
        self.online = online
        self.addresses = addresses
        self.port = port
        self.lastSeen = lastSeen
        self.via = via
    }
}
