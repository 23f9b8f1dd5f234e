package import Crypto
import FoundationEssentials
package import OfficeCore

/// A node's public key: P-256, known by its SubjectPublicKeyInfo in DER.
package struct NodeKey: Hashable, Sendable {
    /// The DER of `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING` up to the point (RFC 5480): of the
    /// named curve there is exactly one encoding, and so of a key exactly one id.
    private static let header: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ]
    /// Bytes of the SubjectPublicKeyInfo of an uncompressed P-256 key.
    package static let byteCount = 91

    /// The SubjectPublicKeyInfo in DER.
    package let spki: [UInt8]
    /// SHA-256 of `spki`.
    package let id: NodeID
    private let point: P256.Signing.PublicKey

    package init(_ key: P256.Signing.PublicKey) {
        point = key
        spki = Self.header + Array(key.x963Representation)
        id = NodeID(Digest256.of(spki))
    }

    /// Exactly the one encoding of a point on the curve.
    package init(spki: [UInt8]) throws(OfficeError) {
        let refusal = OfficeError(.malformed, "a node's key", "it is not a P-256 public key")
        guard spki.count == Self.byteCount, spki.starts(with: Self.header) else { throw refusal }
        guard let key = try? P256.Signing.PublicKey(x963Representation: spki.dropFirst(Self.header.count)) else {
            throw refusal
        }
        self.init(key)
    }

    /// The key, for TLS and signatures.
    package var publicKey: P256.Signing.PublicKey { point }

    /// Whether `signature` (r and s, 32 bytes each) is this key's over `message` for that purpose.
    package func verifies(_ signature: [UInt8], of message: [UInt8], for purpose: SigningPurpose) -> Bool {
        guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
        return point.isValidSignature(signature, for: purpose.prefix + message)
    }

    package static func == (a: NodeKey, b: NodeKey) -> Bool { a.spki == b.spki }
    package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

extension NodeKey: CustomStringConvertible {
    package var description: String { id.description }
}

/// What a signature is for: its bytes stand before the message, so that a signature made for one purpose
/// means nothing for another.
package enum SigningPurpose: String, Sendable {
    case logEntry = "officeshare log entry 1"
    case receipt = "officeshare receipt 1"
    case record = "officeshare share record 1"
    case ticket = "officeshare ticket 1"

    var prefix: [UInt8] { Array(rawValue.utf8) + [0] }
}
