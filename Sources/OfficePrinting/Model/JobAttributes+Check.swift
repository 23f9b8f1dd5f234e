package import OfficeCore

extension JobAttributes {
    /// Throws `.usage` for the first attribute that the queue can't do: the error names it and the nearest choices.
    /// What the queue says nothing of is let through.
    package static func check(_ attributes: [IPPAttribute], against queue: QueueDescription) throws(OfficeError) {
        for attribute in attributes {
            for value in attribute.values { try check(attribute.name, value, queue) }
        }
    }

    private static func check(_ name: String, _ value: IPPValue, _ queue: QueueDescription) throws(OfficeError) {
        switch (name, value) {
        case ("copies", _):
            guard let number = value.number, number > queue.mostCopies else { return }
            throw refused("copies=\(number)", queue, "makes no more than \(queue.mostCopies) copies of a job")
        case ("sides", .string(_, let side, _)):
            guard !queue.sides.contains(side) else { return }
            let why = queue.duplex ? "doesn't print so" : "prints on one side of the paper only"
            throw refused("sides=\(side)", queue, why, choices: queue.sides)
        case ("media", .string(_, let medium, _)), ("media-size-name", .string(_, let medium, _)):
            try check(medium: medium, queue)
        case ("media-col", .collection(let members)): try check(members, against: queue)
        case ("print-color-mode", .string(_, let mode, _)): try check(colorMode: mode, queue)
        case ("print-quality", _):
            try check(value.number.map { Int($0) }, among: queue.qualities.map { Int($0) }, name, queue) {
                [3: "draft", 4: "normal", 5: "high"][$0] ?? "\($0)"
            }
        case ("number-up", _):
            guard let number = value.number else { return }
            try check(number, among: pagesOnASheet.sorted { abs($0 - number) < abs($1 - number) }, name, queue) {
                "\($0)"
            }
        case ("finishings", _):
            guard let number = value.number, number != 3 else { return }
            try check(number, among: queue.finishings, name, queue) { "\($0)" }
        case ("output-bin", .string(_, let bin, _)):
            try check(bin, among: queue.outputBins, name, queue) { $0 }
        case ("job-sheets", .string(_, let sheet, _)) where sheet != "none":
            try check(sheet, among: queue.jobSheets ?? [], name, queue) { $0 }
        case ("media-type", .string(_, let type, _)):
            try check(type, among: queue.mediaTypes, name, queue) { $0 }
        case ("media-source", .string(_, let source, _)) where source != "auto":
            try check(source, among: queue.mediaSources, name, queue) { $0 }
        case ("printer-resolution", .resolution(let x, let y, .perInch)):
            try check(.init(x: x, y: y), among: queue.resolutions, name, queue) { "\($0.x)x\($0.y)dpi" }
        default: return
        }
    }

    /// What CUPS's filters can put on one side, whatever the printer (`pstops`, `pdftopdf`).
    private static let pagesOnASheet: [Int32] = [1, 2, 4, 6, 9, 16]

    private static func check<Value: Hashable>(
        _ wanted: Value?, among offered: [Value], _ name: String, _ queue: QueueDescription,
        _ shown: (Value) -> String
    ) throws(OfficeError) {
        // A list that was cut doesn't say what isn't there.
        guard let wanted, !offered.isEmpty, offered.count < Sanitizer.mostValues, !offered.contains(wanted) else {
            return
        }
        let choices = offered.map(shown)
        throw refused(
            "\(name)=\(shown(wanted))", queue, "has no such choice",
            choices: wanted is String ? byNearness(choices, to: shown(wanted)) : choices)
    }

    private static func check(colorMode mode: String, _ queue: QueueDescription) throws(OfficeError) {
        switch mode {
        // Any printer can leave colours out, or decide itself: its filters do, where it has no mode for that.
        case "monochrome", "auto", "auto-monochrome": return
        case "color":
            guard !queue.color else { return }
            throw refused("print-color-mode=color", queue, "prints no colours", choices: ["monochrome"])
        default: try check(mode, among: queue.colorModes, "print-color-mode", queue) { $0 }
        }
    }

    // MARK: Media

    private static func check(medium given: String, _ queue: QueueDescription) throws(OfficeError) {
        guard !queue.media.isEmpty, queue.media.count < Sanitizer.mostMedia else { return }
        let name = Media.name(of: given) ?? given
        guard !queue.media.contains(name) else { return }
        let offered = queue.media.filter { !$0.hasPrefix("custom_min") && !$0.hasPrefix("custom_max") }
        guard let size = Media.size(of: name) else {
            throw refused(
                "media=\(given)", queue, "knows no such paper",
                choices: byNearness(offered.map(Media.commonName(of:)), to: given))
        }
        var near: [(distance: Int64, name: String)] = []
        for other in offered {
            guard let measured = Media.size(of: other) else { continue }
            let distance =
                abs(Int64(measured.width) - Int64(size.width)) + abs(Int64(measured.length) - Int64(size.length))
            // The same paper by another name.
            if distance <= 100 { return }
            near.append((distance, Media.commonName(of: other)))
        }
        if isCustom(size, queue.media) { return }
        near.sort { $0 < $1 }
        throw refused(
            "media=\(Media.commonName(of: name))", queue, "has no such paper", choices: near.map(\.name))
    }

    /// Whether it lies within the sizes that the queue cuts itself.
    private static func isCustom(_ size: (width: Int32, length: Int32), _ media: [String]) -> Bool {
        guard let least = media.first(where: { $0.hasPrefix("custom_min") }).flatMap(Media.size(of:)),
            let most = media.first(where: { $0.hasPrefix("custom_max") }).flatMap(Media.size(of:)),
            least.width <= most.width, least.length <= most.length
        else { return false }
        return (least.width...most.width).contains(size.width) && (least.length...most.length).contains(size.length)
    }

    private static func refused(
        _ what: String, _ queue: QueueDescription, _ why: String, choices: [String] = []
    ) -> OfficeError {
        let shown = choices.prefix(5).joined(separator: ", ") + (choices.count > 5 ? ", …" : "")
        return OfficeError(
            .usage, what, "'\(queue.name)' \(why)", mend: choices.isEmpty ? nil : "It can do: \(shown).")
    }
}
