package import OfficeCore

/// The office log: a causally complete, verified set of entries, and what it says.
///
/// A value: whoever changes it makes a new one. Its state is the same for every order in which entries came in.
package struct OfficeLog: Sendable {
    package let limits: LogLimits
    package var office: OfficeID { state.office }
    /// What the entries say, folded.
    package private(set) var state: OfficeState

    // In the order of arrival: every entry after those it follows.
    private var entries: [LogEntry]
    private var parents: [[Int]]
    private var places: [EntryHash: Int]
    /// For each entry the nodes (by their number in `nodeNumbers`) that it or one in its past lets in.
    private var known: [Bits]
    private var nodeNumbers: [NodeID: Int] = [:]
    private var keys: [NodeID: NodeKey] = [:]
    private var headPlaces: Set<Int>
    private var order: AgreedOrder
    /// Entries whose predecessors are not all here, each under one that is missing.
    private var waiting: [EntryHash: [LogEntry]] = [:]
    private var waitingHashes: Set<EntryHash> = []

    /// What became of entries that were offered. Those that were here already are in none of the lists.
    package struct Insertion: Sendable {
        package struct Refusal: Sendable {
            package var hash: EntryHash
            package var error: OfficeError
        }
        /// In the log now, in the order they got in.
        package var accepted: [LogEntry] = []
        /// Kept until what they follow arrives: ask for everything that is missing.
        package var waiting: [EntryHash] = []
        package var refused: [Refusal] = []
    }

    /// A log of its first entry; throws where that is not a founder's, signed.
    package init(first: LogEntry, limits: LogLimits = LogLimits()) throws(OfficeError) {
        guard let founder = first.act.admission?.key, first.isSigned(by: founder) else { throw Self.badSignature }
        try self.init(unsigned: first, limits: limits)
    }

    /// Without a look at the signature: for the initialiser above, and for tests of the fold.
    init(unsigned first: LogEntry, limits: LogLimits = LogLimits()) throws(OfficeError) {
        guard let state = OfficeState(founding: first), let founder = first.act.admission?.key else {
            throw EntryFields.refusal("it founds no office")
        }
        self.limits = limits
        var finished = state
        finished.finish()
        self.state = finished
        entries = [first]
        parents = [[]]
        places = [first.hash: 0]
        headPlaces = [0]
        order = AgreedOrder([first], parents: [[]])
        known = []
        var everywhere = Bits()
        for key in [founder, state.recoveryKey] { everywhere.insert(number(of: key)) }
        known = [everywhere]
    }

    /// A whole log that somebody gave: the first entry founds, and every other has to be good. For joining, and
    /// to verify. Throws what is wrong with the first that is not.
    package init(verifying sealed: [SealedEntry], limits: LogLimits = LogLimits()) throws(OfficeError) {
        guard let first = sealed.first else { throw EntryFields.refusal("the log is empty") }
        try self.init(first: try LogEntry(first, limits: limits), limits: limits)
        let insertion = insert(sealed: sealed.dropFirst())
        if let refusal = insertion.refused.first { throw refusal.error }
        guard insertion.waiting.isEmpty else {
            throw OfficeError(.malformed, "the office log", "entries are missing in it")
        }
    }

    private static let badSignature = EntryFields.refusal("its signature is not its author's")

    package var count: Int { entries.count }
    package func contains(_ hash: EntryHash) -> Bool { places[hash] != nil }

    /// The entries that no other follows, ascending: what to tell a peer in order to get what is missing.
    package var heads: [EntryHash] { headPlaces.map { entries[$0].hash }.sorted() }

    /// All entries in the agreed order. `number` is their place in it, from 1.
    package var orderedEntries: [(number: Int, entry: LogEntry)] {
        order.indices.enumerated().map { (number: $0.offset + 1, entry: entries[$0.element]) }
    }

    /// Everything that is not among `heads` or in their past, each entry after those it follows. Hashes that are
    /// not known here are passed over.
    package func entries(missingFrom heads: some Sequence<EntryHash>) -> [LogEntry] {
        var held = [Bool](repeating: false, count: entries.count)
        var stack = heads.compactMap { places[$0] }
        while let place = stack.popLast() {
            if held[place] { continue }
            held[place] = true
            stack += parents[place].filter { !held[$0] }
        }
        return entries.indices.filter { !held[$0] }.map { entries[$0] }
    }

    // MARK: Taking entries in

    /// Takes in entries as they travel, in any order. Never throws: what is wrong with an entry is in the answer.
    @discardableResult
    package mutating func insert(sealed: some Sequence<SealedEntry>) -> Insertion {
        var readable: [LogEntry] = []
        var refused: [Insertion.Refusal] = []
        for entry in sealed {
            do throws(OfficeError) { readable.append(try LogEntry(entry, limits: limits)) } catch {
                refused.append(.init(hash: entry.hash, error: error))
            }
        }
        var insertion = insert(readable)
        insertion.refused = refused + insertion.refused
        return insertion
    }

    /// Takes in entries in any order.
    @discardableResult
    package mutating func insert(_ new: some Sequence<LogEntry>) -> Insertion {
        insert(new, checkingSignatures: true)
    }

    /// The tests of the fold make more entries than could be signed in their time; nothing else passes false.
    mutating func insert(_ new: some Sequence<LogEntry>, checkingSignatures: Bool) -> Insertion {
        var insertion = Insertion()
        var fold = Refold()
        var work = Array(new.reversed())
        while let entry = work.popLast() {
            guard places[entry.hash] == nil else { continue }
            if let missing = entry.follows.first(where: { places[$0] == nil }), entry.office == office {
                wait(entry, for: missing, &insertion)
                continue
            }
            if let error = fault(in: entry, checkingSignature: checkingSignatures) {
                insertion.refused.append(.init(hash: entry.hash, error: error))
                continue
            }
            append(entry, &fold)
            insertion.accepted.append(entry)
            for follower in (waiting.removeValue(forKey: entry.hash) ?? []).reversed() {
                waitingHashes.remove(follower.hash)
                work.append(follower)
            }
        }
        insertion.waiting = insertion.waiting.filter { waitingHashes.contains($0) }
        refold(fold)
        return insertion
    }

    /// Keeps an entry until one that it follows arrives; the limit holds for all that wait.
    private mutating func wait(_ entry: LogEntry, for missing: EntryHash, _ insertion: inout Insertion) {
        if waitingHashes.contains(entry.hash) {
            insertion.waiting.append(entry.hash)
            return
        }
        guard waitingHashes.count < limits.waiting else {
            let error = OfficeError(
                .limit, "an entry of the office log",
                "\(limits.waiting) entries are waiting already for those they follow")
            insertion.refused.append(.init(hash: entry.hash, error: error))
            return
        }
        waitingHashes.insert(entry.hash)
        waiting[missing, default: []].append(entry)
        insertion.waiting.append(entry.hash)
    }

    /// What forbids taking an entry whose predecessors are all here.
    private func fault(in entry: LogEntry, checkingSignature: Bool) -> OfficeError? {
        guard entry.office == office else {
            return OfficeError(.notAllowed, "an entry of the office log", "it is another office's")
        }
        guard entries.count < limits.entries else {
            return OfficeError(
                .limit, "the office log", "it has \(limits.entries) entries, more are not taken",
                mend: "Raise 'limits.logEntries' on every node.")
        }
        guard let number = nodeNumbers[entry.author], let key = keys[entry.author],
            entry.follows.contains(where: { places[$0].map { known[$0][number] } ?? false })
        else {
            return OfficeError(
                .notAllowed, "an entry of the office log", "its author was never let in by what it follows")
        }
        return checkingSignature && !entry.isSigned(by: key) ? Self.badSignature : nil
    }

    private mutating func append(_ entry: LogEntry, _ fold: inout Refold) {
        let place = entries.count
        let followed = entry.follows.compactMap { places[$0] }
        var people = known[followed[0]]
        for parent in followed.dropFirst() where !people.contains(all: known[parent]) {
            people.formUnion(known[parent])
        }
        if let key = entry.act.admission?.key { people.insert(number(of: key)) }
        entries.append(entry)
        parents.append(followed)
        places[entry.hash] = place
        known.append(people)
        headPlaces.subtract(followed)
        headPlaces.insert(place)
        if headPlaces.count > 1 {
            fold.whole = true
        } else {
            fold.knots.append(place)
        }
    }

    private mutating func number(of key: NodeKey) -> Int {
        if let number = nodeNumbers[key.id] { return number }
        nodeNumbers[key.id] = keys.count
        keys[key.id] = key
        return nodeNumbers.count - 1
    }

    // MARK: Folding

    /// What has to be folded after an insertion: only the entries that all others lead to, or the whole log.
    private struct Refold {
        var whole = false
        var knots: [Int] = []
    }

    private mutating func refold(_ fold: Refold) {
        if fold.whole {
            order = AgreedOrder(entries, parents: parents)
            var placeInOrder = [Int](repeating: 0, count: entries.count)
            for (place, index) in order.indices.enumerated() { placeInOrder[index] = place }
            let ordered = order.indices.map { entries[$0] }
            let orderedParents = order.indices.map { parents[$0].map { placeInOrder[$0] } }
            state = Fold.state(of: ordered, parents: orderedParents) ?? state
        } else if !fold.knots.isEmpty {
            for place in fold.knots {
                order.append(place)
                Fold.extend(&state, with: [entries[place]], parents: [[]], firstPlace: place)
            }
            state.finish()
        }
    }

    /// Checks the whole log anew, from the first entry: every hash, signature and link, and that the state is what
    /// the entries say. Throws what is wrong first.
    package func verify() throws(OfficeError) {
        let again = try OfficeLog(verifying: entries.map(\.sealed), limits: limits)
        guard again.heads == heads, again.state == state else {
            throw OfficeError(.fault, "the office log", "folded again it says something else")
        }
    }
}
