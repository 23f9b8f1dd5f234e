import OfficeCore
import OfficeTransfer
import OfficeTrust
import Synchronization
import Testing

@testable import OfficeServer

/// Who reads what: bounded, forgotten in time, and told to those alone who read it, too.
struct ReadingTrackerTests {
    private static let root = ContentRoot(Digest256.of("content".utf8))
    private let origin: NodeIdentity
    private let time = Time()

    /// Moved by hand.
    private final class Time: Sendable {
        private let passed = Mutex(Duration.zero)
        var now: Duration { passed.withLock { $0 } }
        func pass(_ time: Duration) { passed.withLock { $0 += time } }
    }

    init() throws { origin = try NodeIdentity() }

    private func tracker(_ limits: ReadingTracker.Limits = .init()) -> ReadingTracker {
        let time = self.time
        return ReadingTracker(
            identity: origin, incarnation: "1", limits: limits,
            clock: TransferClock(now: { time.now }, sleep: { _ in }, watch: { _ in }))
    }

    private func told(_ tracker: ReadingTracker, _ number: Int, of version: String = "v") async throws -> [NodeID]? {
        try await tracker.note(version, by: node(number), "bob") { Self.root }.demand?.holders.map(\.node)
    }

    private func node(_ number: Int) -> NodeID { NodeID(Digest256.of("node \(number)".utf8)) }

    @Test func whoIsAloneHearsNothing() async throws {
        let tracker = tracker()
        for _ in 1...3 {
            let answer = try await tracker.note("v", by: node(1), "bob") { Self.root }
            #expect(answer.demand == nil)
        }
    }

    @Test func twoHearOfEachOther() async throws {
        let tracker = tracker()
        let first = try await tracker.note("v", by: node(1), "bob") { Self.root }
        #expect(first.demand == nil)
        let second = try await tracker.note("v", by: node(2), "bob") { Self.root }
        #expect(second.demand?.root == Self.root && second.demand?.holders == [])
        let again = try await tracker.note("v", by: node(1), "bob") { Self.root }
        #expect(again.demand?.holders == [.init(node: node(2), isReading: true)])
        let ticket = try #require(again.demand?.ticket.ticket(by: origin.key))
        #expect(ticket.bearer == node(1) && ticket.user == "bob" && ticket.root == Self.root)
        let other = try await tracker.note("w", by: node(3), "bob") { Self.root }
        #expect(other.demand == nil)
    }

    @Test func whoReadLatelyIsToldForAWhile() async throws {
        let tracker = tracker()
        for number in [1, 2, 1] { _ = try await told(tracker, number) }
        time.pass(ReadingTracker.attention + .seconds(1))
        let answer = try await tracker.note("v", by: node(3), "bob") { Self.root }
        #expect(answer.demand?.holders.count == 2 && answer.demand?.holders.contains(where: \.isReading) == false)
        time.pass(ReadingTracker.memory + .seconds(1))
        #expect(try await told(tracker, 4) == nil)
    }

    @Test func whoKeepsNothingIsNotToldToOthers() async throws {
        let tracker = tracker()
        for _ in 1...2 { _ = try await tracker.note("v", by: node(1), "bob", keeps: false) { Self.root } }
        #expect(try await told(tracker, 2) == [])
        _ = try await tracker.note("v", by: node(1), "bob", keeps: false) { Self.root }
        #expect(try await told(tracker, 2) == [])
    }

    @Test func itsLimitsHoldAtThemAndPast() async throws {
        let tracker = tracker(.init(contents: 2, readers: 3, told: 1))
        for number in [1, 2, 3, 1, 2, 3] { _ = try await told(tracker, number) }
        // No more than so many are told, and one more reader is let be: it reads alone.
        #expect(try await told(tracker, 3)?.count == 1)
        #expect(try await told(tracker, 4) == nil)
        #expect(try await told(tracker, 1)?.contains(node(4)) == false)
        // A content more: the one that nobody asked after for longest is forgotten.
        for version in ["w", "x"] {
            time.pass(.milliseconds(1))
            _ = try await told(tracker, 1, of: version)
        }
        #expect(try await told(tracker, 2) == nil)
    }

    @Test func aContentThatCantBeReadIsInNoDemand() async throws {
        let tracker = tracker()
        for number in [1, 2, 1] {
            let answer = try await tracker.note("v", by: node(number), "bob") {
                throw OfficeError(.changed, "file", "it changed while it was read")
            }
            #expect(answer.demand == nil)
        }
        #expect(try await told(tracker, 2) == [])
    }

    @Test func whoReadsAloneHearsOfThoseWhoHaveItThemselves() async throws {
        let tracker = tracker()
        let answer = try await tracker.note("v", by: node(1), "bob", owners: [node(1), node(2)]) { Self.root }
        #expect(answer.demand?.holders == [.init(node: node(2), isReading: false)] && answer.demand?.isAlone == true)
        // It needs not keep what flows through it: nobody else reads.
        #expect(try await told(tracker, 3) == [])
        let shared = try await tracker.note("v", by: node(3), "bob", owners: [node(2)]) { Self.root }
        #expect(shared.demand?.isAlone == nil)
        // Itself alone is nobody.
        #expect(try await tracker.note("w", by: node(1), "bob", owners: [node(1)]) { Self.root }.demand == nil)
    }
}
