/// A name that people give: of a node, a share, a space, a queue.
///
/// UTF-8 without `/`, control characters or white space at its ends, 1 to 63 bytes (so that it fits a DNS
/// label), not beginning with `.` or `-`. Compared byte by byte: the law of the fold, not of a locale.
package struct Label: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    package static let maximumLength = 63
    /// The word that names the office itself in paths: no node and no share can have it.
    package static let office = "office"

    private let utf8: [UInt8]

    /// That word as a name, for what is the office's own.
    package static let ofOffice = Label(known: office)

    private init(known text: String) { utf8 = Array(text.utf8) }

    package init(_ text: String) throws(OfficeError) {
        let bytes = Array(text.utf8)
        func refuse(_ why: String) -> OfficeError { OfficeError(.malformed, text.escapedForTerminal, why) }
        guard !bytes.isEmpty else { throw refuse("a name can't be empty") }
        guard bytes.count <= Self.maximumLength else {
            throw refuse("the name is \(bytes.count) bytes long, at most \(Self.maximumLength) are possible")
        }
        guard bytes.first != UInt8(ascii: "."), bytes.first != UInt8(ascii: "-") else {
            throw refuse("a name can't begin with '\(text.prefix(1))'")
        }
        for scalar in text.unicodeScalars {
            guard scalar != "/", scalar != "@", scalar != ":" else {
                throw refuse("a name can't have a '\(scalar)' in it")
            }
            guard !scalar.properties.generalCategory.isControl else {
                throw refuse("a name can't have control characters in it")
            }
        }
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            !first.properties.isWhitespace, !last.properties.isWhitespace
        else { throw refuse("a name can't begin or end with white space") }
        self.utf8 = bytes
    }

    /// Bytes that came from the network or the command line.
    package init(bytes: some Collection<UInt8>) throws(OfficeError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw OfficeError(.malformed, OfficeCore.escapedForTerminal(bytes.prefix(64)), "a name has to be UTF-8")
        }
        try self.init(text)
    }

    package var description: String { String(decoding: utf8, as: UTF8.self) }
    package var bytes: [UInt8] { utf8 }

    package static func < (a: Label, b: Label) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    package init(from decoder: any Decoder) throws {
        try self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isControl: Bool {
        switch self {
        case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: true
        default: false
        }
    }
}

/// `NODE`, `NODE/SHARE` or `NODE/SHARE/PATH`, as typed on the command line.
package struct OfficePath: Hashable, Sendable, CustomStringConvertible {
    package var node: Label
    package var share: Label?
    package var path: RelativePath

    package init(node: Label, share: Label? = nil, path: RelativePath = .root) {
        self.node = node
        self.share = share
        self.path = path
    }

    /// Bytes, as the argument came: final and doubled slashes count as one.
    package init(parsing bytes: some Collection<UInt8>) throws(OfficeError) {
        guard bytes.first != 0x2F else {
            throw OfficeError(
                .malformed, OfficeCore.escapedForTerminal(bytes.prefix(128)),
                "a path of the office begins with a node's name",
                mend: "Write NODE/SHARE/PATH; 'officeshare ls' shows what there is.")
        }
        let parts = bytes.split(separator: 0x2F, maxSplits: 2, omittingEmptySubsequences: true)
        guard let first = parts.first else {
            throw OfficeError(.malformed, "''", "the path is empty", mend: "Write NODE/SHARE/PATH.")
        }
        node = try Label(bytes: first)
        share = parts.count > 1 ? try Label(bytes: parts[1]) : nil
        path = parts.count > 2 ? try RelativePath(parsing: parts[2].drop { $0 == 0x2F }) : .root
    }

    package init(parsing string: String) throws(OfficeError) {
        try self.init(parsing: Array(string.utf8))
    }

    /// The exact bytes: `NODE/SHARE/PATH`.
    package var bytes: [UInt8] {
        var out = node.bytes
        if let share { out += [0x2F] + share.bytes }
        if !path.isRoot { out += [0x2F] + path.bytes }
        return out
    }

    /// For people: control characters escaped.
    package var description: String { OfficeCore.escapedForTerminal(bytes) }
}
