package import OfficeCore

/// `officeshare share add DIR …`.
package struct ShareAddRequest: Codable, Sendable {
    /// The folder's absolute path, percent-encoded: its bytes may not be UTF-8.
    package var path: String
    /// nil: the folder's own name.
    package var name: String?
    package var writable: Bool
    /// Principals as typed; empty: the whole office.
    package var allow: [String]
    package var comment: String?
    package var keep: Bool
    /// What the command line granted the service on the folder, to be taken back by `share rm`: its own record,
    /// opaque to the daemon.
    package var grant: String?

    package init(
        path: String, name: String?, writable: Bool, allow: [String], comment: String?, keep: Bool, grant: String?
    ) {
        self.path = path
        self.name = name
        self.writable = writable
        self.allow = allow
        self.comment = comment
        self.keep = keep
        self.grant = grant
    }
}

/// `officeshare share set NAME …`: nil leaves a thing as it is.
package struct ShareSetRequest: Codable, Sendable {
    package var writable: Bool?
    package var allow: [String]?
    package var comment: String?
    package var keep: Bool?
    package var grant: String?

    package init(
        writable: Bool? = nil, allow: [String]? = nil, comment: String? = nil, keep: Bool? = nil, grant: String? = nil
    ) {
        self.writable = writable
        self.allow = allow
        self.comment = comment
        self.keep = keep
        self.grant = grant
    }
}

/// A share as its owner sees it: `share add`, `share set`, `share ls`.
package struct ShareModel: Codable, Sendable {
    package var name: String
    /// Lossy where the path is not UTF-8; `pathBytes` is exact then.
    package var path: String
    /// The path's bytes in base64, only where they are not UTF-8.
    package var pathBytes: String?
    /// `ro` or `rw`.
    package var mode: String
    /// Principals by today's names.
    package var allow: [String]
    package var keep: Bool
    @OrNull package var comment: String?
    /// The record that came with `ShareAddRequest.grant`; never shown.
    package var grant: String?
    /// Whether this call made or changed something, where it was one that could.
    package var changed: Bool?
    /// `office/SPACE`, where that has its name now and its files.
    @OrNull package var movedTo: String?

    package init(
        name: String, path: String, pathBytes: String?, mode: String, allow: [String], keep: Bool, comment: String?,
        grant: String? = nil, changed: Bool? = nil, movedTo: String? = nil
    ) {
        self.name = name
        self.path = path
        self.pathBytes = pathBytes
        self.mode = mode
        self.allow = allow
        self.keep = keep
        self.comment = comment
        self.grant = grant
        self.changed = changed
        self.movedTo = movedTo
    }
}

/// One line of `officeshare ls` and `officeshare ls NODE`: something of the office that has files in it.
package struct OfferModel: Codable, Sendable {
    /// `NODE/SHARE`.
    package var path: String
    package var node: String
    package var share: String
    /// `share`, `space` or `pin`.
    package var kind: String
    /// `ro` or `rw`, for this caller.
    package var mode: String
    @OrNull package var comment: String?
    package var online: Bool
    /// The node that answers for it now; null while nobody does.
    @OrNull package var servedBy: String?
    /// As of when the contents are, where another than the owner serves them.
    @OrNull package var asOf: Timestamp?
    /// `office/SPACE`, or after `demote` the `NODE/SHARE` that it is, where that is what the path leads to.
    @OrNull package var movedTo: String?

    package init(
        path: String, node: String, share: String, kind: String, mode: String, comment: String?, online: Bool,
        servedBy: String?, asOf: Timestamp?
    ) {
        self.path = path
        self.node = node
        self.share = share
        self.kind = kind
        self.mode = mode
        self.comment = comment
        self.online = online
        self.servedBy = servedBy
        self.asOf = asOf
    }
}
