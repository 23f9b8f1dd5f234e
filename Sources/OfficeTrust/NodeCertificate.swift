import Crypto
import FoundationEssentials
package import OfficeCore
import SwiftASN1
import X509

/// The certificates that nodes show each other: self-signed, over a P-256 key, naming nobody.
///
/// All that a certificate says is its key: names and dates decide nothing (a wrong clock locks nobody out).
package enum NodeCertificate {
    /// A node's certificate is under 400 bytes; more is not read.
    package static let maximumBytes = 2048

    /// The first and last second of validity: 1970-01-01 and 2199-12-31, so that no clock is outside.
    static let notBefore = Date(timeIntervalSince1970: 0)
    static let notAfter = Date(timeIntervalSince1970: 7_258_118_399)

    /// Reads a certificate that came from the network. Accepts exactly an X.509 v3 certificate over a P-256 key,
    /// issued and signed by itself; throws `.malformed` for everything else.
    package static func parse(der: some Collection<UInt8>) throws(OfficeError) -> NodeKey {
        func refusal(_ why: String) -> OfficeError { OfficeError(.malformed, "a node's certificate", why) }
        guard der.count <= maximumBytes else {
            throw refusal("it is \(der.count) bytes long, at most \(maximumBytes) are read")
        }
        let certificate: Certificate
        do { certificate = try Certificate(derEncoded: Array(der)) } catch { throw refusal("it can't be read") }
        guard certificate.version == .v3, certificate.issuer == certificate.subject,
            certificate.signatureAlgorithm == .ecdsaWithSHA256
        else { throw refusal("it is not a self-signed certificate") }
        guard let key = P256.Signing.PublicKey(certificate.publicKey) else { throw refusal("its key is not P-256") }
        guard certificate.publicKey.isValidSignature(certificate.signature, for: certificate) else {
            throw refusal("it is not signed by its own key")
        }
        return NodeKey(key)
    }

    /// Makes a node's certificate: CN=officeshare and the key, nothing that tells a stranger whose it is.
    static func make(for key: P256.Signing.PrivateKey) throws(OfficeError) -> [UInt8] {
        do {
            let name = try DistinguishedName { CommonName("officeshare") }
            let certificate = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: Certificate.PublicKey(key.publicKey),
                notValidBefore: notBefore,
                notValidAfter: notAfter,
                issuer: name,
                subject: name,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: Certificate.Extensions(),
                issuerPrivateKey: Certificate.PrivateKey(key))
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            return serializer.serializedBytes
        } catch {
            throw OfficeError(.fault, "this node's certificate", "it can't be made: \(error)")
        }
    }

    static func pem(_ der: [UInt8]) -> String {
        PEMDocument(type: "CERTIFICATE", derBytes: der).pemString + "\n"
    }

    static func der(pem: String) throws(OfficeError) -> [UInt8] {
        guard let document = try? PEMDocument(pemString: pem), document.discriminator == "CERTIFICATE" else {
            throw OfficeError(.configuration, "this node's certificate", "it is not a certificate in PEM")
        }
        return document.derBytes
    }
}
