package import Crypto

/// A SHA-256 digest: 32 bytes, 64 lower-case hexadecimal digits as text. The base of every id of the house.
package protocol DigestIdentifier: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    var digest: Digest256 { get }
    init(_ digest: Digest256)
}

extension DigestIdentifier {
    package init(hex: some StringProtocol) throws(OfficeError) {
        self.init(try Digest256(hex: hex))
    }

    package var description: String { digest.hex }
    /// The first 16 hexadecimal digits: what TXT records and log lines carry.
    package var short: String { String(digest.hex.prefix(16)) }

    package static func < (a: Self, b: Self) -> Bool { a.digest < b.digest }

    package init(from decoder: any Decoder) throws {
        try self.init(hex: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(digest.hex)
    }
}

/// 32 bytes that SHA-256 made.
package struct Digest256: Hashable, Sendable, Comparable {
    /// The bytes in order, eight to a word, the first byte in the most significant place.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    package static let byteCount = 32

    /// nil where there are not exactly 32 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var iterator = bytes.makeIterator()
        func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(iterator.next() ?? 0) } }
        words = (word(), word(), word(), word())
    }

    package init(_ digest: SHA256.Digest) {
        self = digest.withUnsafeBytes { raw in
            Digest256(
                words: (
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
                ))
        }
    }

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    package init(hex: some StringProtocol) throws(OfficeError) {
        guard let bytes = hexDecoded(hex), let digest = Digest256(bytes) else {
            throw OfficeError(.malformed, String(hex.prefix(80)), "an id is 64 hexadecimal digits")
        }
        self = digest
    }

    package static func of(_ bytes: some Sequence<UInt8>) -> Digest256 {
        Digest256(SHA256.hash(data: Array(bytes)))
    }

    package var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    package var hex: String { hexEncoded(bytes) }

    package static func == (a: Digest256, b: Digest256) -> Bool { a.words == b.words }
    package static func < (a: Digest256, b: Digest256) -> Bool { a.words < b.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// A node: the SHA-256 of its public key's SubjectPublicKeyInfo in DER.
package struct NodeID: DigestIdentifier {
    package let digest: Digest256
    package init(_ digest: Digest256) { self.digest = digest }
}

/// An office: the hash of its log's first entry.
package struct OfficeID: DigestIdentifier {
    package let digest: Digest256
    package init(_ digest: Digest256) { self.digest = digest }
}

/// A file's content: the Merkle root over its blocks, bound to its size. See `MerkleTree`.
package struct ContentRoot: DigestIdentifier {
    package let digest: Digest256
    package init(_ digest: Digest256) { self.digest = digest }
}
