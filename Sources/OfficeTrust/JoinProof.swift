import Crypto
import FoundationEssentials
import OfficeCore

/// The secret of a joining code, 40 bits, good for one node and five wrong tries.
package struct JoinSecret: Sendable, Equatable {
    let symbols: [UInt8]

    /// Which side proves that it knows the secret.
    package enum Side: String, Sendable {
        case joiner = "officeshare join request 1"
        case inviter = "officeshare join answer 1"
    }

    /// HMAC-SHA256, keyed by HKDF-SHA256 of the secret, over the side's label and both certificates: whoever shows
    /// other certificates on one of the sides can't pass the proof on.
    package func proof(by side: Side, joinerCertificate: [UInt8], inviterCertificate: [UInt8]) -> [UInt8] {
        var hmac = HMAC<SHA256>(key: key)
        update(&hmac, side, joinerCertificate, inviterCertificate)
        return Array(hmac.finalize())
    }

    /// Whether a proof is right, in a time that doesn't depend on it.
    package func verifies(
        _ proof: [UInt8], by side: Side, joinerCertificate: [UInt8], inviterCertificate: [UInt8]
    ) -> Bool {
        let expected = self.proof(
            by: side, joinerCertificate: joinerCertificate, inviterCertificate: inviterCertificate)
        guard proof.count == expected.count else { return false }
        return zip(proof, expected).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private var key: SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: symbols), info: Array("officeshare join secret 1".utf8),
            outputByteCount: 32)
    }

    private func update(_ hmac: inout HMAC<SHA256>, _ side: Side, _ joiner: [UInt8], _ inviter: [UInt8]) {
        for part in [Array(side.rawValue.utf8), joiner, inviter] {
            hmac.update(data: (0..<4).map { UInt8(truncatingIfNeeded: part.count >> (24 - 8 * $0)) })
            hmac.update(data: part)
        }
    }
}
