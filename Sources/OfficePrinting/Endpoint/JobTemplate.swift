/// What a job's attributes come to on a queue: those that it can do, rebuilt from what is known of them, and those that
/// it can't, as they came.
struct JobTemplate: Sendable {
    /// Every attribute that has a meaning here (`job-creation-attributes-supported`).
    static let names = [
        "copies", "finishings", "job-hold-until", "job-name", "job-sheets", "media", "media-col",
        "multiple-document-handling", "number-up", "orientation-requested", "output-bin", "page-ranges",
        "print-color-mode", "print-content-optimize", "print-quality", "print-rendering-intent", "print-scaling",
        "printer-resolution", "sides",
    ]
    static let margins = ["media-bottom-margin", "media-left-margin", "media-right-margin", "media-top-margin"]
    private static let mostRanges = 100

    private(set) var kept: [IPPAttribute] = []
    private(set) var unsupported: [IPPAttribute] = []
    private(set) var isHeld = false

    init(_ asked: [IPPAttribute], on queue: QueueCapabilities) {
        for attribute in asked { take(attribute, queue) }
        // RFC 8011, section 5.2.11, and PWG 5100.7: the two exclude each other. The plainer one stays.
        if kept.contains(where: { $0.name == "media" }), let place = kept.firstIndex(where: { $0.name == "media-col" })
        {
            unsupported.append(kept.remove(at: place))
        }
    }

    private mutating func take(_ attribute: IPPAttribute, _ queue: QueueCapabilities) {
        switch attribute.name {
        // They are of the job itself, and looked at elsewhere.
        case "job-uuid", "job-name": return
        case "job-hold-until":
            switch attribute.text {
            case "no-hold": return
            case "indefinite": isHeld = true
            default: unsupported.append(attribute)
            }
        // None wanted is nothing said: the owner's CUPS may have a rule of its own.
        case "job-sheets" where attribute.texts.allSatisfy { $0 == "none" } && !attribute.texts.isEmpty: return
        case "media-col": takeMedia(attribute, queue)
        default:
            guard let values = Self.values(of: attribute, queue), !values.isEmpty else {
                unsupported.append(attribute)
                return
            }
            kept.append(IPPAttribute(attribute.name, values))
        }
    }

    /// The values anew, nil where one of them can't be done.
    private static func values(of attribute: IPPAttribute, _ queue: QueueCapabilities) -> [IPPValue]? {
        func keyword(_ allowed: [String]) -> [IPPValue]? {
            guard attribute.values.count == 1, let text = attribute.text, allowed.contains(text) else { return nil }
            return [.keyword(text)]
        }
        func number(_ isAllowed: (Int32) -> Bool) -> Int32? {
            guard attribute.values.count == 1, let number = attribute.number, isAllowed(number) else { return nil }
            return number
        }
        switch attribute.name {
        case "copies": return number((1...queue.mostCopies).contains).map { [.integer($0)] }
        case "finishings":
            let numbers = attribute.values.compactMap(\.number)
            guard numbers.count == attribute.values.count, numbers.allSatisfy(queue.finishings.contains) else {
                return nil
            }
            return numbers.map { .enumeration($0) }
        case "job-sheets":
            // RFC 8011 has one; CUPS takes a second, for the end.
            let texts = attribute.texts
            guard texts.count == attribute.values.count, texts.count <= 2, texts.allSatisfy(queue.sheets.contains)
            else { return nil }
            return texts.map { .keyword($0) }
        case "media":
            guard let size = attribute.text.flatMap({ MediaSize($0) }), attribute.values.count == 1,
                queue.sizes.contains(size) || queue.isCustom(width: size.width, length: size.length)
            else { return nil }
            return [.keyword(size.name)]
        case "multiple-document-handling": return keyword(QueueCapabilities.handlings)
        case "number-up": return number(QueueCapabilities.numbersUp.contains).map { [.integer($0)] }
        case "orientation-requested": return number(QueueCapabilities.orientations.contains).map { [.enumeration($0)] }
        case "output-bin": return keyword(queue.bins)
        case "page-ranges": return ranges(attribute)
        case "print-color-mode": return keyword(queue.colorModes)
        case "print-content-optimize", "print-rendering-intent": return keyword(["auto"])
        case "print-quality": return number(queue.qualities.contains).map { [.enumeration($0)] }
        case "print-scaling": return keyword(QueueCapabilities.scalings)
        case "printer-resolution":
            guard attribute.values.count == 1, case .resolution(let x, let y, .perInch) = attribute.values[0],
                queue.resolutions.contains(.init(x: x, y: y))
            else { return nil }
            return attribute.values
        case "sides": return keyword(queue.sides)
        default: return nil
        }
    }

    /// Ranges that rise and don't overlap (RFC 8011, section 5.2.7).
    private static func ranges(_ attribute: IPPAttribute) -> [IPPValue]? {
        var last: Int32 = 0
        for value in attribute.values.prefix(mostRanges + 1) {
            guard case .range(let lower, let upper) = value, lower > last, upper >= lower else { return nil }
            last = upper
        }
        return attribute.values.count <= mostRanges ? attribute.values : nil
    }

    // MARK: media-col

    /// `media-col` in the least words: `media` where the size is all it says.
    private mutating func takeMedia(_ attribute: IPPAttribute, _ queue: QueueCapabilities) {
        guard attribute.values.count == 1, case .collection(let members) = attribute.values[0] else {
            unsupported.append(attribute)
            return
        }
        var size: MediaSize?
        var dimensions: IPPAttribute?
        var rest: [IPPAttribute] = []
        var refused: [IPPAttribute] = []
        for member in members {
            switch member.name {
            case "media-size":
                guard let (width, length) = Self.dimensions(member) else {
                    refused.append(member)
                    continue
                }
                size = queue.size(width: width, length: length)
                if size == nil, !queue.isCustom(width: width, length: length) {
                    refused.append(member)
                } else {
                    dimensions = PrinterAttributes.size(size?.width ?? width, size?.length ?? length)
                }
            case "media-size-name":
                let named = member.text.flatMap { MediaSize($0) }
                if let named, queue.sizes.contains(named) {
                    size = named
                    dimensions = PrinterAttributes.size(named.width, named.length)
                } else {
                    refused.append(member)
                }
            case "media-source" where queue.sources.contains(member.text ?? ""),
                "media-type" where queue.types.contains(member.text ?? ""):
                rest.append(IPPAttribute(member.name, .keyword(member.text ?? "")))
            // The owner's CUPS knows its printer's margins better.
            case _ where Self.margins.contains(member.name) && (0...10_000).contains(member.number ?? -1): break
            default: refused.append(member)
            }
        }
        if !refused.isEmpty { unsupported.append(IPPAttribute("media-col", .collection(refused))) }
        if let size, rest.isEmpty {
            kept.append(IPPAttribute("media", .keyword(size.name)))
        } else if dimensions != nil || !rest.isEmpty {
            kept.append(IPPAttribute("media-col", .collection([dimensions].compactMap { $0 } + rest)))
        }
    }

    private static func dimensions(_ member: IPPAttribute) -> (Int32, Int32)? {
        guard member.values.count == 1, case .collection(let sides) = member.values[0],
            let width = sides.first(where: { $0.name == "x-dimension" })?.number,
            let length = sides.first(where: { $0.name == "y-dimension" })?.number
        else { return nil }
        return (width, length)
    }
}
