import BoothDesk
import Foundation
import NIOCore
import OfficeCore
import OfficeTrust
import Testing

@testable import OfficePrinting

/// The endpoint with a folder in place of the office, and a clock that the test moves.
struct EndpointFixture {
    let desk: FolderDesk
    let endpoint: PrintEndpoint
    let time = TestTime()
    let folder: String
    let alice: EndpointCaller
    let cupsd: EndpointCaller

    final class TestTime: Sendable {
        private let start = ContinuousClock.now
        private let moved = MovedTime()
        func advance(_ more: Duration) { moved.add(more) }
        var now: ContinuousClock.Instant { start + moved.value }
    }

    init(limits: EndpointLimits = EndpointLimits(), isPatient: Bool = true) throws {
        folder = "/tmp/osbooth-\(JobID())"
        desk = try FolderDesk(
            folder: folder, node: BoothQueue.here, queues: [try BoothQueue.laser(), try BoothQueue.plain()],
            isPatient: isPatient)
        let time = time
        endpoint = PrintEndpoint(
            desk: desk, node: BoothQueue.here, limits: limits,
            clock: EndpointClock(wall: { Timestamp(seconds: 1_795_000_000) }, steady: { time.now }))
        alice = EndpointCaller(account: try UserName("alice"), speaksForOthers: false)
        cupsd = EndpointCaller(account: try UserName("lp"), speaksForOthers: true, isBackend: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// A request as a program makes it; `operation` may be one that nobody knows.
    static func message(
        _ operation: UInt16, queue: String = BoothQueue.laserName, _ attributes: [IPPAttribute] = [],
        job: [IPPAttribute]? = nil, user: String? = "alice"
    ) -> IPPMessage {
        var head = [
            IPPAttribute("attributes-charset", .charset("utf-8")),
            IPPAttribute("attributes-natural-language", .language("en")),
            IPPAttribute("printer-uri", .uri("ipp://localhost:8631/printers/\(queue)")),
        ]
        if let user { head.append(IPPAttribute("requesting-user-name", .name(user))) }
        let groups = [IPPGroup(.operation, head + attributes)] + (job.map { [IPPGroup(.job, $0)] } ?? [])
        return IPPMessage(code: operation, requestID: 7, groups: groups)
    }

    func ask(
        _ message: IPPMessage, document: String? = nil, as caller: EndpointCaller? = nil,
        queue: String = BoothQueue.laserName
    ) async -> IPPMessage {
        await endpoint.answer(
            EndpointRequest(
                message: message, document: document.map { Self.stream([$0]) }, caller: caller ?? alice,
                queueName: queue, authority: "localhost:8631"))
    }

    func ask(
        _ operation: IPPOperation, _ attributes: [IPPAttribute] = [], job: [IPPAttribute]? = nil,
        document: String? = nil, as caller: EndpointCaller? = nil, user: String? = "alice"
    ) async -> IPPMessage {
        await ask(
            Self.message(operation.rawValue, attributes, job: job, user: user), document: document, as: caller)
    }

    static func stream(_ pieces: [String]) -> EndpointRequest.Document {
        AsyncThrowingStream<ByteBuffer, any Error> { stream in
            for piece in pieces { stream.yield(ByteBuffer(string: piece)) }
            stream.finish()
        }
    }

    static func number(_ answer: IPPMessage) throws -> Int32 { try #require(answer[.job].named("job-id")?.number) }
}

final class MovedTime: @unchecked Sendable {
    // Guarded by the lock.
    private var moved = Duration.zero
    private let lock = NSLock()
    func add(_ more: Duration) { lock.withLock { moved += more } }
    var value: Duration { lock.withLock { moved } }
}

extension [IPPAttribute] {
    func named(_ name: String) -> IPPAttribute? { first { $0.name == name } }
}

extension IPPMessage {
    var status: IPPStatus? { IPPStatus(rawValue: code) }
    var state: Int32? { self[.job].named("job-state")?.number }
}

@Suite("The IPP endpoint") struct EndpointTests {
    private func with(
        limits: EndpointLimits = EndpointLimits(), isPatient: Bool = true,
        _ body: (EndpointFixture) async throws -> Void
    ) async throws {
        let fixture = try EndpointFixture(limits: limits, isPatient: isPatient)
        defer { fixture.remove() }
        try await body(fixture)
    }

    // MARK: Form (RFC 8011, section 4.1)

    @Test(
        "What is misformed is a bad request",
        arguments: [
            "request-id", "no attributes", "no language", "misordered", "two charsets", "no printer-uri",
            "twice the same", "job group first", "two operation groups", "printer-uri is text",
        ])
    func misformed(_ fault: String) async throws {
        try await with { booth in
            var message = EndpointFixture.message(IPPOperation.getPrinterAttributes.rawValue)
            switch fault {
            case "request-id": message.requestID = 0
            case "no attributes": message.groups = []
            case "no language": message.groups[0].attributes.remove(at: 1)
            case "misordered": message.groups[0].attributes.swapAt(0, 1)
            case "two charsets": message.groups[0].attributes[0].values.append(.charset("utf-8"))
            case "no printer-uri": message.groups[0].attributes.remove(at: 2)
            case "twice the same": message.groups[0].attributes.append(message.groups[0].attributes[2])
            case "job group first": message.groups.insert(IPPGroup(.job, [IPPAttribute("copies", .integer(1))]), at: 0)
            case "two operation groups": message.groups.append(message.groups[0])
            default: message.groups[0].attributes[2].values = [.text("ipp://localhost/printers/pc1_laser")]
            }
            let answer = await booth.ask(message)
            #expect(answer.status == .badRequest)
            #expect(answer.requestID == message.requestID && answer[.printer].isEmpty)
            #expect(answer[.operation].map(\.name).prefix(2) == ["attributes-charset", "attributes-natural-language"])
        }
    }

    @Test("Versions, charsets, operations and queues that aren't known are told apart")
    func unknown() async throws {
        try await with { booth in
            var message = EndpointFixture.message(IPPOperation.getPrinterAttributes.rawValue)
            for (major, minor, status, answered) in [
                (0, 0, IPPStatus.versionNotSupported, (1, 1)), (3, 0, .versionNotSupported, (2, 0)),
                (1, 0, .ok, (1, 0)), (1, 1, .ok, (1, 1)), (2, 0, .ok, (2, 0)), (2, 2, .ok, (2, 0)),
            ] as [(UInt8, UInt8, IPPStatus, (UInt8, UInt8))] {
                message.version = .init(major, minor)
                let answer = await booth.ask(message)
                #expect(answer.status == status && answer.version == .init(answered.0, answered.1))
            }
            message = EndpointFixture.message(IPPOperation.getPrinterAttributes.rawValue)
            message.groups[0].attributes[0] = IPPAttribute("attributes-charset", .charset("iso-8859-1"))
            #expect(await booth.ask(message).status == .charsetNotSupported)
            for operation in [0, 0x0003, 0x0007, 0x000E, 0x0010, 0x0011, 0x0012, 0x4001, 0x4003, 0x4008, 0xFFFF] {
                let answer = await booth.ask(EndpointFixture.message(UInt16(operation)))
                #expect(answer.status == .operationNotSupported)
            }
            let elsewhere = EndpointFixture.message(IPPOperation.getPrinterAttributes.rawValue, queue: "pc9_none")
            #expect(await booth.ask(elsewhere, queue: "pc9_none").status == .notFound)
            // A backend that is told so stops its queue for good.
            #expect(await booth.ask(elsewhere, as: booth.cupsd, queue: "pc9_none").status == .serviceUnavailable)
            #expect(await booth.ask(elsewhere).status == .badRequest, "the path names another queue")
        }
    }

    // MARK: The printer

    @Test("Attributes come by name and by group, the long ones only by name")
    func requestedAttributes() async throws {
        try await with { booth in
            func names(_ requested: String...) async -> Set<String> {
                let wanted = IPPAttribute("requested-attributes", requested.map { .keyword($0) })
                return Set(await booth.ask(.getPrinterAttributes, [wanted])[.printer].map(\.name))
            }
            #expect(await names("printer-name", "nothing-known") == ["printer-name"])
            #expect(await names("media-col-database") == ["media-col-database"])
            let (all, template) = (await names("all"), await names("job-template"))
            let description = await names("printer-description")
            #expect(all == template.union(description) && template.isDisjoint(with: description))
            #expect(!all.contains("media-col-database") && template.contains("sides-supported"))
            #expect(description.contains("printer-uuid") && !description.contains("copies-supported"))
        }
    }

    @Test("An owner that is away is told, and stops nothing")
    func away() async throws {
        try await with { booth in
            await booth.desk.set(try BoothQueue.laser(isOnline: false))
            let printer = await booth.ask(.getPrinterAttributes)[.printer]
            #expect(printer.named("printer-state")?.number == 3)
            #expect(printer.named("printer-is-accepting-jobs")?.flag == true)
            #expect(printer.named("printer-state-reasons")?.texts == ["offline-report"])
            #expect(await booth.ask(.printJob, document: "%PDF").status == .ok)
        }
    }

    @Test("Paper is told with sizes; custom ones as a range; the UUID is the queue's here, not the printer's")
    func media() async throws {
        try await with { booth in
            let wanted = IPPAttribute(
                "requested-attributes",
                [.keyword("media-col-database"), .keyword("printer-uuid"), .keyword("media-supported")])
            let printer = await booth.ask(.getPrinterAttributes, [wanted])[.printer]
            let sizes = try #require(printer.named("media-col-database")).values.compactMap { value -> [IPPValue]? in
                guard case .collection(let members) = value,
                    case .collection(let size) = members.named("media-size")?
                        .values.first
                else { return nil }
                return size.flatMap(\.values)
            }
            #expect(sizes.contains([.integer(21_000), .integer(29_700)]))
            #expect(sizes.contains([.integer(21_590), .integer(27_940)]))
            #expect(sizes.contains([.range(7_620, 21_590), .range(12_700, 35_560)]))
            let uuid = try #require(printer.named("printer-uuid")?.text)
            #expect(uuid != (try BoothQueue.laser()).description.uuid)
            #expect((try? JobID(uuid)) != nil)
        }
    }

    @Test(
        "A name of paper is exact or none",
        arguments: [
            ("iso_a4_210x297mm", 21_000, 29_700), ("na_letter_8.5x11in", 21_590, 27_940),
            ("na_x_0.5x0.25in", 1_270, 635),
        ])
    func mediaSize(_ name: String, _ width: Int32, _ length: Int32) throws {
        let size = try #require(MediaSize(name))
        #expect(size.width == width && size.length == length)
    }

    @Test(
        "What is no name of paper",
        arguments: [
            "", "a4", "iso_a4", "iso_a4_210x297", "iso_a4_210x297cm", "iso_a4_-1x2mm", "iso_a4_1e9x2mm", "iso_a4_0x0mm",
            "iso_a4_210x297x3mm", "iso_A4_210x297mm", "evil_a4_210x297mm", "iso_a4_8.50x11in", "iso_a4_99999999x9mm",
            "iso_a 4_210x297mm", "iso_a4_nanxinfmm", "iso__1x1mm", "custom_.._1x1in",
        ])
    func noMediaSize(_ name: String) { #expect(MediaSize(name) == nil) }
}
