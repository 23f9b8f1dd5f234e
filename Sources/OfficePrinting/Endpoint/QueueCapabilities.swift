/// What a queue can do, from what its owner tells of it, with the gaps filled and everything bounded: the printer's
/// attributes are answered from this, and jobs are checked against it.
struct QueueCapabilities: Sendable {
    private static let most = 256
    private static let a4 = "iso_a4_210x297mm"
    private static let colorKeywords: Set<String> = [
        "auto", "auto-monochrome", "bi-level", "color", "highlight", "monochrome", "process-bi-level",
        "process-monochrome",
    ]
    /// The document's type is found out by the owner's CUPS.
    static let anyFormat = "application/octet-stream"
    static let pdf = "application/pdf"
    static let numbersUp: [Int32] = [1, 2, 4, 6, 9, 16]
    static let scalings = ["auto", "auto-fit", "fill", "fit", "none"]
    static let handlings = ["separate-documents-collated-copies", "separate-documents-uncollated-copies"]
    static let orientations: ClosedRange<Int32> = 3...6

    let sizes: [MediaSize]
    /// Any size between these two, where the queue takes custom ones.
    let customSizes: (least: MediaSize, most: MediaSize)?
    let defaultSize: MediaSize
    let readySizes: [MediaSize]
    let sources: [String]
    let types: [String]
    let sides: [String]
    let sidesDefault: String
    let colorModes: [String]
    let colorModeDefault: String
    let qualities: [Int32]
    let resolutions: [QueueDescription.Resolution]
    let bins: [String]
    /// Banners, `none` first.
    let sheets: [String]
    let finishings: [Int32]
    let mostCopies: Int32
    let formats: [String]
    let color: Bool

    init(_ queue: QueueDescription) {
        let known = queue.media.prefix(Self.most).compactMap { MediaSize($0) }
        let named = known.filter { !$0.isBound }
        let fallback = [MediaSize(Self.a4)].compactMap { $0 }
        sizes = named.isEmpty ? fallback : named
        let least = known.first { $0.name.hasPrefix("custom_min_") }
        let most = known.first { $0.name.hasPrefix("custom_max_") }
        if let least, let most, least.width <= most.width, least.length <= most.length {
            customSizes = (least, most)
        } else {
            customSizes = nil
        }
        let sizes = sizes
        let preferred = queue.mediaDefault.flatMap { MediaSize($0) }
        defaultSize = sizes.first { $0 == preferred } ?? sizes[0]
        let ready = queue.mediaReady.prefix(Self.most).compactMap { MediaSize($0) }.filter { sizes.contains($0) }
        readySizes = ready.isEmpty ? [defaultSize] : ready
        sources = Self.keywords(queue.mediaSources, else: ["auto"])
        types = Self.keywords(queue.mediaTypes, else: ["stationery"])
        let all = Set(["one-sided", "two-sided-long-edge", "two-sided-short-edge"])
        sides = Self.keywords(queue.sides.filter(all.contains), else: ["one-sided"])
        sidesDefault = queue.sidesDefault.flatMap { [sides] in sides.contains($0) ? $0 : nil } ?? sides[0]
        color = queue.color
        colorModes = Self.keywords(
            queue.colorModes.filter(Self.colorKeywords.contains),
            else: queue.color ? ["auto", "color", "monochrome"] : ["auto", "monochrome"])
        let wanted = ["auto", queue.color ? "color" : "monochrome"]
        colorModeDefault = wanted.first { [colorModes] in colorModes.contains($0) } ?? colorModes[0]
        let qualities = queue.qualities.filter { (3...5).contains($0) }
        self.qualities = qualities.isEmpty ? [4] : Array(qualities.prefix(3))
        let dots = queue.resolutions.filter { (72...9600).contains($0.x) && (72...9600).contains($0.y) }
        resolutions = dots.isEmpty ? [.init(x: 300, y: 300)] : Array(dots.prefix(16))
        bins = Self.keywords(queue.outputBins, else: ["auto"])
        sheets = ["none"] + (queue.jobSheets ?? []).filter { $0 != "none" }
        finishings = [3] + queue.finishings.filter { $0 > 3 && $0 < 2048 }.prefix(Self.most)
        mostCopies = min(max(queue.mostCopies, 1), 9_999)
        let formats = queue.formats.filter { Self.isFormat($0) && $0 != Self.anyFormat }.prefix(64)
        self.formats = [Self.anyFormat] + formats
    }

    private static func keywords(_ texts: [String], else fallback: [String]) -> [String] {
        var seen: Set<String> = []
        let good = texts.prefix(most).filter { $0.isKeyword && seen.insert($0).inserted }
        return good.isEmpty ? fallback : good
    }

    /// A MIME type that programs send; CUPS's own steps between filters aren't.
    private static func isFormat(_ text: String) -> Bool {
        guard text.utf8.count <= 127, !text.hasPrefix("application/vnd.cups-"),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C && $0 != 0x2C && $0 != 0x3B })
        else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false).map(\.isEmpty) == [false, false]
    }

    /// The size that these dimensions are, within half a millimetre: programs compute in points.
    func size(width: Int32, length: Int32) -> MediaSize? {
        guard width > 0, length > 0 else { return nil }
        return sizes.first { abs($0.width - width) <= 50 && abs($0.length - length) <= 50 }
    }

    func isCustom(width: Int32, length: Int32) -> Bool {
        guard let customSizes else { return false }
        return (customSizes.least.width...customSizes.most.width).contains(width)
            && (customSizes.least.length...customSizes.most.length).contains(length)
    }
}
