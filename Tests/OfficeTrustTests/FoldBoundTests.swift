import Crypto
import OfficeCore
import Testing

@testable import OfficeTrust

/// Logs that were made to be hard to fold: what is promised of every log holds for them, too, and they are folded in
/// the time that their length asks for.
@Suite struct FoldBoundTests {
    /// Many admins, let in one after the other; what they write next is left open.
    struct Crowd {
        let keys: [NodeKey]
        private(set) var log: OfficeLog
        private(set) var tip: EntryHash
        private var time: Int64 = 1
        private var unsent: [LogEntry] = []

        init(admins count: Int) throws {
            keys = (0...count).map { _ in NodeKey(P256.Signing.PrivateKey().publicKey) }
            let founder = Admission(key: keys[0], name: try Label("n0"))
            let act = LogAct.found(office: try Label("Acme"), founder: founder, recovery: keys[count])
            let body = LogEntry.body(act, office: nil, follows: [], time: Timestamp(seconds: 1), author: keys[0].id)
            let first = try LogEntry(SealedEntry(body: body, signature: [UInt8](repeating: 0, count: 64)))
            log = try OfficeLog(unsigned: first)
            tip = first.hash
            for node in 1..<count {
                tip = try write(.admit(Admission(key: keys[node], name: try Label("n\(node)"))), by: 0, after: [tip])
                tip = try write(.grant(keys[node].id), by: 0, after: [tip])
            }
            send()
        }

        @discardableResult
        mutating func write(_ act: LogAct, by author: Int, after follows: [EntryHash]? = nil) throws -> EntryHash {
            time += 1
            let body = LogEntry.body(
                act, office: log.office, follows: Array(Set(follows ?? [tip])), time: Timestamp(seconds: time),
                author: keys[author].id)
            unsent.append(try LogEntry(SealedEntry(body: body, signature: [UInt8](repeating: 0, count: 64))))
            return unsent[unsent.count - 1].hash
        }

        mutating func remove(_ node: Int, by author: Int) throws { try write(.remove(keys[node].id), by: author) }

        mutating func send() {
            _ = log.insert(unsent, checkingSignatures: false)
            unsent = []
        }
    }

    enum Shape: CaseIterable {
        case ring, chain, pairs, pairsThatUnlockPairs, oneAgainstAll, rings
    }

    private static func crowd(_ shape: Shape, of count: Int) throws -> Crowd {
        var crowd = try Crowd(admins: count)
        for node in 0..<count {
            let next = (node + 1) % count
            switch shape {
            case .ring: try crowd.remove(next, by: node)
            case .chain: if next > 0 { try crowd.remove(next, by: node) }
            case .pairs: try crowd.remove(node ^ 1, by: node)
            case .pairsThatUnlockPairs:
                try crowd.remove(node ^ 1, by: node)
                if node.isMultiple(of: 2) { try crowd.remove((node + 2) % count, by: node) }
            case .oneAgainstAll:
                guard node > 0 else { continue }
                try crowd.remove(0, by: node)
                try crowd.remove(node, by: 0)
            case .rings: for distance in 1...3 { try crowd.remove((node + distance) % count, by: node) }
            }
        }
        crowd.send()
        return crowd
    }

    @Test(
        "Hundreds of admins that put each other out, in any shape, leave one state and an admin",
        arguments: Shape.allCases)
    func crowds(_ shape: Shape) throws {
        let crowd = try Self.crowd(shape, of: 400)
        #expect(!crowd.log.state.admins.isEmpty)
        #expect(crowd.log.state.admins.count == crowd.log.state.adminCount)
        var random = SeededGenerator(seed: 1)
        #expect(try crowd.log.shuffled(using: &random, batch: .max).state == crowd.log.state)
    }

    @Test("An admin that has seen what was cut short can go on from there", arguments: Shape.allCases)
    func goingOn(_ shape: Shape) throws {
        var crowd = try Self.crowd(shape, of: 300)
        let (author, heads) = (try #require(crowd.log.state.admins.first), crowd.log.heads)
        let admin = try #require(crowd.keys.firstIndex { $0.id == author })
        // An entry follows sixteen others at most: what ties up more is a tree.
        var tips = heads
        while tips.count > 1 {
            var ties: [EntryHash] = []
            for start in stride(from: 0, to: tips.count, by: 16) {
                let some = Array(tips[start..<min(start + 16, tips.count)])
                ties.append(try crowd.write(.rename(author, try Label("x\(ties.count)")), by: admin, after: some))
            }
            tips = ties
        }
        crowd.send()
        let guest = NodeKey(P256.Signing.PrivateKey().publicKey)
        try crowd.write(.admit(Admission(key: guest, name: try Label("guest"))), by: admin, after: tips)
        crowd.send()
        #expect(crowd.log.state.members[guest.id] != nil)
    }

    @Test("However early the fold is cut short, who was not struck stays, and an admin does", arguments: 0..<8)
    func cutShort(drawings: Int) throws {
        for seed in UInt64(0)..<150 {
            var world = try World(seed: seed, peaceful: false)
            try world.quarrel(strikes: 3 + Int(seed % 30))
            let entries = world.entries
            var places: [EntryHash: Int] = [:]
            for (place, entry) in entries.enumerated() { places[entry.hash] = place }
            let parents = entries.map { $0.follows.compactMap { places[$0] } }
            let state = try #require(Fold.state(of: entries, parents: parents, drawings: drawings))
            #expect(!state.admins.isEmpty, "seed \(seed)")
            #expect(state.admins.count == state.adminCount, "seed \(seed)")
            if state.voided.values.contains(.tangled) { continue }
            // Whom nobody struck is what they were.
            let untouched = world.log.state.admins.filter { id in
                !entries.contains { entry in
                    switch entry.act {
                    case .remove(let node), .revoke(let node): node == id
                    case .leave: entry.author == id
                    default: false
                    }
                }
            }
            #expect(untouched.isSubset(of: state.admins), "seed \(seed)")
        }
    }
}
