import BoothDesk
import OfficeCore
import OfficeTrust
import Testing

@testable import OfficePrinting

/// Whatever arrives, there is an answer that can be written, and nothing past the limits is kept.
@Suite("The IPP endpoint, misused") struct EndpointFuzzTests {
    private static let hostile = [
        "", "\u{0}", "\u{1B}]0;x\u{7}", "../../etc/passwd", "$(reboot)", "'; DROP TABLE jobs;--", "\u{202E}gnp.exe",
        String(repeating: "A", count: 1_023), "%s%s%n", "-d", "\r\nHost: evil", "\u{FEFF}", "*PPD-Adobe: \"4.3\"",
    ]

    private func message() -> IPPMessage {
        EndpointFixture.message(
            IPPOperation.printJob.rawValue,
            [
                IPPAttribute("job-name", .name("A title")),
                IPPAttribute("ipp-attribute-fidelity", .boolean(false)),
                IPPAttribute("document-format", .mimeType("application/pdf")),
                IPPAttribute("job-uuid", .uri("urn:uuid:00000000-0000-4000-8000-000000000001")),
            ],
            job: [
                IPPAttribute("copies", .integer(2)), IPPAttribute("sides", .keyword("one-sided")),
                IPPAttribute("page-ranges", .range(1, 2)),
                IPPAttribute("media-col", .collection([IPPAttribute("media-type", .keyword("stationery"))])),
            ])
    }

    @Test("Every byte of a request may be any other")
    func corrupted() async throws {
        let booth = try EndpointFixture()
        defer { booth.remove() }
        let bytes = try IPPCodec.encode(message())
        for place in bytes.indices {
            for change in [UInt8(0xFF), 0x80, 0x01, bytes[place]] {
                var corrupted = bytes
                corrupted[place] ^= change
                guard let decoded = try? IPPCodec.decode(corrupted) else { continue }
                let answer = await booth.ask(decoded.message, document: "%PDF")
                _ = try IPPCodec.encode(answer)
                #expect(answer.requestID == decoded.message.requestID)
            }
        }
        for record in await booth.desk.allRecords() {
            #expect(record.ticket.user == booth.alice.account)
            #expect(Set(record.ticket.attributes.map(\.name)).isSubset(of: JobTemplate.names))
        }
    }

    @Test("Hostile names reach nothing", arguments: hostile)
    func names(_ text: String) async throws {
        let booth = try EndpointFixture()
        defer { booth.remove() }
        for caller in [booth.alice, booth.cupsd] {
            for name in [
                "job-name", "requesting-user-name", "document-name", "document-format", "printer-uri", "job-uri",
            ] {
                var message = message()
                message.groups[0].attributes.removeAll { $0.name == name }
                message.groups[0].attributes.removeAll { $0.name == "job-uuid" }
                let value: IPPValue =
                    switch name {
                    case "document-format": .mimeType(text)
                    case "printer-uri", "job-uri": .uri(text)
                    default: .name(text)
                    }
                message.groups[0].attributes.append(IPPAttribute(name, value))
                _ = try IPPCodec.encode(await booth.ask(message, document: "%PDF", as: caller))
            }
            for name in JobTemplate.names {
                var message = message()
                message.groups[0].attributes.removeAll { $0.name == "job-uuid" }
                message.groups[1].attributes = [IPPAttribute(name, .keyword(text))]
                let answer = await booth.ask(message, document: "%PDF", as: caller)
                _ = try IPPCodec.encode(answer)
                #expect(name == "job-name" || answer[.unsupported].map(\.name) == [name])
            }
        }
        for record in await booth.desk.allRecords() {
            let texts = [record.ticket.title, record.ticket.user.description]
            #expect(texts.allSatisfy { $0 == $0.plain(atMost: 255) && !$0.isEmpty })
            #expect(record.ticket.format == "application/pdf" || record.ticket.format == "application/octet-stream")
        }
    }

    @Test("A hostile owner's words come out plain, and every answer can be written", arguments: hostile)
    func owner(_ text: String) async throws {
        let booth = try EndpointFixture()
        defer { booth.remove() }
        var queue = try BoothQueue.laser()
        queue.description.info = text
        queue.description.model = text + ";CMD:x;"
        queue.description.location = text
        queue.description.stateMessage = text
        queue.description.reasons = [text, "media-jam"]
        queue.description.media = [text, "iso_a4_210x297mm", "custom_min_1x1mm", "custom_max_0.5x0.5in"]
        queue.description.mediaDefault = text
        queue.description.mediaReady = [text]
        queue.description.mediaSources = [text]
        queue.description.mediaTypes = Array(repeating: text, count: 10_000)
        queue.description.sides = [text]
        queue.description.colorModes = [text]
        queue.description.outputBins = [text]
        queue.description.formats = [text, "a/b", "application/vnd.cups-raster"]
        queue.description.qualities = [-1, 99]
        queue.description.resolutions = [.init(x: -1, y: .max)]
        queue.description.finishings = [.min, 3, 4]
        queue.description.mostCopies = .min
        queue.description.pagesPerMinute = .min
        queue.description.jobs = .min
        await booth.desk.set(queue)
        let wanted = IPPAttribute("requested-attributes", [.keyword("all"), .keyword("media-col-database")])
        let answer = await booth.ask(.getPrinterAttributes, [wanted])
        let bytes = try IPPCodec.encode(answer)
        #expect(try IPPCodec.decode(bytes)?.message == answer)
        for attribute in answer[.printer] {
            #expect(attribute.texts.allSatisfy { $0 == $0.plain(atMost: 1_023) })
        }
        #expect(answer[.printer].named("printer-device-id")?.text?.split(separator: ";").count == 3)
        #expect(answer[.printer].named("copies-supported")?.values == [.range(1, 1)])
    }

    @Test("Users of any name are told apart or refused, never empty or long")
    func salvaged() {
        for text in Self.hostile + ["Ada Lovelace", "ÄÖ", "-x", ".", "a@b", String(repeating: "é", count: 100)] {
            let name = UserName(salvaging: text).description
            #expect(!name.isEmpty && name.utf8.count <= UserName.maximumLength && !name.contains("@"))
        }
        #expect(UserName(salvaging: "ada").description == "ada")
    }
}
