import NIOCore
import NIOEmbedded
import OfficeCore
import Testing

@testable import OfficeServer

@Suite("Every limit holds, at it and past it")
struct LimitTests {
    @Test("As many exchanges run as there are places; the next waits its turn, and gets the place")
    func gateQueues() async throws {
        let gate = ExchangeGate(openFiles: ExchangeGate.filesPerExchange, patience: .seconds(60))
        let (hold, release) = AsyncStream<Void>.makeStream()
        let (began, begin) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask {
                try await gate.run {
                    begin.yield()
                    for await _ in hold { break }
                    return "first"
                }
            }
            for await _ in began { break }
            #expect(await gate.running == 1)
            group.addTask { try await gate.run { "second" } }
            release.yield()
            var order: [String] = []
            for try await name in group { order.append(name) }
            #expect(Set(order) == ["first", "second"])
        }
        #expect(await gate.running == 0)
    }

    @Test("Who waits too long for a place is refused, and the place is not lost")
    func gateRefuses() async throws {
        let gate = ExchangeGate(openFiles: 1, patience: .milliseconds(1))
        let (hold, release) = AsyncStream<Void>.makeStream()
        let (began, begin) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await gate.run {
                    begin.yield()
                    for await _ in hold { break }
                }
            }
            for await _ in began { break }
            let refusal = await #expect(throws: OfficeError.self) { try await gate.run {} }
            #expect(refusal?.code == .limit)
            release.yield()
            try await group.waitForAll()
        }
        try await gate.run {}
        #expect(await gate.running == 0)
    }

    @Test("A member has as many connections as it may, another member is not touched, and closing makes room")
    func connectionsPerPeer() throws {
        let registry = ConnectionRegistry(caps: .init(connections: 10, perPeer: 2, handshakes: 4))
        let one = NodeID(Digest256.of([1]))
        let other = NodeID(Digest256.of([2]))
        let channels = (0..<4).map { _ in EmbeddedChannel() }
        #expect(registry.admit(channels[0], of: one))
        #expect(registry.admit(channels[1], of: one))
        #expect(!registry.admit(channels[2], of: one))
        #expect(registry.admit(channels[3], of: other))
        _ = try channels[0].finish()
        channels[0].embeddedEventLoop.run()
        #expect(registry.admit(channels[2], of: one))
    }

    @Test("So many handshakes at once, and no more")
    func handshakes() {
        let registry = ConnectionRegistry(caps: .init(connections: 10, perPeer: 2, handshakes: 2))
        #expect(registry.beginHandshake())
        #expect(registry.beginHandshake())
        #expect(!registry.beginHandshake())
        registry.endHandshake()
        #expect(registry.beginHandshake())
    }

    @Test("So many connections in all, handshakes counted")
    func connections() {
        let registry = ConnectionRegistry(caps: .init(connections: 2, perPeer: 2, handshakes: 4))
        #expect(registry.admit(EmbeddedChannel(), of: NodeID(Digest256.of([1]))))
        #expect(registry.beginHandshake())
        #expect(!registry.beginHandshake())
    }

    @Test("Who is a member no longer is closed, and nobody else")
    func closing() throws {
        let registry = ConnectionRegistry(caps: .init(connections: 10, perPeer: 2, handshakes: 2))
        let stays = NodeID(Digest256.of([1]))
        let goes = NodeID(Digest256.of([2]))
        let channels = [EmbeddedChannel(), EmbeddedChannel()]
        for channel in channels { try channel.connect(to: SocketAddress(unixDomainSocketPath: "/x")).wait() }
        _ = registry.admit(channels[0], of: stays)
        _ = registry.admit(channels[1], of: goes)
        registry.closeAll { $0 == stays }
        #expect(channels[0].isActive)
        #expect(!channels[1].isActive)
    }

    @Test("A listener that doesn't keep up is cut off, the others hear everything")
    func hub() async {
        let hub = EventHub<Int>(capacity: 4)
        let slow = hub.listen()
        for number in 0..<6 { hub.send(number) }
        let quick = hub.listen()
        hub.send(6)
        hub.finish()
        var heard: [Int] = []
        for await number in slow { heard.append(number) }
        #expect(heard == [0, 1, 2, 3])
        heard = []
        for await number in quick { heard.append(number) }
        #expect(heard == [6])
    }
}
