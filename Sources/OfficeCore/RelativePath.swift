/// A path inside a share: checked names, none of which leads upwards. The empty path is the share itself.
package struct RelativePath: Hashable, Sendable, Comparable {
    /// Linux's PATH_MAX, less the NUL.
    package static let maximumLength = 4095

    package let components: [FileName]

    package static let root = RelativePath(components: [])

    private init(components: [FileName]) {
        self.components = components
    }

    package init(_ components: [FileName]) throws(OfficeError) {
        let length = components.reduce(0) { $0 + $1.bytes.count + 1 }
        guard length <= Self.maximumLength + 1 else {
            throw OfficeError(
                .malformed, components.first?.description ?? "",
                "the path is \(length - 1) bytes long, at most \(Self.maximumLength) are possible")
        }
        self.components = components
    }

    /// Parses bytes with `/` between names. Doubled and final slashes count as one, as everywhere on Unix;
    /// a leading slash, `.` and `..` are refused, not resolved.
    package init(parsing bytes: some Collection<UInt8>) throws(OfficeError) {
        guard bytes.first != 0x2F else {
            throw OfficeError(.malformed, escapedForTerminal(bytes.prefix(64)), "an absolute path is not possible here")
        }
        var components: [FileName] = []
        for part in bytes.split(separator: 0x2F) { components.append(try FileName(part)) }
        try self.init(components)
    }

    package init(parsing string: String) throws(OfficeError) {
        try self.init(parsing: Array(string.utf8))
    }

    package var isRoot: Bool { components.isEmpty }
    package var last: FileName? { components.last }
    package var parent: RelativePath { RelativePath(components: Array(components.dropLast())) }

    /// Whether any component is one of officeshare's own temporaries.
    package var isReserved: Bool { components.contains { $0.isReserved } }

    package func appending(_ name: FileName) throws(OfficeError) -> RelativePath {
        try RelativePath(components + [name])
    }

    package func appending(_ other: RelativePath) throws(OfficeError) -> RelativePath {
        try RelativePath(components + other.components)
    }

    /// What is left of this path below `ancestor`, or nil where it is not below it.
    package func relative(to ancestor: RelativePath) -> RelativePath? {
        guard components.starts(with: ancestor.components) else { return nil }
        return RelativePath(components: Array(components.dropFirst(ancestor.components.count)))
    }

    /// Joined by `/`, without a NUL.
    package var bytes: [UInt8] { Array(components.map(\.bytes).joined(separator: [0x2F])) }

    /// The path for a system call relative to a directory handle: `.` for the root.
    package func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        let terminated = (isRoot ? [0x2E] : bytes) + [0]
        return try terminated.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return try ".".withCString(body) }
            return try body(base.assumingMemoryBound(to: CChar.self))
        }
    }

    package static func < (a: RelativePath, b: RelativePath) -> Bool {
        a.components.lexicographicallyPrecedes(b.components)
    }
}

extension RelativePath: CustomStringConvertible {
    package var description: String { escapedForTerminal(bytes) }
}

/// On the wire and in the database a path is one percent-encoded string, exact for any bytes.
extension RelativePath: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        try self.init(parsing: try percentDecoded(text))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(percentEncoded(bytes))
    }
}
