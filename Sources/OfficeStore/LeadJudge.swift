package import OfficeCore

/// Which spaces a node is to lead, from what it has seen. Pure: whoever has it tells it the time.
///
/// Of the nodes that live, that one leads a space whose id and the space's name have the smallest hash together: all come
/// to the same without a word, and spaces are spread over them. A lead that is held is left with who has it.
package struct LeadJudge: Sendable {
    /// What is known of one node's signs of life.
    private struct Seen {
        var beat: LeadBook.Beat
        /// Not before that sign was sent, by this node's time.
        var since: ContinuousClock.Instant
        /// When signs were seen, and when their sender had begun by that: not before it had.
        var births: [(seen: ContinuousClock.Instant, began: ContinuousClock.Instant)]
    }

    /// How long a look counts for what it says of the sender's clock: none goes wrong by much in that time.
    private static let memory = Duration.seconds(60)

    private let own: NodeID
    private var seen: [NodeID: Seen] = [:]

    package init(own: NodeID) { self.own = own }

    /// Takes down what was seen: a node is silent from when its sign of life was sent.
    ///
    /// When that was this node doesn't know, only when it saw it, which is later, and by seconds where the store stood still
    /// in between. Of the signs of one process the one that came the quickest says when that process began, at the latest;
    /// from then on its own running time tells when each sign was sent, at the latest.
    package mutating func saw(_ beats: [NodeID: LeadBook.Beat], now: ContinuousClock.Instant) {
        for (node, beat) in beats where seen[node]?.beat != beat {
            var births = seen[node].map { $0.beat.life == beat.life ? $0.births : [] } ?? []
            births.removeAll { now - $0.seen > Self.memory }
            births.append((now, now - .milliseconds(beat.sent)))
            let began = births.map(\.began).min() ?? now
            seen[node] = Seen(beat: beat, since: min(now, began + .milliseconds(beat.sent)), births: births)
        }
        seen = seen.filter { beats[$0.key] != nil }
    }

    package func isSilent(_ node: NodeID, now: ContinuousClock.Instant) -> Bool {
        guard node != own, let known = seen[node] else { return node != own }
        return now - known.since > NodeLease.grace
    }

    /// The spaces that this node is to claim, each with the epoch of the claim that it ends.
    ///
    /// - Parameters:
    ///   - serving: The nodes that serve the store, this one among them.
    ///   - led: What this node leads already.
    package func wanted(
        _ spaces: [Label], _ claims: [Label: LeadBook.Claim], serving: [NodeID], led: Set<Label>,
        now: ContinuousClock.Instant
    ) -> [(space: Label, epoch: Int64)] {
        let alive = serving.filter { $0 == own || seen[$0] != nil && !isSilent($0, now: now) }
        return spaces.compactMap { space in
            guard !led.contains(space) else { return nil }
            let claim = claims[space]
            if let holder = claim?.node, holder != own, !isSilent(holder, now: now) { return nil }
            let mayBe = claim?.node == own ? [own] : alive
            guard mayBe.min(by: { Self.rank($0, space) < Self.rank($1, space) }) == own else { return nil }
            return (space, claim?.epoch ?? 0)
        }
    }

    private static func rank(_ node: NodeID, _ space: Label) -> String {
        Digest256.of(Array(node.description.utf8) + space.bytes).hex
    }
}
