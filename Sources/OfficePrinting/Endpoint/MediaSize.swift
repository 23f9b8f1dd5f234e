/// A size of paper by its PWG self-describing name (PWG 5101.1): `iso_a4_210x297mm`, in hundredths of a millimetre.
package struct MediaSize: Sendable, Hashable {
    private static let classes: Set<Substring> = [
        "asme", "custom", "disc", "iso", "jis", "jpn", "na", "oe", "om", "prc", "roc", "roll",
    ]
    /// Ten metres: what is larger is no paper.
    private static let longest = 1_000_000.0

    package let name: String
    package let width: Int32
    package let length: Int32

    /// nil where it isn't such a name.
    package init?(_ name: String) {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, Self.classes.contains(parts[0]), let first = parts[1].utf8.first, first != 0x2D,
            String(parts[1]).isKeyword, !parts[1].contains(".")
        else { return nil }
        let unit: Double
        switch parts[2].suffix(2) {
        case "mm": unit = 100
        case "in": unit = 2540
        default: return nil
        }
        let sides = parts[2].dropLast(2).split(separator: "x", omittingEmptySubsequences: false)
        guard sides.count == 2, let width = Self.side(sides[0], unit), let length = Self.side(sides[1], unit) else {
            return nil
        }
        self.name = name
        self.width = width
        self.length = length
    }

    /// A positive decimal without needless zeros.
    private static func side(_ text: Substring, _ unit: Double) -> Int32? {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(halves.count), text.utf8.count <= 12,
            halves.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            halves[0] == "0" || halves[0].first != "0", halves.count == 1 || halves[1].last != "0",
            let value = Double(text), value > 0, value * unit <= longest
        else { return nil }
        let hundredths = (value * unit).rounded()
        return hundredths >= 1 ? Int32(hundredths) : nil
    }

    /// `custom_min_…` and `custom_max_…` bound what sizes there may be besides the named ones.
    var isBound: Bool { name.hasPrefix("custom_min_") || name.hasPrefix("custom_max_") }
}
