import OfficeCore
import OfficeTransfer
import OfficeTrust
import Testing

@testable import OfficeServer

/// A ticket lets one bearer read one content for a while, and nothing else.
struct ContentTicketTests {
    private static let root = ContentRoot(Digest256.of("content".utf8))
    private let origin: NodeIdentity
    private let bearer = NodeID(Digest256.of("bearer".utf8))

    init() throws { origin = try NodeIdentity() }

    private var key: BlockCache.Key { BlockCache.Key(origin: origin.id, root: Self.root) }

    private var ticket: ContentTicket {
        ContentTicket(
            origin: origin.id, root: Self.root, bearer: bearer, user: "bob", incarnation: "run", issued: 1_000_000)
    }

    private func refusal(
        _ key: BlockCache.Key? = nil, bearer: NodeID? = nil, user: String = "bob", now: Int64?
    ) -> String? {
        do throws(OfficeError) {
            try ticket.check(key ?? self.key, bearer: bearer ?? self.bearer, user: user, now: now)
            return nil
        } catch {
            return error.code == .notAllowed ? error.why : "\(error)"
        }
    }

    @Test func itLetsItsBearerIn() {
        for now in [1_000_000, 1_000_000 + ContentTicket.lifetime, 1_000_000 - ContentTicket.slack] {
            #expect(refusal(now: now) == nil)
        }
    }

    @Test func nobodyElseNorAnythingElse() throws {
        let other = NodeID(Digest256.of("other".utf8))
        #expect(refusal(bearer: other, now: 1_000_000) == "the ticket is another's")
        #expect(refusal(user: "alice", now: 1_000_000) == "the ticket is another's")
        #expect(refusal(user: "", now: 1_000_000) == "the ticket is another's")
        let content = ContentRoot(Digest256.of("else".utf8))
        for key in [BlockCache.Key(origin: origin.id, root: content), BlockCache.Key(origin: other, root: Self.root)] {
            #expect(refusal(key, now: 1_000_000) == "the ticket is for another content")
        }
    }

    @Test func itsTimeIsItsAuthorsRunningTime() {
        #expect(refusal(now: 1_000_001 + ContentTicket.lifetime) == "the ticket has expired")
        #expect(refusal(now: 999_999 - ContentTicket.slack) == "the ticket is not good yet")
        #expect(refusal(now: nil) == "the ticket is of a run of its author that isn't known here")
    }

    /// What says that it is good for longer than any is isn't.
    @Test func nobodyMakesItLast() throws {
        var long = ticket
        long.lifetime = ContentTicket.lifetime + 1
        #expect(throws: OfficeError.self) { try long.check(key, bearer: bearer, user: "bob", now: 1_000_000) }
    }

    @Test func onlyItsAuthorsSignatureCounts() throws {
        let sealed = try SealedTicket(ticket, by: origin)
        let sent = try #require(SealedTicket(header: sealed.header))
        #expect(sent == sealed && sent.ticket(by: origin.key) == ticket)
        let stranger = try NodeIdentity()
        #expect(sent.ticket(by: stranger.key) == nil)
        // Signed by another, in the origin's name.
        #expect(try SealedTicket(ticket, by: stranger).ticket(by: origin.key) == nil)
        #expect(try SealedTicket(ticket, by: stranger).ticket(by: stranger.key) == nil)
        for header in ["", ".", "AAAA", "????.AAAA", String(repeating: "A", count: 4096) + ".AAAA"] {
            #expect(SealedTicket(header: header) == nil)
        }
    }

    @Test func anAuthorsTimeIsReckonedFromWhatItTold() {
        let clocks = OriginClocks()
        #expect(clocks.now(of: origin.id, incarnation: "run") == nil)
        clocks.told(5000, incarnation: "run", by: origin.id, sent: .now)
        #expect((5000...15_000).contains(clocks.now(of: origin.id, incarnation: "run") ?? 0))
        #expect(clocks.now(of: origin.id, incarnation: "before") == nil)
    }
}
