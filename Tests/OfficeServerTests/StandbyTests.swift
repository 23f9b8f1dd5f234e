import Foundation
import OfficeCore
import Testing

@testable import OfficeServer

/// Of promoting a standby without force, and acknowledging without it, one comes first and the other hears of it.
struct StandbyVerdictTests {
    private func node(_ number: Int) -> NodeID { NodeID(Digest256.of(Array("node \(number)".utf8))) }

    private func follower(_ witnesses: [NodeID], isInStep: Bool = true, generation: Int64 = 7) -> FollowerRecord {
        FollowerRecord(epoch: 3, generation: generation, isInStep: isInStep, witnesses: witnesses)
    }

    private func records(in directory: String, of office: String = "office") -> StandbyRecords {
        let records = StandbyRecords(stateDirectory: directory)
        records.belong(to: OfficeID(Digest256.of(Array(office.utf8))))
        return records
    }

    @Test func onlyWhoeverAsksAllKnows() {
        let (a, b) = (node(1), node(2))
        let none: Int64? = nil
        func verdict(_ follower: FollowerRecord?, _ answers: [NodeID: Int64?], epoch: Int64 = 3) -> StandbyVerdict {
            StandbyVerdict(epoch: epoch, follower: follower, answers: answers)
        }
        #expect(verdict(follower([a, b]), [a: none, b: none]) == .inStep)
        // What was said of an earlier generation says nothing of this one.
        #expect(verdict(follower([a]), [a: 6]) == .inStep)
        #expect(verdict(follower([a]), [a: 7]) == .behind)
        #expect(verdict(follower([a, b]), [a: none, b: 8]) == .behind)
        #expect(verdict(follower([a, b]), [a: none]) == .unknown([b]))
        #expect(verdict(follower([]), [:]) == .unknown([]))
        #expect(verdict(follower([a], isInStep: false), [a: none]) == .behind)
        #expect(verdict(nil, [:]) == .behind)
        #expect(verdict(follower([a]), [a: none], epoch: 4) == .behind)
    }

    /// Random orders of the file server's telling and an admin's asking, with messages that don't arrive.
    @Test(arguments: 0..<40)
    func neverBoth(seed: Int) async throws {
        var generator = SystemRandomNumberGenerator()
        let directory = FileManager.default.temporaryDirectory.path + "/witness-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for round in 0..<25 {
            let nodes = (0..<Int.random(in: 1...4, using: &generator)).map { node($0) }
            var witnesses: [NodeID: StandbyWitness] = [:]
            for (index, node) in nodes.enumerated() {
                let place = directory + "/\(round)-\(index)"
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                witnesses[node] = StandbyWitness(records: records(in: place))
            }
            var heard = false
            var answers: [NodeID: Int64?] = [:]
            var steps = (nodes + nodes).map { (node: $0, tells: Bool.random(using: &generator)) }
            steps.shuffle(using: &generator)
            for step in steps where Int.random(in: 0..<4, using: &generator) > 0 {
                guard let witness = witnesses[step.node] else { continue }
                if step.tells {
                    // The answer may be lost: then the file server asks on.
                    let isTold = (try? await witness.told(7, of: 3)) != nil
                    if isTold, Bool.random(using: &generator) { heard = true }
                } else {
                    answers[step.node] = .some(try await witness.promise(3))
                }
            }
            let verdict = StandbyVerdict(epoch: 3, follower: follower(nodes), answers: answers)
            #expect(!(heard && verdict == .inStep), "\(steps)")
        }
    }

    @Test func aWitnessRemembersAndAPromiseEnds() async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/witness-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let records = self.records(in: directory)
        let (witness, start) = (StandbyWitness(records: records), ContinuousClock.now)
        #expect(try await witness.promise(3, now: start) == nil)
        await #expect(throws: OfficeError.self) { try await witness.told(7, of: 3, now: start + .seconds(29)) }
        try await witness.told(7, of: 3, now: start + .seconds(31))
        #expect(try await StandbyWitness(records: records).promise(3) == 7)
        // A promise outlives a restart.
        await #expect(throws: OfficeError.self) { try await StandbyWitness(records: records).told(8, of: 3) }
        // Of a newer epoch nothing was told; of an older one nothing is heard any more.
        #expect(try await StandbyWitness(records: records).promise(4) == nil)
        try await StandbyWitness(records: records).told(8, of: 5)
        await #expect(throws: OfficeError.self) { try await StandbyWitness(records: records).told(9, of: 3) }
    }

    @Test func anotherOfficesRecordsSayNothing() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/witness-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try records(in: directory).write(WitnessRecord(epoch: 9, behind: 4, hasPromised: true))
        #expect(try records(in: directory).witness()?.epoch == 9)
        #expect(try records(in: directory, of: "another").witness() == nil)
    }

    @Test func whoAcknowledgedNothingAloneHasNothingToBringIn() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/witness-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let records = records(in: directory)
        let (standby, other) = (node(1), node(2))
        #expect(try !records.isWith([standby]))
        var record = LeadRecord(epoch: 3, standby: standby, generation: 2, isBehind: false, witnesses: [])
        try records.write(record)
        #expect(try records.isWith([standby]) && !records.isWith([other]))
        record.isBehind = true
        try records.write(record)
        #expect(try !records.isWith([standby]))
        record.isBehind = false
        try records.write(record)
        try records.goAlone(4)
        #expect(try !records.isWith([standby]) && records.lead()?.generation == 2)
    }
}
