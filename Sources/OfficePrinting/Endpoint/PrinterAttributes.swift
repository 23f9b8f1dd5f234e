import Crypto
import OfficeCore

/// A queue as an IPP Everywhere printer (PWG 5100.14), answered from memory: whether its owner is there or not, a print
/// dialogue has what it needs at once.
struct PrinterAttributes: Sendable {
    /// An eighth of an inch and a bit on each side, what the commonest printers can't print on. The owner's CUPS fits
    /// pages to its own.
    private static let margin: Int32 = 423

    let queue: DeskQueue
    let can: QueueCapabilities
    let authority: String
    let limits: EndpointLimits
    let changes: ChangeTimes
    let now: Timestamp
    let jobCount: Int

    private var uri: String { EndpointURI.printer(queue.localName, at: authority) }
    private var page: String { EndpointURI.printer(queue.localName, at: authority, scheme: "http") }

    static func size(_ width: Int32, _ length: Int32) -> IPPAttribute {
        IPPAttribute(
            "media-size",
            .collection([
                IPPAttribute("x-dimension", .integer(width)), IPPAttribute("y-dimension", .integer(length)),
            ]))
    }

    // MARK: Of jobs

    /// What jobs may ask for (`job-template`).
    var template: [IPPAttribute] {
        [
            number("copies-default", 1), IPPAttribute("copies-supported", .range(1, can.mostCopies)),
            enumeration("finishings-default", [3]), enumeration("finishings-supported", can.finishings),
            keywords("job-hold-until-default", ["no-hold"]),
            keywords("job-hold-until-supported", ["no-hold", "indefinite"]),
            keywords("job-sheets-default", ["none"]), keywords("job-sheets-supported", can.sheets),
            keywords("multiple-document-handling-default", Array(QueueCapabilities.handlings.prefix(1))),
            keywords("multiple-document-handling-supported", QueueCapabilities.handlings),
            number("number-up-default", 1),
            IPPAttribute("number-up-supported", QueueCapabilities.numbersUp.map { .integer($0) }),
            IPPAttribute("orientation-requested-default", .outOfBand(.noValue)),
            enumeration("orientation-requested-supported", Array(QueueCapabilities.orientations)),
            keywords("output-bin-default", Array(can.bins.prefix(1))), keywords("output-bin-supported", can.bins),
            keywords("overrides-supported", ["document-number", "document-numbers", "pages"]),
            flag("page-ranges-supported", true),
            keywords("print-color-mode-default", [can.colorModeDefault]),
            keywords("print-color-mode-supported", can.colorModes),
            keywords("print-content-optimize-default", ["auto"]),
            keywords("print-content-optimize-supported", ["auto"]),
            enumeration("print-quality-default", [can.qualities.contains(4) ? 4 : can.qualities[0]]),
            enumeration("print-quality-supported", can.qualities),
            keywords("print-rendering-intent-default", ["auto"]),
            keywords("print-rendering-intent-supported", ["auto"]), keywords("print-scaling-default", ["auto"]),
            keywords("print-scaling-supported", QueueCapabilities.scalings),
            resolutions("printer-resolution-default", can.resolutions.prefix(1)),
            resolutions("printer-resolution-supported", can.resolutions[...]),
            keywords("sides-default", [can.sidesDefault]), keywords("sides-supported", can.sides),
        ] + media
    }

    private var media: [IPPAttribute] {
        let members = ["media-size", "media-size-name", "media-source", "media-type"] + JobTemplate.margins
        let sizes = can.sizes.map { size in IPPValue.collection(Self.size(size.width, size.length).members) }
        let bounds = can.customSizes.map { [$0.least.name, $0.most.name] } ?? []
        return [
            keywords("media-default", [can.defaultSize.name]),
            keywords("media-supported", can.sizes.map(\.name) + bounds),
            keywords("media-ready", can.readySizes.map(\.name)),
            IPPAttribute("media-col-default", collection(of: can.defaultSize)),
            IPPAttribute("media-col-ready", can.readySizes.map(collection(of:))),
            keywords("media-col-supported", members),
            IPPAttribute("media-size-supported", sizes + [customSize].compactMap { $0 }),
            keywords("media-source-supported", can.sources), keywords("media-type-supported", can.types),
        ] + JobTemplate.margins.map { number("\($0)-supported", Self.margin) }
    }

    /// Answered only to who asks for it by name: it is long.
    var database: IPPAttribute {
        var entries = can.sizes.map(collection(of:))
        if let customSize { entries.append(.collection([IPPAttribute("media-size", customSize)] + margins)) }
        return IPPAttribute("media-col-database", entries)
    }

    private func collection(of size: MediaSize) -> IPPValue {
        .collection(
            [Self.size(size.width, size.length), IPPAttribute("media-size-name", .keyword(size.name))] + margins
                + [
                    keywords("media-source", Array(can.sources.prefix(1))),
                    keywords("media-type", Array(can.types.prefix(1))),
                ])
    }

    private var margins: [IPPAttribute] { JobTemplate.margins.map { number($0, Self.margin) } }

    private var customSize: IPPValue? {
        can.customSizes.map { least, most in
            .collection([
                IPPAttribute("x-dimension", .range(least.width, most.width)),
                IPPAttribute("y-dimension", .range(least.length, most.length)),
            ])
        }
    }

    // MARK: Of the printer

    /// How it is and what it is (`printer-description`).
    var description: [IPPAttribute] { identity + state + abilities + protocols }

    private var identity: [IPPAttribute] {
        let model = queue.description.model?.plain(atMost: 127) ?? "officeshare"
        let info = queue.description.info?.plain(atMost: 80) ?? queue.description.name.description
        let host = authority.split(separator: "/").first.map(String.init) ?? authority
        return [
            IPPAttribute("printer-name", .name(queue.localName.plain(atMost: 127))),
            IPPAttribute("printer-info", .text("\(info) (\(queue.ownerName))".plain(atMost: 127))),
            IPPAttribute("printer-location", .text((queue.description.location ?? "").plain(atMost: 127))),
            IPPAttribute("printer-make-and-model", .text(model)),
            IPPAttribute("printer-device-id", .text(deviceID(model))),
            IPPAttribute("printer-geo-location", .outOfBand(.unknown)),
            IPPAttribute("printer-icons", .uri("http://\(host)\(PrinterIcon.path)")),
            keywords("printer-kind", ["document"]), IPPAttribute("printer-more-info", .uri(page)),
            IPPAttribute("printer-organization", .text("")), IPPAttribute("printer-organizational-unit", .text("")),
            IPPAttribute("printer-supply", .octets(Array(Self.unknownSupply.utf8))),
            IPPAttribute("printer-supply-description", .text("Known to \(queue.ownerName)".plain(atMost: 127))),
            IPPAttribute("printer-supply-info-uri", .uri(page)), IPPAttribute("printer-uri-supported", .uri(uri)),
            IPPAttribute("printer-uuid", .uri(uuid)),
        ]
    }

    /// RFC 3805: minus two is "unknown". What the owner's printer has left isn't told.
    private static let unknownSupply =
        "type=other;maxcapacity=-2;level=-2;class=other;unit=percent;colorantname=unknown;"

    /// Of the queue as it is reached here: with the printer's own UUID, browsers would take the two for one.
    private var uuid: String {
        let digest = SHA256.hash(data: Array("officeshare \(queue.owner) \(queue.description.name)".utf8))
        var bytes = Array(digest.prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = hexEncoded(bytes)
        let cuts = [0, 8, 12, 16, 20, 32].map { hex.index(hex.startIndex, offsetBy: $0) }
        return "urn:uuid:" + zip(cuts, cuts.dropFirst()).map { hex[$0..<$1] }.joined(separator: "-")
    }

    /// IEEE 1284: `MFG:…;MDL:…;CMD:…;`.
    private func deviceID(_ model: String) -> String {
        let safe = String(model.filter { $0 != ";" && $0 != ":" && $0 != "," })
        let words = safe.split(separator: " ", maxSplits: 1)
        let languages = [
            ("application/pdf", "PDF"), ("application/postscript", "PS"), ("image/jpeg", "JPEG"),
            ("image/pwg-raster", "PWGRaster"), ("image/urf", "URF"),
        ].filter { can.formats.contains($0.0) }.map(\.1)
        return
            "MFG:\(words.first ?? "officeshare");MDL:\(words.last ?? "printer");CMD:\(languages.joined(separator: ","));"
    }

    private var state: [IPPAttribute] {
        let owner = queue.description
        let number: Int32 =
            switch owner.state {
            case .idle: 3
            case .processing: 4
            case .stopped: 5
            }
        var reasons = owner.reasons.prefix(32).filter { $0.isKeyword && $0 != "none" }
        var message = owner.stateMessage?.plain(atMost: 255) ?? ""
        if !queue.isOnline {
            // No stop: the job waits here instead of in the program.
            reasons.append("offline-report")
            message = "\(queue.ownerName) is away: jobs wait here until it is back.".plain(atMost: 255)
        }
        return [
            enumeration("printer-state", [number]),
            keywords("printer-state-reasons", reasons.isEmpty ? ["none"] : reasons),
            IPPAttribute("printer-state-message", .text(message)),
            flag("printer-is-accepting-jobs", owner.accepting),
            self.number("queued-job-count", Int32(clamping: jobCount)),
            self.number("printer-up-time", now.seconds32),
            IPPAttribute("printer-current-time", .dateTime(now.dateAndTime)),
            self.number("printer-config-change-time", changes.configuration.seconds32),
            IPPAttribute("printer-config-change-date-time", .dateTime(changes.configuration.dateAndTime)),
            self.number("printer-config-changes", changes.configurations),
            self.number("printer-state-change-time", changes.state.seconds32),
            IPPAttribute("printer-state-change-date-time", .dateTime(changes.state.dateAndTime)),
        ]
    }

    private var abilities: [IPPAttribute] {
        var list = [
            flag("color-supported", can.color),
            IPPAttribute("document-format-default", .mimeType(QueueCapabilities.anyFormat)),
            IPPAttribute("document-format-supported", can.formats.map { .mimeType($0) }),
            number("pages-per-minute", max(0, queue.description.pagesPerMinute ?? 1)),
            keywords("pwg-raster-document-sheet-back", ["normal"]),
            keywords(
                "pwg-raster-document-type-supported", ["black_1", "sgray_8"] + (can.color ? ["srgb_8"] : [])),
            resolutions("pwg-raster-document-resolution-supported", can.resolutions[...]),
        ]
        if can.color { list.append(number("pages-per-minute-color", max(0, queue.description.pagesPerMinute ?? 1))) }
        if can.formats.contains("image/urf") {
            let dots = Set(can.resolutions.filter { $0.x == $0.y }.map(\.x)).sorted().map(String.init)
            let color = can.color ? ["SRGB24"] : []
            let rate = "RS" + (dots.isEmpty ? "300" : dots.joined(separator: "-"))
            list.append(keywords("urf-supported", ["V1.4", "CP1", "W8"] + color + [rate]))
        }
        return list
    }

    private var protocols: [IPPAttribute] {
        [
            IPPAttribute("charset-configured", .charset("utf-8")),
            IPPAttribute("charset-supported", [.charset("utf-8"), .charset("us-ascii")]),
            keywords("compression-supported", DocumentStream.Compression.allCases.map(\.rawValue)),
            IPPAttribute("generated-natural-language-supported", .language("en")),
            keywords("identify-actions-default", ["display"]), keywords("identify-actions-supported", ["display"]),
            keywords("ipp-features-supported", ["ipp-everywhere"]), keywords("ipp-versions-supported", ["1.1", "2.0"]),
            keywords("job-creation-attributes-supported", JobTemplate.names), flag("job-ids-supported", true),
            IPPAttribute("job-k-octets-supported", .range(0, Int32(clamping: limits.documentBytes >> 10))),
            flag("multiple-document-jobs-supported", false),
            number("multiple-operation-time-out", Int32(clamping: limits.patience.components.seconds)),
            keywords("multiple-operation-time-out-action", ["abort-job"]),
            IPPAttribute("natural-language-configured", .language("en")),
            enumeration("operations-supported", IPPOperation.allCases.map { Int32($0.rawValue) }),
            keywords("pdl-override-supported", ["attempted"]), flag("preferred-attributes-supported", false),
            keywords("printer-get-attributes-supported", ["document-format"]),
            keywords("uri-authentication-supported", ["requesting-user-name"]),
            keywords("uri-security-supported", ["none"]),
            keywords("which-jobs-supported", WhichJobs.allCases.map(\.rawValue)),
        ]
    }

    // MARK: Shorthand

    private func keywords(_ name: String, _ values: [String]) -> IPPAttribute {
        IPPAttribute(name, values.map { .keyword($0) })
    }

    private func enumeration(_ name: String, _ values: [Int32]) -> IPPAttribute {
        IPPAttribute(name, values.map { .enumeration($0) })
    }

    private func number(_ name: String, _ value: Int32) -> IPPAttribute { IPPAttribute(name, .integer(value)) }
    private func flag(_ name: String, _ value: Bool) -> IPPAttribute { IPPAttribute(name, .boolean(value)) }

    private func resolutions(_ name: String, _ values: ArraySlice<QueueDescription.Resolution>) -> IPPAttribute {
        IPPAttribute(name, values.map { .resolution($0.x, $0.y, .perInch) })
    }
}

extension IPPAttribute {
    /// The members of its only collection.
    fileprivate var members: [IPPAttribute] { if case .collection(let members) = values.first { members } else { [] } }
}
