package import OfficeCore

/// A print job's UUID, made once by the node it was submitted on and the same end to end. Lower-case text, without
/// `urn:uuid:`.
package struct JobID: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    private static let urn = "urn:uuid:"

    package let description: String

    /// A new one (RFC 9562, version 4).
    package init() {
        var generator = SystemRandomNumberGenerator()
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = ""
        for (place, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(place) { text += "-" }
            text += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
        }
        description = text
    }

    /// With or without `urn:uuid:`, in either case. Throws `.malformed` for what is no UUID.
    package init(_ text: String) throws(OfficeError) {
        var bare = text.lowercased()
        if bare.hasPrefix(Self.urn) { bare.removeFirst(Self.urn.count) }
        let parts = bare.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isDigit = { (byte: UInt8) in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        guard parts.map(\.count) == [8, 4, 4, 4, 12], parts.allSatisfy({ $0.allSatisfy(isDigit) }) else {
            throw OfficeError(
                .malformed, String(text.prefix(64)).escapedForTerminal, "a job's id is a UUID",
                mend: "'officeshare jobs' shows them.")
        }
        description = bare
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
