import OfficeCore

/// The job template attributes that travel with a job: what a program or a member asks for beyond these is left out,
/// and of these only well-formed values within bounds are rebuilt.
///
/// The names are those of RFC 8011 and PWG 5100.13, and behind them the ones that CUPS's filters know (cups(1),
/// lp(1)) and that only change how a page looks.
package enum JobAttributes {
    /// What a value has to be.
    indirect enum Syntax: Sendable {
        case integer(ClosedRange<Int32>)
        case enumeration(ClosedRange<Int32>)
        case boolean
        /// Any well-formed keyword, or only these.
        case keyword(Set<String> = [])
        /// A medium: a keyword, made self-describing where it is a known name.
        case medium
        /// Pages, from 1.
        case range
        case resolution
        case collection([Rule])
    }

    struct Rule: Sendable {
        var name: String
        var syntax: Syntax
        /// Most values.
        var most: Int

        init(_ name: String, _ syntax: Syntax, most: Int = 1) {
            self.name = name
            self.syntax = syntax
            self.most = most
        }
    }

    static let rules: [Rule] = [
        Rule("copies", .integer(1...9_999)),
        Rule("sides", .keyword(["one-sided", "two-sided-long-edge", "two-sided-short-edge"])),
        Rule("media", .medium),
        Rule("media-col", .collection(mediaMembers)),
        Rule("page-ranges", .range, most: 64),
        Rule("print-color-mode", .keyword()),
        Rule("print-quality", .enumeration(3...5)),
        Rule("print-scaling", .keyword()),
        Rule("print-content-optimize", .keyword()),
        Rule("print-rendering-intent", .keyword()),
        Rule("orientation-requested", .enumeration(3...7)),
        Rule("output-bin", .keyword()),
        Rule("number-up", .integer(1...16)),
        Rule("finishings", .enumeration(3...1_000), most: 16),
        Rule("printer-resolution", .resolution),
        Rule("multiple-document-handling", .keyword()),
        Rule("job-priority", .integer(1...100)),
        Rule("job-sheets", .keyword(), most: 2),
        // CUPS's own: of any document,
        Rule("fit-to-page", .boolean),
        Rule("mirror", .boolean),
        Rule("number-up-layout", .keyword()),
        Rule("outputorder", .keyword(["normal", "reverse"])),
        Rule("page-border", .keyword()),
        Rule("page-set", .keyword(["all", "even", "odd"])),
        Rule("page-top", .integer(0...10_000)),
        Rule("page-bottom", .integer(0...10_000)),
        Rule("page-left", .integer(0...10_000)),
        Rule("page-right", .integer(0...10_000)),
        // of images,
        Rule("position", .keyword()),
        Rule("ppi", .integer(1...9_600)),
        Rule("scaling", .integer(1...1_000)),
        Rule("natural-scaling", .integer(1...1_000)),
        // of text.
        Rule("columns", .integer(1...10)),
        Rule("cpi", .integer(1...100)),
        Rule("lpi", .integer(1...100)),
        Rule("prettyprint", .boolean),
        Rule("wrap", .boolean),
    ]

    private static let mediaMembers: [Rule] = [
        Rule(
            "media-size",
            .collection([Rule("x-dimension", .integer(1...1_000_000)), Rule("y-dimension", .integer(1...1_000_000))])),
        Rule("media-size-name", .medium),
        Rule("media-type", .keyword()),
        Rule("media-source", .keyword()),
        Rule("media-color", .keyword()),
        Rule("media-top-margin", .integer(0...100_000)),
        Rule("media-bottom-margin", .integer(0...100_000)),
        Rule("media-left-margin", .integer(0...100_000)),
        Rule("media-right-margin", .integer(0...100_000)),
    ]

    /// Names of all that travel: `job-creation-attributes-supported`.
    package static let names = rules.map(\.name)

    static func rule(_ name: String) -> Rule? { rules.first { $0.name == name } }

    // MARK: Keeping

    /// Those that are known, rebuilt, each once; everything else is gone. Doing so twice changes nothing.
    package static func kept(of attributes: [IPPAttribute]) -> [IPPAttribute] { kept(of: attributes, rules, most: 256) }

    private static func kept(of attributes: [IPPAttribute], _ rules: [Rule], most: Int) -> [IPPAttribute] {
        var made: [IPPAttribute] = []
        for attribute in attributes.prefix(most) {
            guard let rule = rules.first(where: { $0.name == attribute.name }),
                !made.contains(where: { $0.name == rule.name })
            else { continue }
            let values = attribute.values.prefix(rule.most).compactMap { kept($0, rule.syntax) }
            if !values.isEmpty { made.append(IPPAttribute(rule.name, values)) }
        }
        return made
    }

    static func kept(_ value: IPPValue, _ syntax: Syntax) -> IPPValue? {
        switch syntax {
        case .integer(let bounds):
            value.number.flatMap { bounds.contains($0) ? .integer($0) : nil }
        case .enumeration(let bounds):
            value.number.flatMap { bounds.contains($0) ? .enumeration($0) : nil }
        case .boolean: value.flag.map { .boolean($0) }
        case .keyword(let known):
            value.text.flatMap { Sanitizer.keyword($0) }.flatMap {
                known.isEmpty || known.contains($0) ? .keyword($0) : nil
            }
        case .medium:
            value.text.flatMap { Media.name(of: $0) ?? Sanitizer.keyword($0) }.map { .keyword($0) }
        case .range:
            if case .range(let lower, let upper) = value, lower >= 1, upper >= lower { value } else { nil }
        case .resolution:
            if case .resolution(let x, let y, _) = value, (1...9_600).contains(x), (1...9_600).contains(y) {
                value
            } else {
                nil
            }
        case .collection(let members):
            if case .collection(let told) = value { collection(told, members) } else { nil }
        }
    }

    private static func collection(_ told: [IPPAttribute], _ members: [Rule]) -> IPPValue? {
        let made = kept(of: told, members, most: 64)
        return made.isEmpty ? nil : .collection(made)
    }
}
