import Logging
import NIOConcurrencyHelpers
import OfficeCore
import Testing

@testable import OfficeServer
@testable import OfficeTransfer

/// Who sends what is wrong is named, and doesn't fill the log.
struct RejectionLogTests {
    private struct Lines: LogHandler {
        let lines = NIOLockedValueBox<[Logger.Metadata]>([])
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.withLockedValue { $0.append(event.metadata ?? [:]) } }
    }

    private func source(_ node: String, _ rejected: Int) -> TransferSummary.Source {
        .init(node: node, bytes: 9, blocks: 9, rejected: rejected)
    }

    @Test func aLiarIsNamedAtABoundedRate() async throws {
        let (lines, now) = (Lines(), NIOLockedValueBox(Duration.zero))
        let liar = try NodeID(hex: String(repeating: "01", count: 32))
        let clock = TransferClock(now: { now.withLockedValue { $0 } }, sleep: { _ in }, watch: { _ in })
        let log = RejectionLog(clock: clock, logger: Logger(label: "test") { _ in lines }) { name in
            name.description == "pc2" ? liar : nil
        }
        let told = { lines.lines.withLockedValue { $0 } }
        await log.note([source("pc2", 0), source("pc3", 4)], of: "pc1/docs/large")
        #expect(told().isEmpty)
        for _ in 0..<100 { await log.note([source("pc2", 3)], of: "pc1/docs/large", by: "bob") }
        #expect(
            told() == [
                [
                    LogKey.nodeName: "pc2", LogKey.nodeID: "\(liar)", LogKey.count: "3", LogKey.path: "pc1/docs/large",
                    LogKey.user: "bob",
                ]
            ])
        now.withLockedValue { $0 += RejectionLog.interval }
        await log.note([source("pc2", 1)], of: "pc1/docs/large")
        #expect(told().count == 2 && told().last?[LogKey.count] == "298")
    }
}
