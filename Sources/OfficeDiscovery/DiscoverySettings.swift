/// How discovery works and what it may use, at most.
package struct DiscoverySettings: Sendable, Hashable {
    package var interfaces: InterfaceRules
    package var limits: Limits
    /// After how long a lack of avahi-daemon, or a failed registration, is tried again.
    package var retryInterval: Duration = .seconds(1)
    /// How long a node may take to tell where it is. Avahi itself gives up after five seconds.
    package var resolveDeadline: Duration = .seconds(6)
    /// How long addresses are gathered once the host is known. The first is reported at once.
    package var addressWindow: Duration = .milliseconds(1500)
    /// How long after avahi-daemon's return what it doesn't know any more is taken for lost.
    package var returnGrace: Duration = .seconds(5)
    /// How often a node that is not watched (see `Limits.watched`) is looked up again.
    package var refreshInterval: Duration = .seconds(120)
    /// Addresses that were this machine's own lately are not taken for another's while caches forget them.
    package var ownAddressMemory: Duration = .seconds(300)

    package struct Limits: Sendable, Hashable {
        /// Announcements kept in memory; further ones are ignored while nothing useless can make place.
        package var instances = 1024
        /// Lookups under way at once, each of at most three references of 25 kB and a thread.
        package var lookups = 4
        /// Nodes whose record stays watched, so that its changes are known in a second: a reference each.
        package var watched = 32
        /// Addresses taken of one node.
        package var addresses = 16
        /// Interfaces announced and browsed on, at once.
        package var interfaces = 16

        package init() {}
    }

    package init(interfaces: InterfaceRules = InterfaceRules(), limits: Limits = Limits()) {
        self.interfaces = interfaces
        self.limits = limits
    }
}
