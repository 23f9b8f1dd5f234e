internal import CCUPS
package import OfficeCore

extension JobAttributes {
    /// The attribute that an option of `print -o` means, as lp(1) has taught people to write them: `sides=…`,
    /// `page-ranges=1-2,5`, `media=A4`, `print-quality=high`, `landscape`, `fit-to-page`.
    ///
    /// Throws `.usage` for one that isn't known, and for a value that isn't one of it.
    package static func parse(option: String) throws(OfficeError) -> IPPAttribute {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let given = String(parts.first ?? "")
        let shown = String(option.prefix(128)).escapedForTerminal
        if parts.count == 1, let number = orientations[given] {
            return IPPAttribute("orientation-requested", .enumeration(number))
        }
        let text = parts.count > 1 ? String(parts[1]) : nil
        let (name, value) = ofPPD(given, text) ?? (given, text)
        guard let rule = rule(name) else {
            throw OfficeError(
                .usage, shown, "there is no option '\(String(given.prefix(64)).escapedForTerminal)'",
                mend: elsewhere[given] ?? nearest(to: given).map { "Do you mean '\($0)'?" }
                    ?? "Known are \(optionNames).")
        }
        let words = (value ?? "true").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let values = words.compactMap { word in self.value(word, rule).flatMap { kept($0, rule.syntax) } }
        guard !values.isEmpty, values.count == words.count, values.count <= rule.most else {
            throw OfficeError(.usage, shown, "'\(name)' is \(rule.explanation)")
        }
        return IPPAttribute(name, values)
    }

    private static let orientations: [String: Int32] = [
        "portrait": 3, "landscape": 4, "reverse-landscape": 5, "reverse-portrait": 6,
    ]

    /// What lp(1) has as options and we have otherwise.
    private static let elsewhere = [
        "job-hold-until": "Use '--hold', and 'officeshare job release' later.",
        "raw": "A queue without a driver prints every document as it is; one with a driver needs to know what it is.",
    ]

    /// What lp(1) and PPD queues have taught people to write.
    private static func ofPPD(_ name: String, _ value: String?) -> (String, String?)? {
        switch (name, value) {
        case ("PageSize", _): ("media", value)
        case ("Duplex", "DuplexNoTumble"): ("sides", "two-sided-long-edge")
        case ("Duplex", "DuplexTumble"): ("sides", "two-sided-short-edge")
        case ("Duplex", "None"): ("sides", "one-sided")
        case ("ColorModel", "Gray"), ("ColorModel", "Grayscale"): ("print-color-mode", "monochrome")
        case ("ColorModel", "RGB"), ("ColorModel", "CMYK"): ("print-color-mode", "color")
        case ("Resolution", _): ("printer-resolution", value)
        case ("fitplot", _): ("fit-to-page", value)
        case ("collate", _), ("Collate", _):
            switch value?.lowercased() {
            case nil, "true": ("multiple-document-handling", "separate-documents-collated-copies")
            case "false": ("multiple-document-handling", "separate-documents-uncollated-copies")
            default: nil
            }
        default: nil
        }
    }

    private static func value(_ word: String, _ rule: Rule) -> IPPValue? {
        switch rule.syntax {
        case .integer: Int32(word).map { .integer($0) }
        case .enumeration: enumeration(word, rule.name).map { .enumeration($0) }
        case .boolean: booleans[word.lowercased()].map { .boolean($0) }
        case .keyword, .medium: .keyword(word)
        case .range: range(word)
        case .resolution: resolution(word)
        case .collection: nil
        }
    }

    private static let booleans = [
        "true": true, "yes": true, "on": true, "1": true, "false": false, "no": false, "off": false, "0": false,
    ]

    /// A number, or the name that IPP has for it: `high`, `staple`.
    private static func enumeration(_ word: String, _ attribute: String) -> Int32? {
        if let number = Int32(word) { return number }
        guard Sanitizer.keyword(word) != nil else { return nil }
        let number = ippEnumValue(attribute, word)
        return number >= 0 ? number : nil
    }

    /// `5`, `2-4`, `-3` (to the third), `7-` (from the seventh).
    private static func range(_ word: String) -> IPPValue? {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(ends.count), !(ends.allSatisfy(\.isEmpty)) else { return nil }
        let lower = ends[0].isEmpty ? 1 : Int32(ends[0])
        let upper = ends.count == 1 ? lower : ends[1].isEmpty ? Int32.max : Int32(ends[1])
        guard let lower, let upper else { return nil }
        return .range(lower, upper)
    }

    /// `600dpi`, `600x300dpi`, `240dpcm`.
    private static func resolution(_ word: String) -> IPPValue? {
        let units: IPPValue.ResolutionUnits = word.hasSuffix("dpcm") ? .perCentimeter : .perInch
        guard word.hasSuffix("dpi") || word.hasSuffix("dpcm") else { return nil }
        let numbers = word.dropLast(units == .perInch ? 3 : 4)
            .split(separator: "x", omittingEmptySubsequences: false).map { Int32($0) }
        guard (1...2).contains(numbers.count), let first = numbers[0], let last = numbers[numbers.count - 1] else {
            return nil
        }
        return .resolution(first, last, units)
    }

    private static var optionNames: String { names.filter { $0 != "media-col" }.joined(separator: ", ") }

    /// The known name with the fewest letters different, where few are.
    private static func nearest(to given: String) -> String? {
        let given = Array(given.lowercased().utf8.prefix(64))
        let closest = (names.filter { $0 != "media-col" } + Array(orientations.keys))
            .map { (name: $0, distance: distance(given, Array($0.utf8))) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        return closest.flatMap { $0.distance <= 3 && $0.distance < $0.name.utf8.count / 2 ? $0.name : nil }
    }

    /// Those with the fewest letters different first, in lower case; the order of equals is kept.
    static func byNearness(_ choices: [String], to given: String) -> [String] {
        let given = Array(given.lowercased().utf8.prefix(64))
        return choices.enumerated()
            .map { (distance: distance(given, Array($1.lowercased().utf8.prefix(64))), place: $0, name: $1) }
            .sorted { ($0.distance, $0.place) < ($1.distance, $1.place) }
            .map(\.name)
    }

    /// Levenshtein's.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }
}

extension JobAttributes.Rule {
    /// Of what may be given, for errors.
    fileprivate var explanation: String {
        let list = most > 1 ? ", up to \(most) of them with commas between" : ""
        switch syntax {
        case .integer(let bounds): return "a number from \(bounds.lowerBound) to \(bounds.upperBound)\(list)"
        case .enumeration(let bounds):
            let names = (bounds.lowerBound...min(bounds.upperBound, bounds.lowerBound + 8)).compactMap { number in
                ippEnumString(name, number).map { String(cString: $0) }
            }
            return "one of \(names.joined(separator: ", "))\(bounds.count > names.count ? ", …" : "")\(list)"
        case .boolean: return "true or false"
        case .keyword(let known) where !known.isEmpty: return "one of \(known.sorted().joined(separator: ", "))\(list)"
        case .keyword: return "a keyword\(list)"
        case .medium: return "the name of a medium: A4, Letter, iso_a5_148x210mm"
        case .range: return "page numbers: 1-4,7,9-"
        case .resolution: return "a resolution: 600dpi, 1200x600dpi"
        case .collection: return "no option: give 'media', 'media-type' or 'media-source'"
        }
    }
}
