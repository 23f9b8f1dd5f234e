import NIOConcurrencyHelpers
import OfficeCore
import Testing

@testable import OfficeServer

@Suite("Last lines are awaited, and not for ever")
struct MemberStreamTests {
    private static let never = Duration.seconds(3600)

    private static func node(_ digit: Character) throws -> NodeID {
        try NodeID(hex: String(repeating: digit, count: 64))
    }

    @Test("With no stream of theirs open there is nothing to wait for")
    func nothingOpen() async throws {
        let streams = MemberStreams()
        _ = streams.begin(of: try Self.node("a"))
        let ended = streams.begin(of: try Self.node("b"))
        streams.end(ended)
        let b = try Self.node("b")
        await streams.ended(of: { $0 == b }, within: Self.never)
    }

    @Test("Every stream that concerns is awaited, and no other")
    func awaitsThose() async throws {
        let streams = MemberStreams()
        let (a, b) = (try Self.node("a"), try Self.node("b"))
        let (first, second) = (streams.begin(of: a), streams.begin(of: a))
        _ = streams.begin(of: b)
        let order = NIOLockedValueBox<[String]>([])
        await withTaskGroup(of: Void.self) { group in
            let waiting = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                await streams.ended(
                    of: { node in
                        waiting.continuation.yield()
                        return node == a
                    }, within: Self.never)
                order.withLockedValue { $0.append("awaited") }
            }
            for await _ in waiting.stream { break }
            streams.end(first)
            order.withLockedValue { $0.append("first") }
            // One that begins later is nobody's last line.
            _ = streams.begin(of: a)
            order.withLockedValue { $0.append("second") }
            streams.end(second)
            await group.waitForAll()
        }
        #expect(order.withLockedValue { $0 } == ["first", "second", "awaited"])
    }

    @Test("A stream that never ends is given up")
    func patienceEnds() async throws {
        let streams = MemberStreams()
        _ = streams.begin(of: try Self.node("a"))
        await streams.ended(of: { _ in true }, within: .milliseconds(1))
        // And nothing is left behind that a late end would stumble over.
        streams.end(1)
    }
}
