import OfficeCore
import OfficePrinting
import Testing

/// What travels with a job, what `print -o` understands, and what a queue is asked for before anything is sent.
@Suite struct JobAttributesTests {
    @Test func onlyKnownAttributesAreKeptAndOnlyWithGoodValues() {
        let kept = JobAttributes.kept(of: [
            IPPAttribute("copies", .integer(2)), IPPAttribute("copies", .integer(3)),
            IPPAttribute("sides", .keyword("seven-sided")), IPPAttribute("job-hold-until", .keyword("night")),
            IPPAttribute("document-uri", .uri("file:///etc/shadow")), IPPAttribute("media", .name("A4")),
            IPPAttribute("output-bin", .name("bin\u{1B}[0m")), IPPAttribute("print-quality", .integer(5)),
            IPPAttribute("page-ranges", [.range(1, 2), .range(0, 5), .range(9, 3), .range(5, .max)]),
            IPPAttribute("FoomaticRIPCommandLine", .keyword("id")),
            IPPAttribute("finishings", (0..<1_000).map { .enumeration($0) }),
            IPPAttribute(
                "media-col",
                .collection([
                    IPPAttribute(
                        "media-size",
                        .collection([
                            IPPAttribute("x-dimension", .integer(21_000)), IPPAttribute("y-dimension", .integer(-1)),
                        ])), IPPAttribute("media-type", .keyword("stationery")),
                    IPPAttribute("media-key", .keyword("x")),
                ])),
        ])
        #expect(
            kept == [
                IPPAttribute("copies", .integer(2)), IPPAttribute("media", .keyword("iso_a4_210x297mm")),
                IPPAttribute("print-quality", .enumeration(5)),
                IPPAttribute("page-ranges", [.range(1, 2), .range(5, .max)]),
                IPPAttribute("finishings", (3..<16).map { .enumeration($0) }),
                IPPAttribute(
                    "media-col",
                    .collection([
                        IPPAttribute("media-size", .collection([IPPAttribute("x-dimension", .integer(21_000))])),
                        IPPAttribute("media-type", .keyword("stationery")),
                    ])),
            ])
        #expect(JobAttributes.kept(of: kept) == kept)
    }

    @Test(arguments: [
        ("copies=3", IPPAttribute("copies", .integer(3))),
        ("sides=two-sided-long-edge", IPPAttribute("sides", .keyword("two-sided-long-edge"))),
        ("page-ranges=1-2,5,9-", IPPAttribute("page-ranges", [.range(1, 2), .range(5, 5), .range(9, .max)])),
        ("page-ranges=-3", IPPAttribute("page-ranges", .range(1, 3))),
        ("fit-to-page", IPPAttribute("fit-to-page", .boolean(true))),
        ("fit-to-page=false", IPPAttribute("fit-to-page", .boolean(false))),
        ("landscape", IPPAttribute("orientation-requested", .enumeration(4))),
        ("orientation-requested=landscape", IPPAttribute("orientation-requested", .enumeration(4))),
        ("print-quality=high", IPPAttribute("print-quality", .enumeration(5))),
        ("finishings=staple,20", IPPAttribute("finishings", [.enumeration(4), .enumeration(20)])),
        ("media=a4", IPPAttribute("media", .keyword("iso_a4_210x297mm"))),
        ("PageSize=Letter", IPPAttribute("media", .keyword("na_letter_8.5x11in"))),
        ("Duplex=DuplexNoTumble", IPPAttribute("sides", .keyword("two-sided-long-edge"))),
        ("ColorModel=Gray", IPPAttribute("print-color-mode", .keyword("monochrome"))),
        ("printer-resolution=600dpi", IPPAttribute("printer-resolution", .resolution(600, 600, .perInch))),
        ("printer-resolution=1200x600dpi", IPPAttribute("printer-resolution", .resolution(1_200, 600, .perInch))),
    ])
    func optionsAreRead(_ option: String, _ attribute: IPPAttribute) throws {
        #expect(try JobAttributes.parse(option: option) == attribute)
    }

    @Test(arguments: [
        "", "=", "copies", "copies=", "copies=0", "copies=x", "copies=1,2", "copies=99999999999", "sides=both",
        "page-ranges=5-2", "page-ranges=1-2-3", "page-ranges=-", "page-ranges=,", "media-col={}",
        "job-hold-until=night",
        "printer-resolution=dpi", "printer-resolution=xdpi", "print-quality=7", "fit-to-page=perhaps",
        "output-bin=$(id)",
    ])
    func badOptionsAreRefused(_ option: String) {
        #expect { try JobAttributes.parse(option: option) } throws: { ($0 as? OfficeError)?.code == .usage }
    }

    @Test(
        arguments: [
            ("fitplot", "fit-to-page"), ("Resolution=600dpi", "printer-resolution"),
            ("collate=true", "multiple-document-handling"), ("Collate=False", "multiple-document-handling"),
            ("Duplex=DuplexNoTumble", "sides"),
        ])
    func whatLPTakesIsTaken(_ option: String, _ name: String) throws {
        #expect(try JobAttributes.parse(option: option).name == name)
    }

    @Test func whatIsMisspeltIsGuessed() {
        #expect { try JobAttributes.parse(option: "side=one-sided") } throws: {
            ($0 as? OfficeError)?.mend == "Do you mean 'sides'?"
        }
    }

    private func queue() throws -> QueueDescription {
        QueueDescription(
            name: try Label("laser"), media: ["iso_a4_210x297mm", "iso_a5_148x210mm", "na_letter_8.5x11in"],
            mediaTypes: ["stationery"], colorModes: ["monochrome"], qualities: [4],
            resolutions: [.init(x: 600, y: 600)], mostCopies: 9)
    }

    @Test(
        arguments: [
            ("copies=9", nil), ("copies=10", "makes no more than 9 copies"), ("sides=one-sided", nil),
            ("sides=two-sided-long-edge", "It can do: one-sided."), ("media=A4", nil), ("media=letter", nil),
            ("media=A3", "media=A3: 'laser' has no such paper. It can do: A4, Letter, A5."),
            ("media=napkin", "knows no such paper"), ("print-color-mode=color", "prints no colours"),
            ("print-color-mode=monochrome", nil), ("print-color-mode=auto", nil),
            ("print-color-mode=highlight", "It can do: monochrome."), ("print-quality=high", "It can do: normal."),
            ("printer-resolution=300dpi", "It can do: 600x600dpi."), ("output-bin=face-up", nil),
            ("custom_x_210x297mm", nil), ("media=A44", "It can do: A4, A5, Letter."), ("number-up=4", nil),
            ("number-up=3", "It can do: 2, 4, 1, 6, 9, …"),
        ] as [(String, String?)])
    func aQueueIsAskedForWhatItCanDo(_ option: String, _ why: String?) throws {
        let option = option.contains("=") ? option : "media=\(option)"
        let attribute = try JobAttributes.parse(option: option)
        let queue = try queue()
        do throws(OfficeError) {
            try JobAttributes.check([attribute], against: queue)
            #expect(why == nil)
        } catch {
            #expect(error.code == .usage)
            #expect(why.map { error.description.contains($0) } == true, "\(error)")
        }
    }

    @Test func customSizesAndCutListsAllowWhatTheyMay() throws {
        var queue = try queue()
        queue.media += ["custom_min_76.2x127mm", "custom_max_215.9x355.6mm"]
        let odd = [IPPAttribute("media", .keyword("custom_x_100x200mm"))]
        let large = [IPPAttribute("media", .keyword("iso_a3_297x420mm"))]
        try JobAttributes.check(odd, against: queue)
        #expect(throws: OfficeError.self) { try JobAttributes.check(large, against: queue) }
        queue.media = (0..<Sanitizer.mostMedia).map { "custom_x_\(100 + $0)x300mm" }
        try JobAttributes.check(large, against: queue)
    }

    @Test(
        arguments: [
            ("A4", "iso_a4_210x297mm"), ("a4", "iso_a4_210x297mm"), ("iso-a4", "iso_a4_210x297mm"),
            ("Letter", "na_letter_8.5x11in"), ("LETTER", "na_letter_8.5x11in"), ("na-legal", "na_legal_8.5x14in"),
            ("legal", "na_legal_8.5x14in"), ("a3", "iso_a3_297x420mm"), ("iso_a4_210x297mm", "iso_a4_210x297mm"),
            ("Custom.100x200mm", "custom_100x200mm_100x200mm"), ("4x6in", "oe_4x6in_4x6in"),
            ("napkin", nil), ("", nil), ("$(id)", nil), ("iso_a4", nil),
        ] as [(String, String?)])
    func mediaHaveOneName(_ given: String, _ name: String?) { #expect(Media.name(of: given) == name) }

    @Test func mediaAreShownByTheNamePeopleUse() {
        #expect(Media.commonName(of: "iso_a4_210x297mm") == "A4")
        #expect(Media.commonName(of: "na_letter_8.5x11in") == "Letter")
        #expect(Media.commonName(of: "custom_x_100x200mm") == "custom_x_100x200mm")
    }
}
