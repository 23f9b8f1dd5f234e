import NIOCore
import NIOSSL
import OfficeCore
import OfficeTrust

/// TLS between nodes: 1.3 only, both sides present their certificate, and the key alone says who it is.
///
/// Certificates are never judged by names or dates (a wrong clock must not lock an office out): the hash of the
/// key is compared with whom we expect, or with the office log.
struct PeerTLS: Sendable {
    /// ALPN of members' HTTP.
    static let memberProtocol = "officeshare/1"
    /// ALPN of joining: answered only while an invitation is open.
    static let joinProtocol = "officeshare-join/1"

    /// How long a close waits for the other side's: who pulled the cable will not answer.
    private static let closing = TimeAmount.milliseconds(250)

    /// Who presented itself in a handshake.
    struct Presented: Sendable {
        let nodeID: NodeID
        let certificateDER: [UInt8]
    }

    private let server: NIOSSLContext
    private let member: NIOSSLContext
    private let joining: NIOSSLContext

    init(identity: NodeIdentity) throws {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8)).map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = NIOSSLPrivateKeySource.privateKey(
            try NIOSSLPrivateKey(bytes: Array(identity.privateKeyPEM.utf8), format: .pem))

        var serving = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
        serving.minimumTLSVersion = .tlsv13
        serving.certificateVerification = .noHostnameVerification
        serving.applicationProtocols = [Self.memberProtocol, Self.joinProtocol]
        serving.trustRoots = .certificates([])
        serving.shutdownTimeout = Self.closing
        server = try NIOSSLContext(configuration: serving)

        var calling = TLSConfiguration.makeClientConfiguration()
        calling.minimumTLSVersion = .tlsv13
        calling.certificateChain = chain
        calling.privateKey = key
        calling.certificateVerification = .noHostnameVerification
        calling.trustRoots = .certificates([])
        calling.shutdownTimeout = Self.closing
        calling.applicationProtocols = [Self.memberProtocol]
        member = try NIOSSLContext(configuration: calling)
        calling.applicationProtocols = [Self.joinProtocol]
        joining = try NIOSSLContext(configuration: calling)
    }

    /// The accepting side's handler. `admit` decides on the event loop, before the handshake is done, whether
    /// this key may go on; who it was is put into `presented`.
    func serverHandler(
        presented: PresentedBox, admit: @escaping @Sendable (NodeID) -> Bool
    ) -> NIOSSLServerHandler {
        NIOSSLServerHandler(
            context: server, customVerificationCallback: Self.verifier(presented: presented, admit: admit))
    }

    /// The calling side's handler, likewise.
    func clientHandler(
        joining isJoining: Bool, presented: PresentedBox, admit: @escaping @Sendable (NodeID) -> Bool
    ) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(
            context: isJoining ? joining : member, serverHostname: nil,
            customVerificationCallback: Self.verifier(presented: presented, admit: admit))
    }

    private static func verifier(
        presented: PresentedBox, admit: @escaping @Sendable (NodeID) -> Bool
    ) -> NIOSSLCustomVerificationCallback {
        { certificates, promise in
            // Exactly one: nobody here has a chain.
            guard certificates.count == 1, let der = try? certificates[0].toDERBytes(),
                let parsed = try? NodeCertificate.parse(der: der), admit(parsed.id)
            else {
                promise.succeed(.failed)
                return
            }
            presented.set(Presented(nodeID: parsed.id, certificateDER: der))
            promise.succeed(.certificateVerified)
        }
    }
}
