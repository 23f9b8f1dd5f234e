import NIOConcurrencyHelpers
import OfficeControl
import OfficeCore

/// What `status` says is wrong, each until it no longer is.
final class ProblemBoard: Sendable {
    /// How long a copied machine is spoken of after it was noticed last: it knocks anew every few seconds.
    static let memoryOfCopies = Duration.seconds(10)

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

    private struct Raised: Sendable {
        let kind: Kind
        /// Until then it holds; nil: until it is settled.
        let ends: ContinuousClock.Instant?
    }

    private let raised = NIOLockedValueBox<[Raised]>([])

    init() {}

    /// Says it until it is settled; or, with `time`, for so long after it was noticed last.
    func raise(_ kind: Kind, for time: Duration? = nil) {
        raised.withLockedValue { raised in
            let isLasting = raised.contains { $0.kind == kind && $0.ends == nil }
            raised.removeAll { $0.kind == kind }
            raised.append(Raised(kind: kind, ends: isLasting ? nil : time.map { .now + $0 }))
        }
    }

    func settle(_ kind: Kind) { raised.withLockedValue { $0.removeAll { $0.kind == kind } } }

    var problems: [StatusModel.Problem] {
        raised.withLockedValue { raised in
            let now = ContinuousClock.now
            raised.removeAll { $0.ends.map { $0 <= now } ?? false }
            return raised.map(\.kind.problem)
        }
    }
}
