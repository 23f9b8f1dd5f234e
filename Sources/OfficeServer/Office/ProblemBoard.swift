import NIOConcurrencyHelpers
import OfficeControl
import OfficeCore

/// What `status` says is wrong, each until it no longer is.
final class ProblemBoard: Sendable {
    /// What a problem is about: raised again it replaces itself.
    struct Kind: Hashable, Sendable {
        let id: String
        let problem: StatusModel.Problem

        init(_ id: String, what: String, why: String, mend: String?) {
            self.id = id
            problem = .init(what: what, why: why, mend: mend)
        }

        static func == (a: Kind, b: Kind) -> Bool { a.id == b.id }
        func hash(into hasher: inout Hasher) { hasher.combine(id) }

        static let avahiMissing = Kind(
            "avahi", what: "discovery", why: "avahi-daemon isn't running, so nodes aren't found by themselves",
            mend: "Start it with 'systemctl start avahi-daemon', or name nodes under 'peers:' in the configuration.")
        static let clonedHere = Kind(
            "cloned", what: "this node",
            why: "another machine with this node's key is online: one was cloned from the other",
            mend: "On the copy, stop officeshared, delete /var/lib/officeshare, start it and join the office again.")

        static func cloned(_ name: String) -> Kind {
            Kind(
                "cloned:\(name)", what: name,
                why: "two machines with its key are online: one was cloned from the other",
                mend: "On the copy, stop officeshared, delete /var/lib/officeshare, start it and join the office again."
            )
        }
    }

    private let raised = NIOLockedValueBox<[Kind]>([])

    init() {}

    func raise(_ kind: Kind) {
        raised.withLockedValue { raised in
            raised.removeAll { $0 == kind }
            raised.append(kind)
        }
    }

    func settle(_ kind: Kind) { raised.withLockedValue { $0.removeAll { $0 == kind } } }

    var problems: [StatusModel.Problem] { raised.withLockedValue { $0.map(\.problem) } }
}
