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

    /// Open strikes that were too many to be decided one after the other, and without effect.
    private(set) var tangled = Bits()
    /// How often the bounds may still be drawn.
    private var drawings: Int

    /// How often the bounds are drawn in one stretch. People who quarrel need a few; who means to freeze every
    /// node by an endless quarrel gets this much of their time, and then `cutShort`.
    static let mostDrawings = 256

    init(_ stretch: Stretch, drawings: Int = Self.mostDrawings) {
        self.stretch = stretch
        self.drawings = drawings
        repeat { resolve() } while noteStrikesLeavingNoAdmin()
    }

    /// Bounds from below and above until they meet: what surely stands, and what stands unless something surely
    /// standing strikes it. What is left between them are circles, and what hangs on circles: the earliest circle
    /// is decided, and the bounds are drawn anew.
    private mutating func resolve() {
        outranked = Bits()
        tangled = Bits()
        var forced = Bits()
        var sure = Bits()
        while true {
            let barred = lastAdmin.union(outranked)
            var possible = Bits()
            while true {
                drawings -= 1
                possible = stretch.standing(under: sure, forced: forced, barred: barred)
                let next = stretch.standing(under: possible, forced: forced, barred: barred)
                if next == sure { break }
                sure = next
                if drawings <= 0 { break }
            }
            let open = possible.subtracting(sure)
            guard drawings > 0 else {
                cutShort(open: open, sure: sure, forced: forced)
                return
            }
            var finder = CircleFinder(stretch, open: open, sure: sure)
            let circles = finder.circles()
            guard let earliest = circles.first else {
                standing = sure
                return
            }
            if hasUntouchedAdmin(possible) {
                // Whatever is decided an admin remains: then none of these circles depends on how another is decided.
                for strike in circles.joined() { forced.insert(strike) }
            } else {
                decide(earliest, sure: sure, possible: possible, forced: &forced)
            }
            sure.formUnion(forced)
        }
    }

    /// Whether there is an admin from before the stretch upon whom no strike can take effect.
    private func hasUntouchedAdmin(_ possible: Bits) -> Bool {
        stretch.nodeIDs.indices.contains { node in
            stretch.baseMember[node] && stretch.baseSeniority[node] != nil
                && !stretch.strikes[node].contains { possible[$0] }
        }
    }

    /// Decides all strikes that are still open at once: all of them take effect if an admin remains, else none.
    private mutating func cutShort(open: Bits, sure: Bits, forced: Bits) {
        let strikes = open.elements.filter { stretch.items[$0].isStrike }
        var trial = forced
        for strike in strikes { trial.insert(strike) }
        let barred = lastAdmin.union(outranked)
        standing = stretch.standing(under: sure.union(trial), forced: trial, barred: barred)
        if walk(standing, strikes: sure.union(trial), before: []).adminCount > 0 { return }
        for strike in strikes { tangled.insert(strike) }
        standing = stretch.standing(under: sure, forced: forced, barred: barred.union(tangled))
    }

    /// All strikes of a circle take effect while another admin remains; else those upon the senior don't.
    ///
    /// What was written by somebody who had seen the whole circle doesn't count for it: no later entry changes how
    /// it was decided.
    private mutating func decide(_ circle: [Int], sure: Bits, possible: Bits, forced: inout Bits) {
        var trial = forced
        for strike in circle { trial.insert(strike) }
        let effective = sure.union(trial)
        let standing = stretch.standing(under: effective, forced: trial, barred: lastAdmin.union(outranked))
        if walk(standing, strikes: effective, before: circle).adminCount > 0 {
            forced = trial
            return
        }
        let without = walk(possible, strikes: sure, before: circle)
        let targets = Set(circle.compactMap { stretch.items[$0].subject })
        let senior = targets.min { a, b in
            let (rankA, rankB) = (without.rank(a), without.rank(b))
            return rankA == rankB ? stretch.nodeIDs[a] < stretch.nodeIDs[b] : rankA < rankB
        }
        for strike in circle where stretch.items[strike].subject == senior { outranked.insert(strike) }
    }

    /// Who is who after the entries that stand, of the strikes only some, and nothing that had seen all of a circle.
    private func walk(_ standing: Bits, strikes: Bits, before circle: [Int]) -> Standings {
        var standings = Standings(stretch)
        let whole = Bits(circle, count: circle.isEmpty ? 0 : stretch.entries.count)
        for index in stretch.indices where standing[index] {
            if stretch.items[index].isStrike && !strikes[index] { continue }
            if !circle.isEmpty && stretch.past.row(index, contains: whole) { continue }
            standings.apply(index)
        }
        return standings
    }

    /// Walks what stands in the agreed order, passing over strikes that would leave no admin. True if there is one
    /// without which other entries could stand: then all is resolved anew before the next is looked for.
    private mutating func noteStrikesLeavingNoAdmin() -> Bool {
        var standings = Standings(stretch)
        for index in stretch.indices where standing[index] {
            guard standings.wouldLeaveNoAdmin(index) else {
                standings.apply(index)
                continue
            }
            lastAdmin.insert(index)
            if drawings > 0 && hasVictims(index) { return true }
            standing.remove(index)
        }
        return false
    }

    /// Whether an entry could stand if this strike did not take effect.
    private func hasVictims(_ strike: Int) -> Bool {
        guard let subject = stretch.items[strike].subject else { return false }
        return stretch.written[subject].contains { !standing[$0] && stretch.cuts(strike, $0) }
            || stretch.grants[subject].contains { !standing[$0] && stretch.past[$0, strike] }
    }

    /// Why an entry that doesn't stand doesn't.
    func reason(_ index: Int) -> VoidReason {
        let item = stretch.items[index]
        if lastAdmin[index] { return .lastAdmin }
        if outranked[index] { return .seniorStays }
        if tangled[index] { return .tangled }
        if item.isByRecoveryKey { return .recoveryKey }
        // Who wrote on after having seen a strike had no right to; who hadn't seen it had, until it was struck.
        let unseen = stretch.strikes[item.author].filter {
            standing[$0] && stretch.cuts($0, index) && !stretch.past[index, $0]
        }
        if let strike = unseen.first, stretch.stands(index, under: standing.subtracting(unseen), with: standing) {
            return .struck(by: stretch.entries[strike].hash)
        }
        if item.isOwnAct { return .notMember }
        let wasAdmin = stretch.isAdmin(item.author, writing: index, under: standing, with: standing)
        return item.isGrant && wasAdmin ? .unknownNode : .notAdmin
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
    /// Of each admin, since when it has been one without a break.
    private(set) var seniority: [Seniority?]
    private(set) var adminCount: Int

    init(_ stretch: Stretch) {
        self.stretch = stretch
        admitted = stretch.baseMember
        granted = stretch.baseSeniority.map { $0 != nil }
        openEnds = [[Int]](repeating: [], count: stretch.nodeIDs.count)
        openStrikes = openEnds
        seniority = stretch.baseSeniority
        adminCount = stretch.baseAdmins
    }

    /// Whether it was let in (again) since the stretch began.
    func isNew(_ node: Int) -> Bool { admitted[node] && !stretch.baseMember[node] }
    func isMember(_ node: Int) -> Bool { admitted[node] && openEnds[node].isEmpty }
    func isAdmin(_ node: Int) -> Bool { granted[node] && openStrikes[node].isEmpty && isMember(node) }
    /// For comparing: who is no admin is the junior of all.
    func rank(_ node: Int) -> Seniority { seniority[node] ?? .granted(at: .max) }

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
            openEnds[subject].removeAll { stretch.past[index, $0] }
        }
        if item.isGrant {
            granted[subject] = true
            openStrikes[subject].removeAll { stretch.past[index, $0] }
        }
        if item.isStrike {
            openStrikes[subject].append(index)
            if item.endsMembership { openEnds[subject].append(index) }
        }
        let isAdmin = isAdmin(subject)
        let place = stretch.firstPlace + index
        if !isAdmin {
            seniority[subject] = nil
        } else if item.isRecovery {
            seniority[subject] = .recovered(at: place)
        } else if !wasAdmin {
            seniority[subject] = .granted(at: place)
        }
        adminCount += (isAdmin ? 1 : 0) - (wasAdmin ? 1 : 0)
    }
}
