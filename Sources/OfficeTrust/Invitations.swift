package import OfficeCore

/// The invitations that are open on this node: in memory only, so that none outlives the daemon.
///
/// A state machine under a clock that the caller reads (`ContinuousClock`, which goes on while the machine sleeps).
package struct Invitations: Sendable {
    package static let defaultLifetime = Duration.seconds(15 * 60)
    package static let longestLifetime = Duration.seconds(24 * 60 * 60)
    /// Open at the same time.
    package static let limit = 16
    /// After so many wrong proofs an invitation is dead.
    package static let wrongTries = 5

    private struct Invitation {
        let code: JoinCode
        let ends: ContinuousClock.Instant
        var wrongTries = 0
        /// The key that it let in; it alone can ask again, should the answer have been lost.
        var usedBy: NodeKey?

        func isAlive(at now: ContinuousClock.Instant) -> Bool {
            now < ends && wrongTries < Invitations.wrongTries
        }
    }

    private var invitations: [Invitation] = []

    package init() {}

    /// Opens an invitation. Throws `.limit` where too many are open, `.usage` for a time out of range.
    package mutating func open(
        inviter: NodeID, for lifetime: Duration = defaultLifetime, at now: ContinuousClock.Instant
    ) throws(OfficeError) -> JoinCode {
        guard lifetime > .zero, lifetime <= Self.longestLifetime else {
            throw OfficeError(
                .usage, "the invitation", "it can't be open for \(lifetime.components.seconds) seconds",
                mend: "Give a time of up to 24 hours, such as --ttl 15m.")
        }
        invitations.removeAll { !$0.isAlive(at: now) }
        // One that was used is kept for a repeated question only, and makes room for a new one.
        if invitations.count >= Self.limit, let used = invitations.firstIndex(where: { $0.usedBy != nil }) {
            invitations.remove(at: used)
        }
        guard invitations.count < Self.limit else {
            throw OfficeError(
                .limit, "the invitation", "\(Self.limit) are open already",
                mend: "Use one of these, or wait until they expire.")
        }
        let code = JoinCode(inviter: inviter)
        invitations.append(Invitation(code: code, ends: now.advanced(by: lifetime)))
        return code
    }

    /// Whether anybody has to be answered at all. Dead and expired invitations leave nobody to talk to.
    package func isAnswering(at now: ContinuousClock.Instant) -> Bool {
        invitations.contains { $0.isAlive(at: now) }
    }

    /// When the next one ends, so that the door can be closed then.
    package func nextEnd(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        invitations.filter { $0.isAlive(at: now) }.map(\.ends).min()
    }

    /// What a right proof earns.
    package struct Redemption: Sendable {
        /// The inviter's own proof, to be sent with the answer.
        package var replyProof: [UInt8]
        /// The same node was let in by this invitation before: its answer was lost.
        package var isRepeated: Bool
    }

    /// Judges a joiner's proof. A right one uses its invitation up; a wrong one counts against all that are open,
    /// for it doesn't say which it was meant for. Throws `.notAllowed`; a wrong, an expired and a dead code sound
    /// alike. The certificates are those of this very connection.
    package mutating func redeem(
        proof: [UInt8], joinerCertificate: [UInt8], inviterCertificate: [UInt8], at now: ContinuousClock.Instant
    ) throws(OfficeError) -> Redemption {
        let joiner = try NodeCertificate.parse(der: joinerCertificate)
        invitations.removeAll { !$0.isAlive(at: now) }
        // Every one is tried, whether an earlier one was right or not: the time tells nothing.
        let right = invitations.indices.filter { index in
            invitations[index].code.secret.verifies(
                proof, by: .joiner, joinerCertificate: joinerCertificate, inviterCertificate: inviterCertificate)
        }
        guard let index = right.first else {
            for index in invitations.indices where invitations[index].usedBy == nil {
                invitations[index].wrongTries += 1
            }
            throw OfficeError(
                .notAllowed, "the joining code", "it is wrong, has expired, or was tried too often",
                mend: "Ask for a new one: officeshare office invite.")
        }
        if let user = invitations[index].usedBy, user != joiner {
            throw OfficeError(
                .notAllowed, "the joining code", "it has let another node in already",
                mend: "Ask for a new one: officeshare office invite.")
        }
        let isRepeated = invitations[index].usedBy != nil
        invitations[index].usedBy = joiner
        let reply = invitations[index].code.secret.proof(
            by: .inviter, joinerCertificate: joinerCertificate, inviterCertificate: inviterCertificate)
        return Redemption(replyProof: reply, isRepeated: isRepeated)
    }

    /// Gives an invitation back whose node could not be let in after all (the log could not be written).
    package mutating func restore(usedBy joinerCertificate: [UInt8]) {
        guard let joiner = try? NodeCertificate.parse(der: joinerCertificate) else { return }
        for index in invitations.indices where invitations[index].usedBy == joiner { invitations[index].usedBy = nil }
    }

    /// Closes all: the node left its office or is no admin any more.
    package mutating func closeAll() { invitations = [] }
}
