import OfficeCore
import OfficePrinting
import Testing

/// Whatever is told of a queue, only what is known and harmless gets through.
@Suite struct SanitizerTests {
    private let good: QueueDescription

    init() throws {
        good = QueueDescription(
            name: try Label("laser"), info: "Laser on the 1st floor", model: "HP LaserJet 4", location: "Zürich, 東京",
            state: .processing, reasons: ["media-jam-error"], stateMessage: "Paper jam", jobs: 3, color: true,
            formats: ["application/pdf", "image/pwg-raster"], media: ["iso_a4_210x297mm", "na_letter_8.5x11in"],
            mediaDefault: "iso_a4_210x297mm", mediaReady: ["iso_a4_210x297mm"], mediaSources: ["tray-1", "Tray2"],
            mediaTypes: ["stationery"], sides: ["one-sided", "two-sided-long-edge"], sidesDefault: "one-sided",
            colorModes: ["color", "monochrome"], qualities: [3, 4, 5], resolutions: [.init(x: 600, y: 600)],
            outputBins: ["face-down"], finishings: [3, 4], mostCopies: 99, pagesPerMinute: 20,
            uuid: "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            jobSheets: ["none", "standard"])
    }

    @Test func whatIsGoodIsNotChanged() { #expect(Sanitizer.sanitized(good) == good) }

    @Test func textIsOneHarmlessLine() {
        #expect(Sanitizer.text("\u{1B}]0;owned\u{7}  a\r\n\tb \u{202E}c\u{0}\u{9B}31m ") == "]0;owned a b c31m")
        #expect(Sanitizer.text("\u{1B}\u{7}\n \u{2028}") == nil)
        #expect(
            Sanitizer.text("*cupsFilter2: \"x\"\n*FoomaticRIPCommandLine")
                == "*cupsFilter2: \"x\" *FoomaticRIPCommandLine")
        // Cut between characters, and quickly.
        #expect(Sanitizer.text(String(repeating: "ü", count: 1_000_000)) == String(repeating: "ü", count: 63))
        #expect(Sanitizer.text(String(repeating: " ", count: 1_000_000) + "x") == nil)
    }

    @Test(arguments: [
        "", "-o", "--help", "a b", "a;rm -rf /", "$(reboot)", "`id`", "a\nb", "../../etc/passwd", "a=b", "ü", "a/b",
        "a\"b", "a'b", "a|b", "\u{1B}[0m", String(repeating: "a", count: 128),
    ])
    func keywordsAreKeywords(_ bad: String) {
        #expect(Sanitizer.keyword(bad) == nil)
        #expect(Sanitizer.mimeType("application/\(bad)") == nil || bad == "a'b")
    }

    @Test func hostileDescriptionsAreTamed() {
        let evil = ["\u{1B}[2J", "$(reboot)", "--flag", "a\nb", "none", "ok-1"]
        var told = good
        told.info = "\u{1B}[31m" + String(repeating: "x", count: 100_000)
        told.model = "\u{0}\n"
        told.reasons = evil + (0..<100_000).map { "reason-\($0)" }
        told.stateMessage = String(repeating: "m\n", count: 100_000)
        told.jobs = .min
        told.formats = ["application/pdf", "application/vnd.cups-postscript;x=$(id)", "../../x", "text"]
        told.media =
            ["iso_a4_210x297mm", "A4", "x_$(id)_1x1mm", "a_b_0x0mm", "a_b_-1x5mm", "iso_a4_210x297mm"]
            + (100..<5_000).map { "custom_x_\($0)x300mm" }
        told.mediaDefault = "; rm -rf"
        told.mediaSources = evil
        told.jobSheets = evil
        told.sides = ["two-sided-long-edge", "seven-sided"]
        told.sidesDefault = "one-sided"
        told.qualities = [.min, 4, 9]
        told.resolutions = [.init(x: 0, y: 600), .init(x: .max, y: 1), .init(x: 300, y: 300)]
        told.finishings = [-1, 3, .max]
        told.mostCopies = .max
        told.pagesPerMinute = -5
        told.uuid = "urn:uuid:../../etc/passwd"
        let made = Sanitizer.sanitized(told)
        #expect(made.info?.utf8.count == 127 && made.info?.contains("\u{1B}") == false)
        #expect(made.model == nil)
        #expect(made.reasons.first == "ok-1" && made.reasons.count == Sanitizer.mostValues)
        #expect(made.stateMessage?.utf8.count ?? 0 <= 255)
        #expect(made.jobs == 0)
        #expect(made.formats == ["application/pdf"])
        #expect(made.media.count == Sanitizer.mostMedia)
        #expect(made.media.prefix(2) == ["iso_a4_210x297mm", "custom_x_100x300mm"])
        #expect(made.mediaDefault == nil)
        #expect(made.mediaSources == ["none", "ok-1"])
        #expect(made.jobSheets == ["none", "ok-1"])
        #expect(made.sides == ["two-sided-long-edge"] && made.sidesDefault == nil)
        #expect(made.qualities == [4])
        #expect(made.resolutions == [.init(x: 300, y: 300)])
        #expect(made.finishings == [3])
        #expect(made.mostCopies == 9_999 && made.pagesPerMinute == nil && made.uuid == nil)
        #expect(Sanitizer.sanitized(made) == made)
    }

    @Test func attributesOfAnySyntaxAreTold() throws {
        let group = IPPGroup(
            .printer,
            [
                IPPAttribute("printer-name", .name("laser")), IPPAttribute("printer-info", .integer(7)),
                IPPAttribute("printer-state", .text("idle")), IPPAttribute("media-supported", .outOfBand(.noValue)),
                IPPAttribute("copies-supported", .range(.min, .max)), IPPAttribute("color-supported", .integer(1)),
                IPPAttribute("printer-resolution-supported", [.resolution(-1, -1, .perInch), .keyword("x")]),
                IPPAttribute("sides-supported", []), IPPAttribute("device-uri", .uri("file:///etc/passwd")),
            ])
        let made = try #require(Sanitizer.description(of: group))
        #expect(made == QueueDescription(name: try Label("laser"), state: .stopped, accepting: false))
        #expect(Sanitizer.description(of: IPPGroup(.printer, [IPPAttribute("printer-name", .name("a\u{1B}b"))])) == nil)
        #expect(Sanitizer.description(of: IPPGroup(.printer)) == nil)
    }

    /// A queue without a PPD names all of CUPS's types, by the alphabet.
    @Test func whatPeoplePrintIsNotCutOff() {
        var told = good
        told.formats = (0..<80).map { "application/vnd.example-\($0)" } + ["image/jpeg", "text/plain"]
        let kept = Sanitizer.sanitized(told).formats
        #expect(kept.count == Sanitizer.mostValues && kept.contains("text/plain") && kept.contains("image/jpeg"))
        told.formats = kept
        #expect(Sanitizer.sanitized(told).formats == kept)
    }

    /// Every attribute with every kind of value, well meant or not: nothing crashes, and what comes out stays as it is.
    @Test func everyAttributeWithEverySyntax() throws {
        let values: [IPPValue] = [
            .integer(.min), .integer(.max), .boolean(true), .enumeration(-1), .range(.max, .min), .range(1, .max),
            .resolution(.min, 0, .perCentimeter), .resolution(600, 600, .perInch), .text(""), .keyword("--x"),
            .name("a\u{0}b\u{1B}[2J"), .uri("urn:uuid:x"), .mimeType("a/b/c"), .keyword("iso_a4_210x297mm"),
            .keyword("a_b_99999999999999999999x1mm"), .keyword("a_b_-1x-1in"), .keyword("_"), .keyword("custom_min_mm"),
            .string(.text, String(repeating: "\u{10FFFF}", count: 5_000), language: "x"), .dateTime([]), .octets([0]),
            .collection([IPPAttribute("media-size", .collection([IPPAttribute("x-dimension", .integer(-1))]))]),
            .outOfBand(.unknown), .other(0x7F),
        ]
        let names = [
            "printer-info", "printer-make-and-model", "printer-location", "printer-state", "printer-state-reasons",
            "printer-is-accepting-jobs", "printer-state-message", "queued-job-count", "color-supported",
            "document-format-supported", "media-supported", "media-default", "media-ready", "media-source-supported",
            "media-type-supported", "sides-supported", "sides-default", "print-color-mode-supported",
            "print-quality-supported", "printer-resolution-supported", "output-bin-supported", "finishings-supported",
            "copies-supported", "pages-per-minute", "printer-uuid",
        ]
        for values in values.map({ [$0] }) + [values, values + values] {
            let attributes = names.map { IPPAttribute($0, values) } + [IPPAttribute("printer-name", .name("laser"))]
            let made = try #require(Sanitizer.description(of: IPPGroup(.printer, attributes)))
            #expect(Sanitizer.sanitized(made) == made)
            let kept = JobAttributes.kept(of: JobAttributes.names.map { IPPAttribute($0, values) })
            #expect(JobAttributes.kept(of: kept) == kept)
            // What is kept can be written, and so sent.
            let message = IPPMessage(code: 5, groups: [IPPGroup(.job, kept)])
            #expect(throws: Never.self) { try IPPCodec.encode(message) }
        }
    }
}
