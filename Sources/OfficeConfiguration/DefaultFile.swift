/// `etc/officeshare.yaml`: every key with its default, commented out, made from the table.
///
/// Each line of it begins with one `#` that comments it out. Without those it is a file that says the defaults.
package enum DefaultFile {
    package static func text() -> String {
        let top = ConfigurationKey.all.filter { $0.path.count == 1 }
        var blocks = [comment(introduction)] + top.map { block($0, indent: "") }
        for section in ConfigurationKey.sections {
            let keys = ConfigurationKey.all.filter { $0.path.first == section.name && $0.path.count == 2 }
            blocks.append(comment(section.summary) + ["\(section.name):"])
            blocks += keys.map { block($0, indent: "  ") }
        }
        return blocks.map { block in block.map { "#\($0)\n" }.joined() }.joined(separator: "\n")
    }

    private static let introduction = """
        The configuration of officeshared(8); officeshare.yaml(5) is its manual. Every value below is the default: \
        without this file the daemon runs the same. To change one, remove the first '#' of its line, and of its \
        section's line; then 'officeshared --check-config' says whether it is good, and 'systemctl reload \
        officeshared' or 'systemctl restart officeshared' applies it.
        """

    private static func block(_ key: ConfigurationKey, indent: String) -> [String] {
        let applied = key.live ? "A reload applies it." : "A restart applies it."
        let width = 96 - indent.count
        let lines = comment(key.summary, width: width) + comment("Give \(key.allowed). \(applied)", width: width)
        let name = key.path.last ?? ""
        return (lines + assignment(name, key.value(in: Settings()))).map { indent + $0 }
    }

    private static func comment(_ text: String, width: Int = 96) -> [String] {
        wrapped(text, width: width).map { "# \($0)" }
    }

    private static func assignment(_ name: String, _ value: ConfigurationValue) -> [String] {
        switch value {
        case .one(let text):
            return ["\(name): \(scalar(text))"]
        case .many(let texts):
            let flow = "\(name): [\(texts.map(scalar).joined(separator: ", "))]"
            let lines = wrapped(flow, width: 92)
            return lines.prefix(1) + lines.dropFirst().map { "  \($0)" }
        }
    }

    /// A YAML scalar: plain where nothing in it means anything to YAML.
    private static func scalar(_ text: String) -> String {
        let isPlain =
            text.first.map { $0.isLetter || $0.isNumber || $0 == "/" } == true
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789._/*?-".unicodeScalars.contains($0))
            }
        return isPlain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}

/// `text` in lines of at most `width` characters, broken at blanks.
func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
        if let last = lines.last, last.count + 1 + word.count <= width {
            lines[lines.count - 1] += " \(word)"
        } else {
            lines.append(String(word))
        }
    }
    return lines
}
