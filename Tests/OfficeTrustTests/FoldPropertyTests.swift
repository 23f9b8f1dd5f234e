import Foundation
import OfficeCore
import Testing

@testable import OfficeTrust

/// What holds for every log that can be written, tried on thousands that a seed makes.
@Suite struct FoldPropertyTests {
    static let chunks = 0..<8
    /// More of them by `TEST_SEEDS`.
    static let seedsPerChunk = ProcessInfo.processInfo.environment["TEST_SEEDS"].flatMap(UInt64.init) ?? 40

    private static func seeds(_ chunk: Int) -> Range<UInt64> {
        UInt64(chunk) * seedsPerChunk..<UInt64(chunk + 1) * seedsPerChunk
    }

    /// A log in which some nodes are honest and some are not.
    private static func world(seed: UInt64) throws -> World {
        var world = try World(seed: seed, peaceful: seed.isMultiple(of: 4))
        guard seed.isMultiple(of: 4) else {
            try world.quarrel(strikes: 3 + Int(seed % 7))
            return world
        }
        let hostile = Set(World.nodes.filter { _ in world.random.next() % 4 == 0 })
        for _ in 0..<24 { try world.step(hostile: hostile) }
        return world
    }

    @Test(arguments: chunks)
    func everyOrderAndEveryBatchingGivesOneState(chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            var world = try Self.world(seed: seed)
            for batch in [1, 3, 1000] {
                let again = try world.log.shuffled(using: &world.random, batch: batch)
                #expect(again.state == world.log.state, "seed \(seed), batches of \(batch)")
                #expect(again.orderedEntries.map(\.entry) == world.entries, "seed \(seed)")
            }
        }
    }

    @Test(arguments: chunks)
    func noOfficeIsEverWithoutAnAdmin(chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            let world = try Self.world(seed: seed)
            // The log grew entry by entry: each state on the way counts too, in another order than it was written.
            var log = try OfficeLog(unsigned: world.entries[0])
            for entry in world.entries.dropFirst() {
                _ = log.insert([entry], checkingSignatures: false)
                let state = log.state
                #expect(!state.admins.isEmpty, "seed \(seed)")
                #expect(state.admins.count == state.adminCount, "seed \(seed)")
                #expect(Set(state.members.values.map(\.name)).count == state.members.count, "seed \(seed)")
            }
        }
    }

    @Test(arguments: chunks)
    func aMemberWithoutAnAdminsRightChangesNothingButItself(chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            var world = try Self.world(seed: seed)
            let neverGranted = World.nodes.dropFirst().filter { node in
                !world.entries.contains { entry in
                    switch entry.act {
                    case .grant(let id): id == World.keys[node].id
                    case .recover(let admission): admission.node == World.keys[node].id
                    default: false
                    }
                }
            }
            guard let member = neverGranted.first else { continue }
            let before = world.log.state
            for _ in 0..<8 {
                let act = try world.randomAct(by: member)
                if case .rename(let id, _) = act, id == World.keys[member].id { continue }
                try world.write(act, by: member, follows: world.randomPast())
            }
            let after = world.log.state
            let id = World.keys[member].id
            #expect(after.admins == before.admins, "seed \(seed)")
            #expect(
                Set(after.members.keys).symmetricDifference(before.members.keys).isSubset(of: [id]), "seed \(seed)")
            #expect(
                after.members.filter { $0.key != id }.mapValues(\.givenName)
                    == before.members.filter { $0.key != id }.mapValues(\.givenName), "seed \(seed)")
            #expect(before.voided.allSatisfy { after.voided[$0.key] != nil }, "seed \(seed)")
        }
    }

    @Test(arguments: chunks)
    func whoWasRemovedCannotBackdate(chunk: Int) throws {
        var tried = 0
        for seed in Self.seeds(chunk) {
            var world = try Self.world(seed: seed)
            // An admin that has seen everything puts a node out.
            guard let remover = world.log.state.admins.sorted().first,
                let admin = World.nodes.first(where: { World.keys[$0].id == remover }),
                let gone = World.nodes.first(where: { $0 != admin && world.log.state.members[World.keys[$0].id] != nil }
                ),
                world.log.heads.count <= LogLimits().follows
            else { continue }
            try world.write(.remove(World.keys[gone].id), by: admin, follows: world.log.heads)
            let before = world.log.state
            try #require(before.members[World.keys[gone].id] == nil, "seed \(seed)")
            // Whatever it writes now, as if long ago, letting in and granting, is without effect.
            for _ in 0..<8 {
                let act = try world.randomAct(by: gone)
                switch act {
                case .remove, .revoke, .leave: continue
                default: try world.write(act, by: gone, follows: world.randomPast())
                }
            }
            let after = world.log.state
            #expect(after.members == before.members, "seed \(seed)")
            #expect(after.former.keys == before.former.keys, "seed \(seed)")
            tried += 1
        }
        #expect(tried > Int(Self.seedsPerChunk) / 3)
    }

    @Test(arguments: chunks)
    func cuttingTheLogAtItsKnotsChangesNothing(chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            let world = try Self.world(seed: seed)
            let entries = world.entries
            var places: [EntryHash: Int] = [:]
            for (place, entry) in entries.enumerated() { places[entry.hash] = place }
            let parents = entries.map { $0.follows.compactMap { places[$0] } }
            let whole = try #require(Fold.state(of: entries, parents: parents, isCut: false))
            #expect(whole == world.log.state, "seed \(seed)")
        }
    }

    /// What the seeds make has to be worth its name: every rule of the fold is reached, and often.
    @Test func theSeedsReachEveryRule() throws {
        var reached: [String: Int] = [:]
        for seed in UInt64(0)..<400 {
            let state = try Self.world(seed: seed).log.state
            for reason in Set(state.voided.values.map { if case .struck = $0 { "struck" } else { "\($0)" } }) {
                reached[reason, default: 0] += 1
            }
        }
        let rules: [VoidReason] = [.notAdmin, .seniorStays, .lastAdmin, .unknownNode]
        for rule in rules.map(\.description) + ["struck"] {
            #expect(reached[rule, default: 0] > 3, "\(rule): \(reached)")
        }
    }

    @Test(arguments: chunks)
    func honestChangesWithoutRemovalsAreAllInEffect(chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            var world = try World(seed: seed)
            for _ in 0..<20 { try world.step(hostile: []) }
            let strikes = world.entries.contains { entry in
                switch entry.act {
                case .remove, .revoke, .leave: true
                default: false
                }
            }
            if !strikes { #expect(world.log.state.voided.isEmpty, "seed \(seed)") }
        }
    }
}
