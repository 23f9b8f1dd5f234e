import Crypto
import FoundationEssentials
package import OfficeCore

/// Who this node is: a P-256 key and a self-signed certificate over it, made at first start and kept for ever.
package struct NodeIdentity: Sendable {
    static let keyFile = "node.key"
    static let certificateFile = "node.crt"

    /// The public key; its id is the node's.
    package let key: NodeKey
    let privateKey: P256.Signing.PrivateKey
    /// The certificate that TLS shows, in DER.
    package let certificateDER: [UInt8]

    package var id: NodeID { key.id }
    /// For NIOSSL.
    package var certificatePEM: String { NodeCertificate.pem(certificateDER) }
    /// For NIOSSL. Goes nowhere else.
    package var privateKeyPEM: String { privateKey.pemRepresentation }

    /// A new identity that lives in memory: for tests, and the first half of `loadOrCreate`.
    package init() throws(OfficeError) {
        let privateKey = P256.Signing.PrivateKey()
        try self.init(privateKey: privateKey, certificateDER: try NodeCertificate.make(for: privateKey))
    }

    private init(privateKey: P256.Signing.PrivateKey, certificateDER: [UInt8]) throws(OfficeError) {
        self.privateKey = privateKey
        self.certificateDER = certificateDER
        key = NodeKey(privateKey.publicKey)
    }

    /// The identity kept in a directory that exists, or a new one written there (both files 0600).
    ///
    /// Blocks on the disk. Throws `.configuration` where the key file is damaged, belongs to somebody else or can
    /// be read by others: a key that may have been read is not used in silence.
    package static func loadOrCreate(in directory: String) throws(OfficeError) -> NodeIdentity {
        let directory = try StateDirectory(path: directory)
        if let identity = try load(from: directory) { return identity }
        let new = try NodeIdentity()
        // Another process may have been first: then its key counts.
        if try directory.create(keyFile, contents: Array(new.privateKeyPEM.utf8)) {
            _ = try directory.create(certificateFile, contents: Array(new.certificatePEM.utf8))
        }
        guard let identity = try load(from: directory) else {
            throw OfficeError(.io, directory.path, "the node's key was written and is not there")
        }
        return identity
    }

    private static func load(from directory: StateDirectory) throws(OfficeError) -> NodeIdentity? {
        guard let bytes = try directory.readPrivate(keyFile, limit: 4096) else { return nil }
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: String(decoding: bytes, as: UTF8.self)) else {
            throw OfficeError(
                .configuration, directory.display(keyFile), "it is not a P-256 private key in PEM",
                mend: "Restore it from a backup, or remove it to make this a new node that has to join again.")
        }
        return try NodeIdentity(privateKey: key, certificateDER: try certificate(of: key, in: directory))
    }

    /// The certificate beside the key; made anew where it is missing (a crash between the two files) or is not
    /// that key's, for the key alone is the identity.
    private static func certificate(
        of key: P256.Signing.PrivateKey, in directory: StateDirectory
    ) throws(OfficeError) -> [UInt8] {
        if let pem = try directory.readPrivate(certificateFile, limit: 4096),
            let der = try? NodeCertificate.der(pem: String(decoding: pem, as: UTF8.self)),
            let certified = try? NodeCertificate.parse(der: der), certified == NodeKey(key.publicKey)
        {
            return der
        }
        let der = try NodeCertificate.make(for: key)
        try directory.replace(certificateFile, contents: Array(NodeCertificate.pem(der).utf8))
        return der
    }

    /// Signs for one purpose: r and s, 32 bytes each.
    package func sign(_ message: [UInt8], for purpose: SigningPurpose) throws(OfficeError) -> [UInt8] {
        try privateKey.signed(message, for: purpose)
    }
}

extension P256.Signing.PrivateKey {
    func signed(_ message: [UInt8], for purpose: SigningPurpose) throws(OfficeError) -> [UInt8] {
        do { return Array(try signature(for: purpose.prefix + message).rawRepresentation) } catch {
            throw OfficeError(.fault, "a signature", "it can't be made: \(error)")
        }
    }
}
