import OfficeCore

/// Rebuilds what CUPS or a member tells of a queue out of what is known: nothing else gets through, and nothing that
/// gets through can harm a terminal, a page, a shell or a PPD (CVE-2024-47175 came in by such an attribute).
///
/// Pure functions. Text loses control and format characters and is cut at a character's end; keywords that aren't
/// well formed are dropped; lists are cut: media to 200 (a PPD may name a thousand), every other one to 64.
package enum Sanitizer {
    package static let mostMedia = 200
    package static let mostValues = 64
    static let longestText = 127
    static let longestMessage = 255

    /// The description as it may be believed, shown and told on. What is good is not changed.
    package static func sanitized(_ told: QueueDescription) -> QueueDescription {
        var made = told
        made.info = told.info.flatMap { text($0) }
        made.model = told.model.flatMap { text($0) }
        made.location = told.location.flatMap { text($0) }
        made.reasons = reasons(told.reasons)
        made.stateMessage = told.stateMessage.flatMap { text($0, most: longestMessage) }
        made.jobs = min(max(told.jobs, 0), 1_000_000)
        made.formats = formats(told.formats)
        made.media = list(told.media, most: mostMedia, Media.selfDescribing)
        made.mediaDefault = told.mediaDefault.flatMap { Media.selfDescribing($0) }
        made.mediaReady = list(told.mediaReady, Media.selfDescribing)
        made.mediaSources = list(told.mediaSources, keyword)
        made.mediaTypes = list(told.mediaTypes, keyword)
        made.sides = list(told.sides) { knownSides.contains($0) ? $0 : nil }
        if made.sides.isEmpty { made.sides = ["one-sided"] }
        made.sidesDefault = told.sidesDefault.flatMap { made.sides.contains($0) ? $0 : nil }
        made.colorModes = list(told.colorModes, keyword)
        made.qualities = list(told.qualities) { (3...5).contains($0) ? $0 : nil }
        made.resolutions = list(told.resolutions) {
            (1...9_600).contains($0.x) && (1...9_600).contains($0.y) ? $0 : nil
        }
        made.outputBins = list(told.outputBins, keyword)
        let sheets = list(told.jobSheets ?? [], keyword)
        made.jobSheets = sheets.isEmpty ? nil : sheets
        made.finishings = list(told.finishings) { (3...1_000).contains($0) ? $0 : nil }
        made.mostCopies = min(max(told.mostCopies, 1), 9_999)
        made.pagesPerMinute = told.pagesPerMinute.flatMap { (1...10_000).contains($0) ? $0 : nil }
        made.uuid = told.uuid.flatMap { try? JobID($0) }?.uri
        return made
    }

    /// The queue that a printer's attributes tell of; nil where it has no name that the office can use (a `Label`:
    /// at most 63 bytes, no `@` or `:`).
    package static func description(of printer: IPPGroup) -> QueueDescription? {
        guard let name = try? Label(printer["printer-name"]?.text ?? "") else { return nil }
        func texts(_ name: String) -> [String] { printer[name]?.texts ?? [] }
        func numbers(_ name: String) -> [Int32] { printer[name]?.values.compactMap(\.number) ?? [] }
        return sanitized(
            QueueDescription(
                name: name, info: printer["printer-info"]?.text, model: printer["printer-make-and-model"]?.text,
                location: printer["printer-location"]?.text, state: state(of: printer),
                accepting: printer["printer-is-accepting-jobs"]?.flag ?? false,
                reasons: texts("printer-state-reasons"), stateMessage: printer["printer-state-message"]?.text,
                jobs: Int(printer["queued-job-count"]?.number ?? 0), color: printer["color-supported"]?.flag ?? false,
                formats: texts("document-format-supported"), media: texts("media-supported"),
                mediaDefault: printer["media-default"]?.text, mediaReady: texts("media-ready"),
                mediaSources: texts("media-source-supported"), mediaTypes: texts("media-type-supported"),
                sides: texts("sides-supported"), sidesDefault: printer["sides-default"]?.text,
                colorModes: texts("print-color-mode-supported"), qualities: numbers("print-quality-supported"),
                resolutions: printer["printer-resolution-supported"]?.values.compactMap(resolution) ?? [],
                outputBins: texts("output-bin-supported"), finishings: numbers("finishings-supported"),
                mostCopies: mostCopies(of: printer), pagesPerMinute: printer["pages-per-minute"]?.number,
                uuid: printer["printer-uuid"]?.text, jobSheets: texts("job-sheets-supported")))
    }

    /// What `description(of:)` reads, and so what is asked for.
    static let attributes = [
        "printer-name", "printer-info", "printer-make-and-model", "printer-location", "printer-state",
        "printer-is-accepting-jobs", "printer-state-reasons", "printer-state-message", "queued-job-count",
        "color-supported", "document-format-supported", "media-supported", "media-default", "media-ready",
        "media-source-supported", "media-type-supported", "sides-supported", "sides-default",
        "print-color-mode-supported", "print-quality-supported", "printer-resolution-supported",
        "output-bin-supported", "job-sheets-supported", "finishings-supported", "copies-supported", "pages-per-minute",
        "printer-uuid",
    ]

    static func state(of printer: IPPGroup) -> QueueDescription.State {
        switch printer["printer-state"]?.number {
        case 3: .idle
        case 4: .processing
        default: .stopped
        }
    }

    /// Those that officeshare tells apart come first: a queue without filters names every type that CUPS knows, 86 on
    /// Debian and by the alphabet, and would lose `text/plain` to the cut.
    private static func formats(_ told: [String]) -> [String] {
        let told = told.filter { !$0.hasPrefix(CUPSScheduler.guarded) }.prefix(10 * mostValues)
        return list(told.filter(DocumentFormat.all.contains) + told, mimeType)
    }

    /// Keywords without `none`, which says that there are none.
    static func reasons(_ told: [String]) -> [String] { list(told) { $0 == "none" ? nil : keyword($0) } }

    private static func mostCopies(of printer: IPPGroup) -> Int32 {
        if case .range(_, let most) = printer["copies-supported"]?.values.first { most } else { 9_999 }
    }

    private static func resolution(_ value: IPPValue) -> QueueDescription.Resolution? {
        guard case .resolution(let x, let y, .perInch) = value else { return nil }
        return .init(x: x, y: y)
    }

    private static let knownSides: Set = ["one-sided", "two-sided-long-edge", "two-sided-short-edge"]
}

// The parts: each gives what may be believed of one value, or nil.
extension Sanitizer {
    /// One line without control, format, unassigned and private characters, at most so many bytes of UTF-8; nil
    /// where nothing is left.
    package static func text(_ told: String, most: Int = longestText) -> String? {
        var made = String.UnicodeScalarView()
        var length = 0
        var gap = false
        for scalar in told.unicodeScalars.prefix(4 * most) {
            // White space of any kind and length is one space, and none at the ends.
            if scalar.properties.isWhitespace || isControl(scalar) {
                gap = gap || scalar.properties.isWhitespace
                continue
            }
            let width = UTF8.width(scalar) + (gap && length > 0 ? 1 : 0)
            guard length + width <= most else { break }
            if gap, length > 0 { made.append(" ") }
            made.append(scalar)
            length += width
            gap = false
        }
        return made.isEmpty ? nil : String(made)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: true
        default: false
        }
    }

    /// An IPP keyword (RFC 8011, section 5.1.4; vendors use capitals too). It begins with a letter or digit: nothing
    /// that a shell or an option parser would take for an option.
    package static func keyword(_ told: String) -> String? {
        let bytes = told.utf8
        guard (1...127).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) else { return nil }
        guard bytes.allSatisfy({ isAlphanumeric($0) || keywordMarks.contains($0) }) else { return nil }
        return told
    }

    /// `type/subtype` (RFC 6838, section 4.2), without parameters, in lower case.
    package static func mimeType(_ told: String) -> String? {
        let parts = told.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        for part in parts {
            guard (1...127).contains(part.count), let first = part.first, isAlphanumeric(first),
                part.allSatisfy({ isAlphanumeric($0) || mimeMarks.contains($0) })
            else { return nil }
        }
        return told.lowercased()
    }

    /// The good ones of a list, each once, in their order.
    static func list<Value: Hashable>(
        _ told: [Value], most: Int = mostValues, _ good: (Value) -> Value?
    ) -> [Value] {
        var made: [Value] = []
        var seen: Set<Value> = []
        // Nobody tells ten times as much as is kept but to be looked at for long.
        for value in told.prefix(10 * most) {
            guard let value = good(value), seen.insert(value).inserted else { continue }
            made.append(value)
            if made.count == most { break }
        }
        return made
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static let keywordMarks = Set("-_.".utf8)
    private static let mimeMarks = Set("-_.+!#$&^".utf8)
}
