import OfficeCore
import Testing

@testable import OfficeTrust

/// Nodes that write to one office's log at once, honestly or not, each with what it has seen. All by one seed.
///
/// Entries are not signed here: their number matters more, and signatures have tests of their own.
struct World {
    /// Made once: keys cost more than entries.
    static let keys: [NodeKey] = (0..<9).compactMap { _ in try? NodeIdentity().key }
    static let recovery = keys.count - 1

    var random: SeededGenerator
    /// The whole of the log, and what each node has of it.
    private(set) var log: OfficeLog
    private var views: [OfficeLog]
    private(set) var hashes: [EntryHash]
    private var time: Int64 = 0

    static let nodes = 0..<recovery

    /// `peaceful`: with a founder, a few admins and plain members. Else with two to four admins and a member.
    init(seed: UInt64, peaceful: Bool = true) throws {
        random = SeededGenerator(seed: seed)
        let founder = Admission(key: Self.keys[0], name: try Label("n0"))
        let act = LogAct.found(office: try Label("Acme"), founder: founder, recovery: Self.keys[Self.recovery])
        // The office of each seed is another, so that hashes, and with them the agreed order, vary.
        let time = Timestamp(seconds: Int64(seed))
        let body = LogEntry.body(act, office: nil, follows: [], time: time, author: Self.keys[0].id)
        let first = try LogEntry(SealedEntry(body: body, signature: [UInt8](repeating: 0, count: 64)))
        log = try OfficeLog(unsigned: first)
        views = []
        hashes = [first.hash]
        let admins = peaceful ? Int(random.next() % 5) : 1 + Int(random.next() % 3)
        for node in peaceful ? Self.nodes.dropFirst() : Self.nodes[1...admins + 1] {
            try write(.admit(try admission(node)), by: 0, follows: log.heads)
            if node <= admins { try write(.grant(Self.keys[node].id), by: 0, follows: log.heads) }
        }
        settled = hashes.count
        views = [OfficeLog](repeating: log, count: Self.nodes.count)
    }

    /// How many entries there were before anything was left open.
    private var settled = 0

    var entries: [LogEntry] { log.orderedEntries.map(\.entry) }

    /// Writes an entry and gives it to the whole log, and to its author's view.
    @discardableResult
    mutating func write(_ act: LogAct, by author: Int, follows: [EntryHash]) throws -> LogEntry {
        time += 1
        let body = LogEntry.body(
            act, office: log.office, follows: Array(Set(follows)), time: Timestamp(seconds: time),
            author: Self.keys[author].id)
        let entry = try LogEntry(SealedEntry(body: body, signature: [UInt8](repeating: 0, count: 64)))
        if log.insert([entry], checkingSignatures: false).accepted.isEmpty { return entry }
        hashes.append(entry.hash)
        return entry
    }

    /// What a node has seen, and lets another node see.
    mutating func show(_ from: Int, to: Int) {
        let missing = views[from].entries(missingFrom: views[to].heads)
        _ = views[to].insert(missing, checkingSignatures: false)
    }

    /// A node writes what its view allows, or, `hostile`, whatever it likes behind whatever it likes.
    mutating func step(hostile: Set<Int>) throws {
        let author = Self.nodes.randomElement(using: &random) ?? 0
        if random.next() % 3 == 0 {
            show(author, to: Self.nodes.randomElement(using: &random) ?? 0)
        } else if hostile.contains(author) {
            try write(randomAct(by: author), by: author, follows: randomPast())
            let missing = log.entries(missingFrom: views[author].heads)
            if random.next() % 2 == 0 { _ = views[author].insert(missing, checkingSignatures: false) }
        } else if let act = try honestAct(by: author) {
            let heads = views[author].heads
            let entry = try write(act, by: author, follows: Array(heads.prefix(LogLimits().follows)))
            _ = views[author].insert([entry], checkingSignatures: false)
        }
    }

    /// Admins that put each other out, each behind what it chose to see of the others.
    mutating func quarrel(strikes: Int) throws {
        let start = hashes.count - 1
        let people = log.state.admins.count + 1
        for _ in 0..<strikes {
            let author = Int(random.next() % UInt64(people))
            let other = Int(random.next() % UInt64(people))
            let id = Self.keys[other].id
            let act: LogAct =
                switch random.next() % 12 {
                case 0...5: .remove(id)
                case 6, 7: .revoke(id)
                case 8, 9: .grant(id)
                case 10: .leave
                default: .admit(try admission(other))
                }
            let seen = hashes[(start + 1)...].filter { _ in random.next() % 3 == 0 }
            try write(act, by: author, follows: [hashes[start]] + seen.suffix(8))
        }
    }

    private func admission(_ node: Int) throws -> Admission {
        Admission(key: Self.keys[node], name: try Label("n\(node)"))
    }

    /// Something to follow: mostly what is recent, now and then anything.
    mutating func randomPast() -> [EntryHash] {
        let recent = random.next() % 8 == 0 ? hashes[...] : hashes[max(0, settled - 1)...]
        return (0...random.next() % 3).compactMap { _ in recent.randomElement(using: &random) }
    }

    mutating func randomAct(by author: Int) throws -> LogAct {
        let other = Self.nodes.randomElement(using: &random) ?? 0
        let id = Self.keys[other].id
        switch random.next() % 11 {
        case 0, 1: return .admit(try admission(other))
        case 2, 3, 4: return .remove(id)
        case 5, 6: return .grant(id)
        case 7, 8: return .revoke(id)
        case 9: return .leave
        default: return .rename(id, try Label("x\(random.next() % 4)"))
        }
    }

    /// A change of the kind that the builders allow, if this author can make one; conflicts come of it by
    /// themselves where views differ.
    private mutating func honestAct(by author: Int) throws -> LogAct? {
        let state = views[author].state
        let id = Self.keys[author].id
        guard let own = state.members[id] else { return nil }
        let other = Self.nodes.randomElement(using: &random) ?? 0
        let otherID = Self.keys[other].id
        guard own.isAdmin else {
            return random.next() % 4 == 0 ? .leave : .rename(id, try Label("y\(random.next() % 4)"))
        }
        guard let member = state.members[otherID] else { return .admit(try admission(other)) }
        let lonely = state.admins == [otherID]
        switch random.next() % 4 {
        case 0: return lonely ? nil : other == author ? .leave : .remove(otherID)
        case 1 where member.isAdmin: return lonely ? nil : .revoke(otherID)
        case 1, 2: return member.isAdmin ? nil : .grant(otherID)
        default: return .rename(otherID, try Label("z\(random.next() % 4)"))
        }
    }
}

extension OfficeLog {
    /// The entries again, in any order and any batches.
    func shuffled(using random: inout SeededGenerator, batch: Int) throws -> OfficeLog {
        var all = orderedEntries.map(\.entry)
        let first = all.removeFirst()
        all.shuffle(using: &random)
        var limits = LogLimits()
        limits.waiting = all.count + 1
        var again = try OfficeLog(unsigned: first, limits: limits)
        while !all.isEmpty {
            _ = again.insert(all.prefix(batch), checkingSignatures: false)
            all.removeFirst(min(batch, all.count))
        }
        return again
    }
}
