import OfficeCore

/// A member that hears from the file server when its standby is behind, and is asked before the standby is promoted.
///
/// Whoever asks is promised that the file server won't be heard for a moment: so of the two, promoting a standby without
/// force and acknowledging without the standby, one comes first, and the other hears of it.
actor StandbyWitness {
    /// How long a promise holds: a promotion that takes longer asks again.
    static let promise = Duration.seconds(30)
    /// How long after its first question a promotion may still be written.
    static let promotion = Duration.seconds(15)

    private let records: StandbyRecords
    private var promised: ContinuousClock.Instant?

    init(records: StandbyRecords) { self.records = records }

    /// On the disk when it returns; refused while it is promised that it won't be heard.
    func told(_ generation: Int64, of epoch: Int64, now: ContinuousClock.Instant = .now) throws(OfficeError) {
        let known = try records.witness()
        if let known, known.epoch > epoch { throw ServingFence.moving }
        if let known, known.epoch == epoch, known.hasPromised, promisedUntil(now) > now {
            throw OfficeError(.temporary, Label.office, "its standby is being promoted", mend: "Run the same again.")
        }
        if let known, known.epoch == epoch, known.behind >= generation { return }
        try records.write(WitnessRecord(epoch: epoch, behind: generation, hasPromised: false))
    }

    /// Of one that was made before this node was started anew nothing is known but that it was: it begins again.
    private func promisedUntil(_ now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let until = promised ?? now + Self.promise
        promised = until
        return until
    }

    /// What it was told; nil: nothing, in this epoch.
    func promise(_ epoch: Int64, now: ContinuousClock.Instant = .now) throws(OfficeError) -> Int64? {
        let known = try records.witness()
        if let known, known.epoch > epoch { throw ServingFence.moving }
        let behind = known?.epoch == epoch ? known?.behind ?? 0 : 0
        try records.write(WitnessRecord(epoch: epoch, behind: behind, hasPromised: true))
        promised = now + Self.promise
        return behind > 0 ? behind : nil
    }
}

/// Whether a standby has all that was acknowledged, as far as anybody can know. Pure.
enum StandbyVerdict: Equatable {
    case inStep
    case behind
    /// Who would know can't be asked: these; or nobody was there to be told.
    case unknown([NodeID])

    /// - Parameters:
    ///   - follower: What the standby says of itself; nil: nothing.
    ///   - answers: What each witness said; absent: it didn't.
    init(epoch: Int64, follower: FollowerRecord?, answers: [NodeID: Int64?]) {
        guard let follower, follower.epoch == epoch, follower.isInStep else {
            self = .behind
            return
        }
        guard !answers.values.contains(where: { $0.map { $0 >= follower.generation } ?? false }) else {
            self = .behind
            return
        }
        let missing = follower.witnesses.filter { answers[$0] == nil }
        self = follower.witnesses.isEmpty || !missing.isEmpty ? .unknown(missing) : .inStep
    }
}
