import Foundation
import Logging
import OfficeCore
import OfficeTransfer
import OfficeTrust
import Testing

@testable import OfficeServer

/// Deliveries without a network: what is taken in, what is refused, and what is kept over a restart.
@Suite("Deliveries")
struct DeliveryTests {
    /// A node's boxes in a folder of their own, as the daemon has them.
    struct Boxes {
        let identity: NodeIdentity
        let outbox: Outbox
        let inbox: Inbox

        init(
            at path: String, identity: NodeIdentity, accept: [String] = ["members"],
            outbox outLimits: DeliveryLimits = .small, inbox inLimits: DeliveryLimits = .small
        ) async throws {
            self.identity = identity
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let store = DeliveryStore(database: try Database(at: path + "/db.sqlite"))
            let pool = WorkPool(threads: 1, syncThreads: 1)
            outbox = try await Outbox(
                store: store, spool: try await ContentSpool(at: path + "/outbox", pool: pool), limits: outLimits,
                cache: MemoryHashCache(), logger: Logger(label: "test"), changed: { _ in }, hasWork: { _ in })
            inbox = try await Inbox(
                identity: identity, store: store, spool: try await ContentSpool(at: path + "/inbox", pool: pool),
                rule: AcceptRule(principals: accept, mostBytes: 100), limits: inLimits, logger: Logger(label: "test"),
                changed: { _ in }, hasWork: { _ in })
        }
    }

    private func inFolder(_ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    private static let sender = NodeID(Digest256.of([1]))
    private static let other = NodeID(Digest256.of([2]))

    private static func offer(_ name: String = "file", size: Int64 = 10, to: String? = nil) throws -> DeliveryOffer {
        DeliveryOffer(
            id: DeliveryID(), attempt: 1, name: try RelativePath(parsing: name), size: size,
            root: ContentRoot(Digest256.of([3])), user: try UserName("alice"), to: try to.map { try UserName($0) })
    }

    // MARK: Offers

    @Test(
        "whose name is no file's are refused at the edge",
        arguments: [
            "..", ".", "", "a/b", "/etc/passwd", "../x", "a%00b", "%2e%2e", "%2Fetc", ".officeshare-x", "a%2fb",
            String(repeating: "n", count: 256),
        ])
    func names(_ name: String) throws {
        let json = """
            {"id":"\(DeliveryID())","attempt":1,"name":"\(name)","size":1,"root":"\(String(repeating: "0", count: 64))",
            "user":"alice"}
            """
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(DeliveryOffer.self, from: Data(json.utf8)).check()
        }
    }

    @Test("with figures that can't be right are refused")
    func figures() throws {
        var offer = try Self.offer()
        #expect(throws: Never.self) { try offer.check() }
        for size in [-1, Int64.max] {
            offer.size = size
            #expect(throws: OfficeError.self) { try offer.check() }
        }
        offer.size = 0
        offer.attempt = 0
        #expect(throws: OfficeError.self) { try offer.check() }
    }

    @Test("are taken in by the rule, or ask")
    func rule() throws {
        func decide(_ principals: [String], size: Int64 = 10) throws -> AcceptRule.Decision {
            AcceptRule(principals: principals, mostBytes: 10).decision(
                on: try Self.offer(size: size), from: Self.sender, in: nil)
        }
        #expect(try decide(["members"]) == .accept)
        #expect(try decide(["members"], size: 11) == .ask)
        #expect(try decide([]) == .ask)
        #expect(try decide(["ask"]) == .ask)
        #expect(try decide(["pc1", "bob@pc1"]) == .ask)
    }

    @Test("beyond a limit wait at their sender, and come when there is room")
    func limits() async throws {
        try await inFolder { path in
            let inbox = try await Boxes(at: path, identity: NodeIdentity()).inbox
            // In bytes: full to the last, and one more.
            let first = try await inbox.take(try Self.offer(size: 90), from: Self.sender, in: nil)
            #expect(first.state == .moving)
            await #expect(throws: OfficeError.self) {
                try await inbox.take(try Self.offer(size: 11), from: Self.sender, in: nil)
            }
            #expect(try await inbox.take(try Self.offer(size: 10), from: Self.sender, in: nil).state == .moving)
            // In number, of one node and in all; offers that ask count as well.
            #expect(try await inbox.take(try Self.offer(size: 0), from: Self.sender, in: nil).state == .moving)
            await #expect(throws: OfficeError.self) {
                try await inbox.take(try Self.offer(size: 0), from: Self.sender, in: nil)
            }
            #expect(try await inbox.take(try Self.offer(size: 0), from: Self.other, in: nil).state == .moving)
            await #expect(throws: OfficeError.self) {
                try await inbox.take(try Self.offer(size: 0), from: Self.other, in: nil)
            }
            // What can never be taken is rejected for good, and not remembered.
            let never = try await inbox.take(try Self.offer(size: 101), from: Self.other, in: nil)
            #expect(never.state == .rejected)
            let nobody = try await inbox.take(try Self.offer(to: "no-such-user"), from: Self.other, in: nil)
            #expect(nobody.state == .rejected)
            _ = try await inbox.reject(first.id, by: try UserName("bob"))
            #expect(try await inbox.take(try Self.offer(size: 11), from: Self.other, in: nil).state == .moving)
        }
    }

    @Test("are one delivery however often they come, and nobody else's")
    func repeated() async throws {
        try await inFolder { path in
            let identity = try NodeIdentity()
            var boxes = try await Boxes(at: path, identity: identity)
            var offer = try Self.offer()
            let first = try await boxes.inbox.take(offer, from: Self.sender, in: nil)
            #expect(try await boxes.inbox.take(offer, from: Self.sender, in: nil) == first)
            await #expect(throws: OfficeError.self) { try await boxes.inbox.take(offer, from: Self.other, in: nil) }
            var forged = offer
            forged.size += 1
            let wrong = forged
            await #expect(throws: OfficeError.self) { try await boxes.inbox.take(wrong, from: Self.sender, in: nil) }
            // Here, signed for; known after a start; and the next attempt finds that its content is gone.
            let report = try #require(try await boxes.inbox.fetched(offer.id, size: nil, but: nil))
            #expect(report.receipt?.isValid(for: offer.id, offer.root, by: identity.key) == true)
            #expect(report.receipt?.isValid(for: DeliveryID(), offer.root, by: identity.key) == false)
            #expect(report.receipt?.isValid(for: offer.id, offer.root, by: try NodeIdentity().key) == false)
            boxes = try await Boxes(at: path, identity: identity)
            #expect(try await boxes.inbox.take(offer, from: Self.sender, in: nil) == report)
            offer.attempt = 2
            #expect(try await boxes.inbox.take(offer, from: Self.sender, in: nil).state == .moving)
            #expect(await boxes.inbox.all.count == 1)
        }
    }

    // MARK: The outbox

    private func draft(size: Int64, to node: NodeID = other) throws -> OutgoingDelivery {
        OutgoingDelivery(
            id: DeliveryID(), content: DeliveryID(), name: try RelativePath(parsing: "file"), size: size, root: nil,
            user: try UserName("alice"), to: node, errand: .send(to: nil), created: .now)
    }

    /// Sends a file as the command line does, without the command line.
    private func send(_ draft: OutgoingDelivery, _ text: String, in boxes: Boxes, at path: String) async throws {
        try await boxes.outbox.open([draft], size: draft.size, by: draft.user)
        try Data(text.utf8).write(to: URL(filePath: "\(path)/outbox/\(draft.content)/file"))
        _ = try await boxes.outbox.seal(draft.content, by: draft.user)
    }

    @Test("keeps what it acknowledged, serves it to its receiver alone, and takes no forged receipt")
    func outbox() async throws {
        try await inFolder { path in
            let (identity, receiver) = (try NodeIdentity(), try NodeIdentity())
            var boxes = try await Boxes(at: path, identity: identity)
            let draft = try self.draft(size: 5, to: receiver.id)
            try await send(draft, "hello", in: boxes, at: path)
            let opened = try self.draft(size: 5)
            try await boxes.outbox.open([opened], size: 5, by: opened.user)
            // A start: what was only opened left nothing.
            boxes = try await Boxes(at: path, identity: identity)
            #expect(await boxes.outbox.all.map(\.id) == [draft.id])
            #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/outbox") == ["\(draft.content)"])
            await #expect(throws: OfficeError.self) { try await boxes.outbox.folder(of: draft.id, for: Self.other) }
            await #expect(throws: OfficeError.self) { try await boxes.outbox.enter(draft.content, by: draft.user) }
            _ = try await boxes.outbox.folder(of: draft.id, for: receiver.id)
            let root = try #require(await boxes.outbox[draft.id]?.root)
            var report = DeliveryReport(id: draft.id, attempt: 1, state: .delivered)
            for forger in [nil, identity] {
                report.receipt = try forger.map { try Receipt(of: draft.id, root, by: $0) }
                let forged = report
                await #expect(throws: OfficeError.self) {
                    try await boxes.outbox.told(forged, by: receiver.id, key: receiver.key)
                }
            }
            report.receipt = try Receipt(of: draft.id, root, by: receiver)
            try await boxes.outbox.told(report, by: receiver.id, key: receiver.key)
            #expect(await boxes.outbox[draft.id]?.state == .delivered)
            #expect(try await boxes.outbox.resend(draft.id, force: false).attempt == 2)
        }
    }

    @Test("is full at its limits and not before; what is only kept makes room")
    func outboxLimits() async throws {
        try await inFolder { path in
            let receiver = try NodeIdentity()
            let boxes = try await Boxes(at: path, identity: try NodeIdentity())
            let first = try draft(size: 60, to: receiver.id)
            try await send(first, String(repeating: "x", count: 60), in: boxes, at: path)
            try await send(try draft(size: 40), String(repeating: "y", count: 40), in: boxes, at: path)
            let over = try draft(size: 1)
            await #expect(throws: OfficeError.self) { try await boxes.outbox.open([over], size: 1, by: over.user) }
            let root = try #require(await boxes.outbox[first.id]?.root)
            let report = DeliveryReport(
                id: first.id, attempt: 1, state: .delivered, receipt: try Receipt(of: first.id, root, by: receiver))
            try await boxes.outbox.told(report, by: receiver.id, key: receiver.key)
            #expect(await boxes.outbox[first.id]?.isKept == true)
            try await boxes.outbox.open([over], size: 1, by: over.user)
            #expect(await boxes.outbox[first.id]?.isKept == false)
            await #expect(throws: OfficeError.self) { try await boxes.outbox.resend(first.id, force: false) }
            // More than was announced.
            await #expect(throws: OfficeError.self) { try await boxes.outbox.count(1 << 30, for: over.content) }
        }
    }

    // MARK: How far

    @Test func howFarAReceiverIsIsWhatItSays() {
        var (standing, now) = (DeliveryStanding(), ContinuousClock.now)
        #expect(standing.bytes == 0 && standing.rate(at: now) == 0)
        standing.note(50_000, at: now)
        #expect(standing.bytes == 50_000 && standing.rate(at: now) == 0)
        now += .seconds(2)
        standing.note(70_000, at: now)
        #expect(standing.bytes == 70_000 && standing.rate(at: now) == 10_000)
        #expect(standing.rate(at: now + .seconds(6)) == 0)
    }

    // MARK: A disk that changes what is sent

    @Test(arguments: [false, true]) func whatIsSaidToBeDamagedIsReadAgain(_ isSo: Bool) async throws {
        try await inFolder { path in
            let receiver = try NodeIdentity()
            let boxes = try await Boxes(at: path, identity: try NodeIdentity())
            let draft = try draft(size: 60, to: receiver.id)
            try await send(draft, String(repeating: "x", count: 60), in: boxes, at: path)
            let file = "\(path)/outbox/\(draft.content)/\(draft.name)"
            if isSo { try String(repeating: "y", count: 60).write(toFile: file, atomically: false, encoding: .utf8) }
            let report = DeliveryReport(id: draft.id, attempt: 1, state: .moving, damaged: true)
            try await boxes.outbox.told(report, by: receiver.id, key: receiver.key)
            let record = try #require(await boxes.outbox[draft.id])
            #expect((record.state == .rejected) == isSo && record.isKept == !isSo)
            #expect(record.reason?.contains("send the file again") == (isSo ? true : nil))
        }
    }
}

extension DeliveryLimits {
    /// Four deliveries, three of one node, a hundred bytes.
    fileprivate static var small: DeliveryLimits {
        DeliveryLimits(
            deliveries: 4, deliveriesPerNode: 3, bytes: 100, retentionSeconds: 3600, retainedBytes: 100)
    }
}
