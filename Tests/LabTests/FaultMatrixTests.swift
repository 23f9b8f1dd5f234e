import Foundation
import OfficeLab
import Testing

/// Files that move while something is wrong: always the exact content in the end, never a wrong byte under a name, and
/// little sent twice.
@Suite(.serialized, .faultMatrix, .lab, .timeLimit(.minutes(3)))
struct FaultMatrixTests {
    @Test(arguments: FaultRow.all) func whatMovesArrivesExactly(_ row: FaultRow) async throws {
        let office = try #require(FaultMatrixOffice.current)
        try await office.mend()
        let move = FaultyMove(row, office)
        do {
            try await move.run()
        } catch {
            office.lab.printLogs()
            throw error
        }
        if Verdict.current?.failed == true { office.lab.printLogs() }
    }

    enum Return: String, CaseIterable { case itself, aCopy }

    /// The command gives up, and says that it can be gone on with; given again, it moves what is left.
    @Test(arguments: Return.allCases) func theOnlySourceLeavesAndComesBack(_ back: Return) async throws {
        let office = try #require(FaultMatrixOffice.current)
        try await office.mend()
        let (pc1, pc2) = (office.pc1, office.pc2)
        let keepers = back == .aCopy ? [office.lab["pc3"], office.lab["pc4"]] : []
        for keeper in keepers { try await keeper.stopDaemon() }
        let share = back == .aCopy ? "kept-large" : "large"
        let arguments = ["get", "-r", "pc1/\(share)/", "/home/bob/copy", "--json"]
        try await pc2.rate(megabits: 200)
        let before = try pc2.traffic().received
        let getting = try pc2.start(["officeshare"] + arguments, as: "bob")
        try await eventually("60 % have come", within: promised(30), every: .milliseconds(5)) {
            try pc2.traffic().received - before > Cargo.largeBytes * 6 / 10
        }
        try await pc1.killDaemon()
        #expect(try await getting.ended(within: promised(40)) == .status(75), "\(getting.stderr)")
        #expect(!pc2.exists("/home/bob/copy/file"))
        let first = try JSONDecoder().decode(MoveSummary.self, from: Data(getting.stdout.utf8))
        try await pc2.rate(megabits: nil)
        switch back {
        case .itself: try await pc1.startDaemon()
        case .aCopy: for keeper in keepers { try await keeper.startDaemon() }
        }
        try await eventually("it is there again", within: promised(20)) {
            try await pc2.officeshare(["ls", "pc1/\(share)"], as: "bob").status == 0
        }
        let carried = try pc2.traffic().received
        let again = try await pc2.officeshare(arguments, as: "bob").json(MoveSummary.self)
        #expect(again.resumedBytes > Cargo.largeBytes / 2 && again.bytes < Cargo.largeBytes / 2, "\(first), \(again)")
        // Near the end several copies may be asked for the same.
        let twice = back == .aCopy ? 6 * (128 << 10) : 0
        #expect((Cargo.largeBytes...Cargo.largeBytes + twice).contains(again.bytes + again.resumedBytes), "\(again)")
        #expect(try pc2.traffic().received - carried < again.bytes * 11 / 10 + (1 << 20))
        let there = try await FaultMatrixOffice.hashes(in: "/home/bob/copy", of: pc2)
        #expect(there == office.contents[share])
    }
}
