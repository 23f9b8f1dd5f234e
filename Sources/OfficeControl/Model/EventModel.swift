package import OfficeCore

/// One line of `officeshare events`.
package struct EventModel: Codable, Sendable {
    /// `node`: a node came, went, or offers something else; `office`: the office log changed; `shares`: this
    /// node's own shares changed.
    package var event: String
    package var time: Timestamp
    @OrNull package var node: String?
    @OrNull package var online: Bool?

    package init(event: String, time: Timestamp, node: String?, online: Bool?) {
        self.event = event
        self.time = time
        self.node = node
        self.online = online
    }
}
