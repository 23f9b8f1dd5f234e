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

    private func source(_ address: String) throws -> PendingConnections.Source {
        .init(try SocketAddress(ipAddress: address, port: 4711))
    }

    private func connected() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/x")).wait()
        return channel
    }

    @Test("So many handshakes at once; who has the most of them makes room for the next")
    func handshakes() throws {
        let registry = ConnectionRegistry(caps: .init(connections: 10, perPeer: 2, handshakes: 3))
        let (flood, member) = (try source("198.51.100.9"), try source("198.51.100.2"))
        let channels = try (0..<5).map { _ in try connected() }
        for channel in channels[0..<3] { #expect(registry.beginHandshake(channel, from: flood)) }
        #expect(channels[0].isActive)
        #expect(registry.beginHandshake(channels[3], from: member))
        #expect(!channels[0].isActive && channels[1].isActive)
        // The flood puts out its own, never the one that others have.
        #expect(registry.beginHandshake(channels[4], from: flood))
        #expect(!channels[1].isActive && channels[3].isActive)
        registry.endHandshake(ObjectIdentifier(channels[3]), from: member)
        let last = try connected()
        #expect(registry.beginHandshake(last, from: member))
        #expect(channels[2].isActive)
    }

    @Test("So many connections in all, handshakes counted")
    func connections() throws {
        let registry = ConnectionRegistry(caps: .init(connections: 2, perPeer: 2, handshakes: 4))
        let stranger = try source("198.51.100.9")
        #expect(registry.admit(EmbeddedChannel(), of: NodeID(Digest256.of([1]))))
        let first = try connected()
        #expect(registry.beginHandshake(first, from: stranger))
        #expect(registry.beginHandshake(try connected(), from: stranger))
        #expect(!first.isActive)
        registry.configure(.init(connections: 1, perPeer: 2, handshakes: 4))
        let other = ConnectionRegistry(caps: .init(connections: 1, perPeer: 2, handshakes: 4))
        #expect(other.admit(EmbeddedChannel(), of: NodeID(Digest256.of([1]))))
        #expect(!other.beginHandshake(try connected(), from: stranger))
    }

    @Test("A host is one source by IPv4, mapped IPv4 and all its IPv6 addresses of a network")
    func sources() throws {
        #expect(try source("198.51.100.9") == source("::ffff:198.51.100.9"))
        #expect(try source("2001:db8::1") == source("2001:db8::2"))
        #expect(try source("2001:db8::1") != source("2001:db8:0:1::1"))
        #expect(try source("fe80::1") != source("fe80::2"))
    }

    @Test("No user has more than it may, and the last eighth is for who manages the node")
    func localUsers() {
        let counts = CallerCounts { .init(total: 16, perUser: 7) }
        for user in [UInt32(1), 2] {
            for _ in 0..<7 { #expect(counts.begin(user)) }
            #expect(!counts.begin(user))
        }
        #expect(!counts.begin(3))
        #expect(counts.begin(0, manages: true))
        counts.end(1)
        #expect(!counts.begin(3))
        counts.end(2)
        #expect(counts.begin(3))
    }

    @Test("Other limits hold at once: who waited has a place, and what ran runs on")
    func reconfigured() async throws {
        let gate = ExchangeGate(openFiles: ExchangeGate.filesPerExchange, patience: .seconds(60))
        let (hold, release) = AsyncStream<Void>.makeStream()
        let (began, begin) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    try await gate.run {
                        begin.yield()
                        for await _ in hold { break }
                    }
                }
            }
            var starts = began.makeAsyncIterator()
            _ = await starts.next()
            await gate.configure(openFiles: 2 * ExchangeGate.filesPerExchange, patience: .seconds(60))
            _ = await starts.next()
            #expect(await gate.running == 2)
            await gate.configure(openFiles: ExchangeGate.filesPerExchange, patience: .milliseconds(1))
            await #expect(throws: OfficeError.self) { try await gate.run {} }
            release.finish()
            try await group.waitForAll()
        }
        #expect(await gate.running == 0)
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
