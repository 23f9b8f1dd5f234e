import OfficeCore

/// A node that announces itself on the LAN: a hint where to knock, never a proof. Whatever is in it, a stranger
/// may have written; that it has this form is checked.
package struct Sighting: Sendable, Hashable {
    /// An announcement: one instance name on one interface. The same node on two interfaces is two sightings.
    package struct Key: Sendable, Hashable {
        package let interfaceIndex: UInt32
        /// Bytes, as DNS compares them; not a `String`, which would hold composed and decomposed letters equal.
        let instance: [UInt8]

        /// The instance name, escaped where it can't be printed: for logs.
        package var name: String { escapedForTerminal(instance) }
    }

    package let key: Key
    /// The instance name: the node's name, or what Avahi made of it. A valid `Label`.
    package let name: String
    /// The first 16 hexadecimal digits of the node's id.
    package let idPrefix: String
    /// The first 16 hexadecimal digits of its office's id; nil while it is in none.
    package let officePrefix: String?
    package let role: Advertisement.Role
    package let port: UInt16
    /// Numeric, sorted; a link-local IPv6 address has `%` and the interface behind it. Never empty.
    package let addresses: [String]
    package let interfaceName: String

    package var interfaceIndex: UInt32 { key.interfaceIndex }
}

/// What happened on the LAN.
package enum DiscoveryEvent: Sendable, Hashable {
    /// A node is there, or tells something new of itself: another port, address, office, role. May repeat itself.
    case found(Sighting)
    /// An announcement ended, or what it points to answers no more. Says nothing of open connections.
    case lost(Sighting.Key)
    /// avahi-daemon is there, or not. While it isn't, nothing that was found is taken back.
    case availability(Bool)
    /// Another node on the LAN has our name: we are announced under this one.
    case renamed(String)
    /// Somebody else announces our own id from elsewhere: this machine's state was copied, or a prankster is about.
    case duplicate(Sighting)
}
