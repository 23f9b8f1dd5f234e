package import OfficeCore

/// Which spaces a node is to lead, from what it has seen. Pure: whoever has it tells it the time.
///
/// Of the nodes that live, that one leads a space whose id and the space's name have the smallest hash together: all come
/// to the same without a word, and spaces are spread over them. A lead that is held is left with who has it.
package struct LeadJudge: Sendable {
    private let own: NodeID
    private var seen: [NodeID: (beat: [UInt8], since: ContinuousClock.Instant)] = [:]

    package init(own: NodeID) { self.own = own }

    /// Takes down what was seen: a node is silent from when its sign of life was first seen to be the same as before.
    package mutating func saw(_ beats: [NodeID: [UInt8]], now: ContinuousClock.Instant) {
        for (node, beat) in beats where seen[node]?.beat != beat { seen[node] = (beat, now) }
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
