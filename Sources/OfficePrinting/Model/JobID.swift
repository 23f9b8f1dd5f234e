package import OfficeCore

/// A print job's UUID, made once by the node it was submitted on and the same end to end. Lower-case text, without
/// `urn:uuid:`.
package struct JobID: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    private static let urn = "urn:uuid:"

    package let description: String

    /// A new one (RFC 9562, version 4).
    package init() {
        description = UUIDText.make()
    }

    /// With or without `urn:uuid:`, in either case. Throws `.malformed` for what is no UUID.
    package init(_ text: String) throws(OfficeError) {
        var bare = text.lowercased()
        if bare.hasPrefix(Self.urn) { bare.removeFirst(Self.urn.count) }
        guard let parsed = UUIDText.parse(bare) else {
            throw OfficeError(
                .malformed, String(text.prefix(64)).escapedForTerminal, "a job's id is a UUID",
                mend: "'officeshare jobs' shows them.")
        }
        description = parsed
    }

    /// As IPP writes it.
    package var uri: String { Self.urn + description }

    package static func < (a: JobID, b: JobID) -> Bool { a.description < b.description }

    package init(from decoder: any Decoder) throws {
        try self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
