package import OfficeCore

/// `officeshare office create NAME`.
package struct OfficeCreateRequest: Codable, Sendable {
    package var name: String
    package init(name: String) { self.name = name }
}

package struct OfficeCreatedModel: Codable, Sendable {
    package var id: String
    package var name: String
    package var recoveryKey: String
    package init(id: String, name: String, recoveryKey: String) {
        self.id = id
        self.name = name
        self.recoveryKey = recoveryKey
    }
}

/// `officeshare office invite [--ttl 15m]`.
package struct InviteRequest: Codable, Sendable {
    package var ttlSeconds: Int
    package init(ttlSeconds: Int) { self.ttlSeconds = ttlSeconds }
}

package struct InvitationModel: Codable, Sendable {
    package var code: String
    package var expires: Timestamp
    package init(code: String, expires: Timestamp) {
        self.code = code
        self.expires = expires
    }
}

/// `officeshare office join CODE [--via HOST[:PORT]] [--name NODE]`.
package struct OfficeJoinRequest: Codable, Sendable {
    package var code: String
    package var via: String?
    package var name: String?
    package init(code: String, via: String?, name: String?) {
        self.code = code
        self.via = via
        self.name = name
    }
}

package struct JoinedModel: Codable, Sendable {
    package struct Named: Codable, Sendable {
        package var id: String
        package var name: String
        package init(id: String, name: String) {
            self.id = id
            self.name = name
        }
    }

    package var office: Named
    package var node: Named
    package init(office: Named, node: Named) {
        self.office = office
        self.node = node
    }
}

/// One node of `officeshare office members`.
package struct MemberModel: Codable, Sendable {
    package var id: String
    package var name: String
    package var admin: Bool
    /// `peer` or `server`.
    package var role: String
    package var online: Bool
    package var addresses: [String]
    @OrNull package var lastSeen: Timestamp?
    @OrNull package var version: String?

    package init(
        id: String, name: String, admin: Bool, role: String, online: Bool, addresses: [String], lastSeen: Timestamp?,
        version: String?
    ) {
        self.id = id
        self.name = name
        self.admin = admin
        self.role = role
        self.online = online
        self.addresses = addresses
        self.lastSeen = lastSeen
        self.version = version
    }
}

/// `officeshare office remove|rename|admin|recover`: which change to write to the office log.
package enum OfficeChange: Codable, Sendable {
    case remove(node: String)
    case leave
    case rename(node: String, name: String)
    case grant(node: String)
    case revoke(node: String)
    case recover(key: String)
}

/// One entry of `officeshare office log`.
package struct LogEntryModel: Codable, Sendable {
    /// Place in the agreed order, from 1.
    package var number: Int
    package var kind: String
    /// The author's name where it is known, else its id; `recovery` for the recovery key.
    package var author: String
    package var time: Timestamp
    package var hash: String
    package var follows: [String]
    /// The entry's own values, and `void` with the reason where the fold voids it.
    package var details: [String: String]

    package init(
        number: Int, kind: String, author: String, time: Timestamp, hash: String, follows: [String],
        details: [String: String]
    ) {
        self.number = number
        self.kind = kind
        self.author = author
        self.time = time
        self.hash = hash
        self.follows = follows
        self.details = details
    }
}
