package import OfficeConfiguration
package import OfficeCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How many descriptors the process may have, and whether that is enough for its limits.
package enum Descriptors {
    /// For what no limit counts: the database, event loops, avahi, listening sockets, the journal, the spool, and the
    /// connections to members (an event stream and some idle ones to each).
    private static let reserve = 256

    /// Raises the soft limit to the hard one (that the soft one is 1024 is for select(2), which nothing here uses).
    /// Returns what it is then.
    package static func raiseLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        let now = setrlimit(resource, &limit) == 0 ? limit.rlim_cur : before
        return Int(clamping: now)
    }

    /// Throws where all limits reached at once would need more than `available`.
    package static func check(_ settings: Settings, available: Int) throws(OfficeError) {
        let limits = settings.limits
        let programs = settings.printing.port > 0 ? settings.printing.connections : 0
        let needed = limits.connections + limits.controlConnections + limits.openFiles + programs + reserve
        guard needed <= available else {
            throw OfficeError(
                .configuration, "limits",
                "its connections, controlConnections, openFiles and printing.connections need \(needed) descriptors, "
                    + "the process may have \(available)",
                mend: "Lower them, or raise LimitNOFILE= of the service.")
        }
    }
}
