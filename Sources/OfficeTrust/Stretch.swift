import OfficeCore

/// A part of the log that is folded at once: entries whose order their authors left open, between two entries that
/// everything before them leads to and everything after them follows (or just one such entry).
///
/// What was decided before is in the state it starts from. Entries are numbered in the agreed order.
struct Stretch {
    /// What the fold needs to know of an entry.
    struct Item {
        var author: Int
        /// The node it is about; nil for what is about none.
        var subject: Int?
        var isAdmission = false
        var isGrant = false
        /// It takes the subject's right to write admins' entries away.
        var isStrike = false
        /// It ends the subject's membership: the right to its own leave and rename too.
        var endsMembership = false
        /// A member's own leave or rename, or an entry of unknown kind: needs no admin.
        var isOwnAct = false
        var isByRecoveryKey = false
        var isRecovery = false

        var strikesSelf: Bool { isStrike && subject == author }
    }

    let entries: [LogEntry]
    /// The place of the first entry in the agreed order.
    let firstPlace: Int
    let items: [Item]
    /// For each entry (row) those of the stretch in its past.
    let past: BitTable
    /// For each entry (row) those that have it in their past.
    let future: BitTable
    /// Sets that are asked for sixty-four entries at once, where there are many.
    let masks: StretchMasks

    // By node, in a numbering of the stretch's own.
    let nodeIDs: [NodeID]
    let baseMember: [Bool]
    let baseSeniority: [Seniority?]
    let written: [[Int]]
    let strikes: [[Int]]
    let admissions: [[Int]]
    let grants: [[Int]]
    /// Admins before the stretch.
    let baseAdmins: Int

    /// `parents`: for each entry the numbers of those it follows inside the stretch, all smaller than its own.
    init(_ entries: [LogEntry], parents: [[Int]], firstPlace: Int, after state: OfficeState) {
        self.entries = entries
        self.firstPlace = firstPlace
        var numbers: [NodeID: Int] = [:]
        var ids: [NodeID] = []
        func number(_ id: NodeID) -> Int {
            if let number = numbers[id] { return number }
            numbers[id] = ids.count
            ids.append(id)
            return ids.count - 1
        }
        items = entries.map { Self.item($0, recoveryKey: state.recoveryKey.id, number: number) }
        var past = BitTable(count: entries.count)
        var future = past
        for index in entries.indices {
            for parent in parents[index] { past.include(parent, inRow: index) }
        }
        for index in entries.indices.reversed() {
            for parent in parents[index] { future.include(index, inRow: parent) }
        }
        (self.past, self.future) = (past, future)
        nodeIDs = ids
        baseMember = ids.map { state.nodes[$0]?.isMember ?? false }
        baseSeniority = ids.map { state.nodes[$0]?.seniority }
        baseAdmins = state.adminCount
        let none = [[Int]](repeating: [], count: ids.count)
        var (written, strikes, admissions, grants) = (none, none, none, none)
        for (index, item) in items.enumerated() {
            written[item.author].append(index)
            guard let subject = item.subject else { continue }
            if item.isStrike { strikes[subject].append(index) }
            if item.isAdmission { admissions[subject].append(index) }
            if item.isGrant { grants[subject].append(index) }
        }
        masks = StretchMasks(items, written: written, strikes: strikes, grants: grants)
        (self.written, self.strikes, self.admissions, self.grants) = (written, strikes, admissions, grants)
    }

    private static func item(_ entry: LogEntry, recoveryKey: NodeID, number: (NodeID) -> Int) -> Item {
        var item = Item(author: number(entry.author))
        item.isByRecoveryKey = entry.author == recoveryKey
        switch entry.act {
        case .found(_, let admission, _), .admit(let admission):
            item.subject = number(admission.node)
            item.isAdmission = true
        case .recover(let admission):
            item.subject = number(admission.node)
            item.isAdmission = true
            item.isGrant = true
            item.isRecovery = true
        case .remove(let node):
            item.subject = number(node)
            item.isStrike = true
            item.endsMembership = true
        case .leave:
            item.subject = item.author
            item.isStrike = true
            item.endsMembership = true
            item.isOwnAct = true
        case .rename(let node, _):
            item.subject = number(node)
            item.isOwnAct = node == entry.author
        case .grant(let node):
            item.subject = number(node)
            item.isGrant = true
        case .revoke(let node):
            item.subject = number(node)
            item.isStrike = true
        case .server: break
        case .unknown: item.isOwnAct = true
        }
        return item
    }

    var indices: Range<Int> { entries.indices }

    // MARK: Who may write what

    /// Which entries stand if exactly the strikes in `strikes` take effect: one pass in the agreed order. The more
    /// strikes, the fewer entries stand. `forced` stand, and `barred` don't, whatever else holds.
    func standing(under strikes: Bits, forced: Bits, barred: Bits) -> Bits {
        var result = Bits(count: entries.count)
        for index in indices where !barred[index] {
            if forced[index] || stands(index, under: strikes, with: result) { result.insert(index) }
        }
        return result
    }

    /// Whether an entry's author had the right to it, given which strikes take effect and which entries stand.
    func stands(_ index: Int, under strikes: Bits, with standing: Bits) -> Bool {
        let item = items[index]
        if item.isByRecoveryKey { return item.isRecovery }
        guard !item.isRecovery, isMember(item.author, writing: index, under: strikes, with: standing) else {
            return false
        }
        if item.isOwnAct { return true }
        guard isAdmin(item.author, writing: index, under: strikes, with: standing) else { return false }
        if item.isGrant, let subject = item.subject {
            return isMember(subject, seenBy: index, under: strikes, with: standing)
        }
        return true
    }

    /// Which strikes upon a node count against it at an entry.
    enum Against {
        /// Those that end membership and cut the entry.
        case membership
        /// All that cut the entry.
        case adminship
        /// Those that end membership and that the entry has seen.
        case membershipSeen
    }

    private func isMember(_ node: Int, writing index: Int, under strikes: Bits, with standing: Bits) -> Bool {
        holds(node, at: index, base: baseMember[node], by: admissions[node], with: standing, strikes, .membership)
    }

    func isAdmin(_ node: Int, writing index: Int, under strikes: Bits, with standing: Bits) -> Bool {
        let base = baseSeniority[node] != nil
        return holds(node, at: index, base: base, by: grants[node], with: standing, strikes, .adminship)
    }

    /// Whether a node is a member in an entry's past.
    private func isMember(_ node: Int, seenBy index: Int, under strikes: Bits, with standing: Bits) -> Bool {
        holds(node, at: index, base: baseMember[node], by: admissions[node], with: standing, strikes, .membershipSeen)
    }

    private func counts(_ strike: Int, at index: Int, _ against: Against) -> Bool {
        switch against {
        case .membership: items[strike].endsMembership && cuts(strike, index)
        case .adminship: cuts(strike, index)
        case .membershipSeen: items[strike].endsMembership && past[index, strike]
        }
    }

    /// Whether a strike reaches an entry of the node it strikes: it had not seen it. What restores is left aside.
    /// A node's strikes upon itself that have not seen each other don't reach each other.
    func cuts(_ strike: Int, _ index: Int) -> Bool {
        strike != index && !past[strike, index]
            && (items[strike].endsMembership || !items[index].isOwnAct)
            && !(items[strike].strikesSelf && items[index].strikesSelf && !past[index, strike])
    }

    /// Whether a node has a right at an entry: from before the stretch or by one of `givers` in the entry's past
    /// that stands, and with one of these after each strike that counts. The innermost loop of the fold.
    private func holds(
        _ node: Int, at index: Int, base: Bool, by givers: [Int], with standing: Bits, _ effective: Bits,
        _ against: Against
    ) -> Bool {
        guard base || givers.contains(where: { standing[$0] && past[index, $0] }) else { return false }
        var restored: Bits?
        if let many = masks.strikes[node] {
            for word in many.words.indices {
                let counting = many.words[word] & effective.word(word) & masks.counting(word, at: index, against, self)
                guard counting != 0 else { continue }
                let seen = restored ?? seen(by: givers.reversed().filter { standing[$0] && past[index, $0] })
                if counting & ~seen.word(word) != 0 { return false }
                restored = seen
            }
            return true
        }
        for strike in strikes[node] where effective[strike] && counts(strike, at: index, against) {
            let seen = restored ?? seen(by: givers.reversed().filter { standing[$0] && past[index, $0] })
            if !seen[strike] { return false }
            restored = seen
        }
        return true
    }

    /// All entries in the past of any of `indices`, which come latest first.
    private func seen(by indices: [Int]) -> Bits {
        var seen = Bits()
        for index in indices where !seen[index] { past.add(index, to: &seen) }
        return seen
    }
}
