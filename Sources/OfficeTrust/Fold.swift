/// The fold: from the set of a log's entries to the state of the office. Pure, and the same for every order in
/// which the entries arrived.
enum Fold {
    /// `entries` in the agreed order, each with the places of those it follows; the first one founds the office.
    ///
    /// Cutting the log into stretches saves time and changes nothing: the tests fold without, too.
    static func state(
        of entries: [LogEntry], parents: [[Int]], isCut: Bool = true, drawings: Int = Settlement.mostDrawings
    ) -> OfficeState? {
        guard let first = entries.first, var state = OfficeState(founding: first) else { return nil }
        let whole = entries.count > 1 ? [1..<entries.count] : []
        for range in isCut ? stretches(parents: parents) : whole where range.lowerBound > 0 {
            extend(
                &state, with: Array(entries[range]),
                parents: range.map { place in
                    parents[place].filter { $0 >= range.lowerBound }.map { $0 - range.lowerBound }
                }, firstPlace: range.lowerBound, drawings: drawings)
        }
        state.finish()
        return state
    }

    /// Cuts the order at its knots: entries that everything before them leads to and everything after them
    /// follows. A knot is a stretch by itself, and so is what lies between two of them.
    static func stretches(parents: [[Int]]) -> [Range<Int>] {
        let count = parents.count
        // leastLast[p]: of all entries from p on, the least of their latest predecessors' places.
        var leastLast = [Int](repeating: .max, count: count + 1)
        for place in stride(from: count - 1, through: 0, by: -1) {
            leastLast[place] = min(leastLast[place + 1], parents[place].max() ?? -1)
        }
        var followed = [Bool](repeating: false, count: count)
        var heads = 0
        var ranges: [Range<Int>] = []
        var start = 0
        for place in 0..<count {
            heads += 1
            for parent in parents[place] where !followed[parent] {
                followed[parent] = true
                heads -= 1
            }
            guard heads == 1, leastLast[place + 1] >= place else { continue }
            if start < place { ranges.append(start..<place) }
            ranges.append(place..<place + 1)
            start = place + 1
        }
        if start < count { ranges.append(start..<count) }
        return ranges
    }

    /// Folds one stretch into the state of all that leads to it. `finish` has to follow before it is shown.
    static func extend(
        _ state: inout OfficeState, with entries: [LogEntry], parents: [[Int]], firstPlace: Int,
        drawings: Int = Settlement.mostDrawings
    ) {
        let stretch = Stretch(entries, parents: parents, firstPlace: firstPlace, after: state)
        let settlement = Settlement(stretch, drawings: drawings)
        var standings = Standings(stretch)
        for index in stretch.indices {
            let entry = entries[index]
            guard settlement.standing[index] else {
                state.void(entry.hash, settlement.reason(index))
                continue
            }
            let wasMember = stretch.items[index].subject.map(standings.isMember) ?? false
            standings.apply(index)
            apply(entry, place: firstPlace + index, wasMember: wasMember, to: &state)
        }
        for (number, id) in stretch.nodeIDs.enumerated() {
            guard var node = state.nodes[id] else { continue }
            node.isMember = standings.isMember(number)
            let ends = standings.openEnds[number].map { entries[$0].hash }
            node.endedBy = node.isMember ? [] : (standings.isNew(number) ? [] : node.endedBy) + ends
            node.seniority = standings.seniority[number]
            state.nodes[id] = node
        }
        state.setAdminCount(standings.adminCount)
    }

    /// What an entry does besides who is in and who is an admin, which `Standings` keeps.
    private static func apply(_ entry: LogEntry, place: Int, wasMember: Bool, to state: inout OfficeState) {
        switch entry.act {
        case .admit(let admission):
            let known = state.admit(admission, by: entry.hash, place: place)
            // Let in again by the name it has, a member keeps the place that name has.
            if known && !(wasMember && state.nodes[admission.node]?.givenName == admission.name) {
                state.name(admission.node, admission.name, place: place)
            }
        case .recover(let admission):
            let known = state.admit(admission, by: entry.hash, place: place)
            if known && !wasMember { state.name(admission.node, admission.name, place: place) }
        case .rename(let id, let name):
            if state.nodes[id]?.givenName != name { state.name(id, name, place: place) }
        case .server(let setting): state.set(setting, by: entry.hash)
        case .unknown: state.noteUnknownKind()
        case .found, .remove, .leave, .grant, .revoke: break
        }
    }
}
