import Foundation
import OfficeLab
import Testing

/// The faults that a proxy plays are those it was asked for.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct FaultProxyTests {
    /// 1 MiB from pc1, fetched through a proxy in pc2 that has these faults: what arrived, and curl's status.
    private func fetched(_ faults: FaultProxy.Faults) async throws -> (Data, Int32, FaultProxy.Counts, Data) {
        var result: (Data, Int32, FaultProxy.Counts, Data)?
        try await withLab(LabSelfTests.bare("pc1"), LabSelfTests.bare("pc2")) { lab in
            try await lab["pc1"].shell("head -c 1M /dev/urandom >/srv/blob").checked()
            let serve = "while :; do nc -l -N 9000 </srv/blob; done"
            _ = try lab["pc1"].start(["bash", "-c", serve])
            try await eventually("pc1 serves") {
                try await lab["pc1"].run(["ss", "-tlnH", "sport", "=", "9000"]).stdout.contains("9000")
            }
            let proxy = try await FaultProxy(in: lab["pc2"], to: lab["pc1"].address, 9000, faults: faults)
            let got = try await lab["pc2"].run(
                ["timeout", "2", "nc", "-d", "127.0.0.1", String(proxy.port)], timeout: .seconds(20))
            result = (got.stdoutBytes, got.status, proxy.counts, try lab["pc1"].read("/srv/blob"))
        }
        return try #require(result)
    }

    @Test func withoutFaultsItPassesEverything() async throws {
        let (got, status, counts, sent) = try await fetched(.init())
        #expect(got == sent)
        #expect(status == 0)
        #expect(counts.connections == 1)
        #expect(counts.toClient == sent.count)
        #expect(counts.toServer == 0)
    }

    @Test func itCutsAndResetsAtTheByte() async throws {
        let (cut, _, _, sent) = try await fetched(.init(cutAfter: 100_000))
        #expect(cut == sent.prefix(100_000) || cut.count == 100_000)
        let (reset, _, _, _) = try await fetched(.init(resetAfter: 1))
        #expect(reset.count <= 1)
    }

    @Test func itStallsWithoutClosing() async throws {
        let (got, status, _, _) = try await fetched(.init(stallAfter: 65_536))
        #expect(got.count == 65_536)
        #expect(status == 124)
    }

    @Test func itFlipsOneBitOfEveryNthByte() async throws {
        let (got, _, counts, sent) = try await fetched(.init(corruptEvery: 100_000))
        #expect(got.count == sent.count)
        let wrong = zip(got, sent).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
        // One connection, however often.
        #expect(counts.faults == 1)
        #expect(wrong == (1...10).map { $0 * 100_000 - 1 })
    }
}
