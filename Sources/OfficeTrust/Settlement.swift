import OfficeCore

/// Decides which entries of a stretch take effect. The algorithm and its reasons are in `docs/protocol.md`,
/// "Office log: the fold"; the words here are the same.
struct Settlement {
    let stretch: Stretch
    /// The entries that take effect.
    private(set) var standing = Bits()
    /// Strikes upon the senior of a circle.
    private(set) var outranked = Bits()
    /// Strikes that would have left no admin.
    private(set) var lastAdmin = Bits()

    init(_ stretch: Stretch) {
        self.stretch = stretch
        while true {
            resolve()
            let flagged = strikesLeavingNoAdmin()
            if flagged.isEmpty { return }
            lastAdmin.formUnion(flagged)
        }
    }

    /// Bounds from below and above until they meet: what surely stands, and what stands unless something surely
    /// standing strikes it. What is left between them are circles, and what hangs on circles.
    private mutating func resolve() {
        outranked = Bits()
        var forced = Bits()
        var sure = forced
        while true {
            var barred = lastAdmin
            barred.formUnion(outranked)
            var possible = Bits()
            while true {
                possible = stretch.standing(under: sure, forced: forced, barred: barred)
                let next = stretch.standing(under: possible, forced: forced, barred: barred)
                if next == sure { break }
                sure = next
            }
            let open = stretch.indices.filter { possible[$0] && !sure[$0] }
            let circles = stretch.circles(among: open, sure: sure)
            if circles.isEmpty {
                standing = sure
                return
            }
            for circle in circles {
                decide(circle, sure: sure, possible: possible, barred: barred, forced: &forced)
            }
            sure.formUnion(forced)
        }
    }

    /// All strikes of a circle take effect while another admin remains; else those upon the senior don't.
    private mutating func decide(
        _ circle: [Int], sure: Bits, possible: Bits, barred: Bits, forced: inout Bits
    ) {
        var trial = forced
        for strike in circle { trial.insert(strike) }
        var effective = sure
        effective.formUnion(trial)
        var remaining = Standings(stretch)
        let standing = stretch.standing(under: effective, forced: trial, barred: barred)
        for index in stretch.indices where standing[index] && (effective[index] || !stretch.items[index].isStrike) {
            remaining.apply(index)
        }
        if remaining.adminCount > 0 {
            forced = trial
            return
        }
        let targets = Set(circle.compactMap { stretch.items[$0].subject })
        let senior = targets.min { a, b in
            let (rankA, rankB) = (rank(a, sure: sure, possible: possible), rank(b, sure: sure, possible: possible))
            return rankA == rankB ? stretch.nodeIDs[a] < stretch.nodeIDs[b] : rankA < rankB
        }
        for strike in circle where stretch.items[strike].subject == senior { outranked.insert(strike) }
    }

    /// The seniority of an admin once all is decided.
    func seniority(_ node: Int) -> Seniority { rank(node, sure: standing, possible: standing) }

    /// A node's seniority: of its grants that no sure strike undoes the one that makes it the most senior. Where
    /// several strikes were answered by a grant each, the last grant counts.
    private func rank(_ node: Int, sure: Bits, possible: Bits) -> Seniority {
        let strikes = stretch.strikes[node].filter { sure[$0] }
        let grants = stretch.grants[node].filter { possible[$0] }
        var ranks = grants.filter { grant in strikes.allSatisfy { stretch.past[grant][$0] } }
            .map { stretch.seniority(of: $0) }
        if strikes.isEmpty, let base = stretch.baseSeniority[node] { ranks.append(base) }
        return ranks.min() ?? grants.last.map { stretch.seniority(of: $0) } ?? .granted(at: .max)
    }

    /// Walks what stands in the agreed order, passing over (and answering) strikes that would leave no admin.
    private func strikesLeavingNoAdmin() -> Bits {
        var flagged = Bits()
        var standings = Standings(stretch)
        for index in stretch.indices where standing[index] {
            if standings.wouldLeaveNoAdmin(index) { flagged.insert(index) } else { standings.apply(index) }
        }
        return flagged
    }

    /// Why an entry that doesn't stand doesn't.
    func reason(_ index: Int) -> VoidReason {
        let item = stretch.items[index]
        if lastAdmin[index] { return .lastAdmin }
        if outranked[index] { return .seniorStays }
        if item.isByRecoveryKey { return .recoveryKey }
        // Who had the right before anyone struck it lost it by a strike.
        if stretch.stands(index, under: Bits(), with: standing),
            let strike = stretch.strikes[item.author].first(where: { standing[$0] && stretch.cuts($0, index) })
        {
            return .struck(by: stretch.entries[strike].hash)
        }
        if item.isOwnAct { return .notMember }
        let wasAdmin = stretch.isAdmin(item.author, writing: index, under: standing, with: standing)
        return item.isGrant && wasAdmin ? .unknownNode : .notAdmin
    }
}

extension Stretch {
    /// The seniority that a grant gives.
    func seniority(of grant: Int) -> Seniority {
        let place = firstPlace + grant
        return items[grant].isRecovery ? .recovered(at: place) : .granted(at: place)
    }
}

/// Who is a member and an admin while the standing entries of a stretch are walked in the agreed order.
struct Standings {
    private let stretch: Stretch
    private var admitted: [Bool]
    private var granted: [Bool]
    /// Strikes that no later admission (grant) has answered yet.
    private(set) var openEnds: [[Int]]
    private var openStrikes: [[Int]]
    private(set) var adminCount: Int

    init(_ stretch: Stretch) {
        self.stretch = stretch
        admitted = stretch.baseMember
        granted = stretch.baseSeniority.map { $0 != nil }
        openEnds = [[Int]](repeating: [], count: stretch.nodeIDs.count)
        openStrikes = openEnds
        adminCount = stretch.baseAdmins
    }

    func isMember(_ node: Int) -> Bool { admitted[node] && openEnds[node].isEmpty }
    func isAdmin(_ node: Int) -> Bool { granted[node] && openStrikes[node].isEmpty && isMember(node) }

    func wouldLeaveNoAdmin(_ index: Int) -> Bool {
        guard stretch.items[index].isStrike, let subject = stretch.items[index].subject else { return false }
        return adminCount == 1 && isAdmin(subject)
    }

    mutating func apply(_ index: Int) {
        let item = stretch.items[index]
        guard let subject = item.subject else { return }
        let wasAdmin = isAdmin(subject)
        if item.isAdmission {
            admitted[subject] = true
            openEnds[subject].removeAll { stretch.past[index][$0] }
        }
        if item.isGrant {
            granted[subject] = true
            openStrikes[subject].removeAll { stretch.past[index][$0] }
        }
        if item.isStrike {
            openStrikes[subject].append(index)
            if item.endsMembership { openEnds[subject].append(index) }
        }
        adminCount += (isAdmin(subject) ? 1 : 0) - (wasAdmin ? 1 : 0)
    }
}
