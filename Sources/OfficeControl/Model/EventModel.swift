package import OfficeCore

/// One line of `officeshare events`.
package struct EventModel: Codable, Sendable {
    /// `node`: a node came, went, or offers something else; `office`: the office log changed; `shares`: this
    /// node's own shares changed; `delivery`: one of the caller's came, went, or stands otherwise; `conflict`, `standby`,
    /// `merge`: the file server wants people to know something.
    package var event: String
    package var time: Timestamp
    @OrNull package var node: String?
    @OrNull package var online: Bool?
    /// Of a delivery: its id, and how it stands.
    @OrNull package var id: String?
    @OrNull package var state: String?
    /// Of what the file server tells: what it is about, and why.
    @OrNull package var what: String?
    @OrNull package var why: String?

    package init(
        event: String, time: Timestamp, node: String?, online: Bool?, id: String? = nil, state: String? = nil,
        what: String? = nil, why: String? = nil
    ) {
        self.event = event
        self.time = time
        self.node = node
        self.online = online
        self.id = id
        self.state = state
        self.what = what
        self.why = why
    }
}
