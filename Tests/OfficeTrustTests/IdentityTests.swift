import Crypto
import Foundation
import OfficeCore
import SwiftASN1
import Testing
import X509

@testable import OfficeTrust

@Suite struct IdentityTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func path(_ name: String) -> String { directory.path + "/" + name }

    private func mode(_ name: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path(name))[.posixPermissions] as? Int)
    }

    @Test func anIdentityIsMadeOnceAndKept() throws {
        let first = try NodeIdentity.loadOrCreate(in: directory.path)
        let again = try NodeIdentity.loadOrCreate(in: directory.path)
        #expect(first.id == again.id)
        #expect(first.certificateDER == again.certificateDER)
        #expect(try mode("node.key") == 0o600)
        #expect(try mode("node.crt") == 0o600)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["node.crt", "node.key"])
        #expect(first.id.digest == Digest256.of(first.key.spki))
        #expect(first.key.spki == Array(first.key.publicKey.derRepresentation))
    }

    @Test func aCertificateThatIsMissingOrAnothersIsMadeAnew() throws {
        let first = try NodeIdentity.loadOrCreate(in: directory.path)
        try FileManager.default.removeItem(atPath: path("node.crt"))
        let second = try NodeIdentity.loadOrCreate(in: directory.path)
        #expect(second.id == first.id)
        try NodeIdentity().certificatePEM.write(toFile: path("node.crt"), atomically: false, encoding: .utf8)
        let third = try NodeIdentity.loadOrCreate(in: directory.path)
        #expect(try NodeCertificate.parse(der: third.certificateDER).id == first.id)
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o644])
    func aKeyThatOthersCanReadIsRefused(mode: Int) throws {
        _ = try NodeIdentity.loadOrCreate(in: directory.path)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path("node.key"))
        #expect(code { try NodeIdentity.loadOrCreate(in: directory.path) } == .configuration)
    }

    @Test func aKeyThatIsNoneIsRefusedAndNotReplaced() throws {
        _ = try NodeIdentity.loadOrCreate(in: directory.path)
        for text in ["", "nonsense", String(repeating: "x", count: 5000)] {
            let file = try #require(FileHandle(forWritingAtPath: path("node.key")))
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
            #expect(code { try NodeIdentity.loadOrCreate(in: directory.path) } == .configuration)
            #expect(try String(contentsOfFile: path("node.key"), encoding: .utf8) == text)
        }
        try FileManager.default.removeItem(atPath: path("node.key"))
        try FileManager.default.createSymbolicLink(atPath: path("node.key"), withDestinationPath: path("elsewhere"))
        #expect(code { try NodeIdentity.loadOrCreate(in: directory.path) } == .configuration)
        #expect(code { try NodeIdentity.loadOrCreate(in: path("nowhere")) } == .configuration)
    }

    @Test func signaturesAreGoodForTheirPurposeOnly() throws {
        let identity = try NodeIdentity()
        let signature = try identity.sign([1, 2, 3], for: .receipt)
        #expect(signature.count == 64)
        #expect(identity.key.verifies(signature, of: [1, 2, 3], for: .receipt))
        #expect(!identity.key.verifies(signature, of: [1, 2, 3], for: .ticket))
        #expect(!identity.key.verifies(signature, of: [1, 2], for: .receipt))
        #expect(!identity.key.verifies([], of: [1, 2, 3], for: .receipt))
        #expect(try !NodeIdentity().key.verifies(signature, of: [1, 2, 3], for: .receipt))
    }

    @Test func theCertificateTellsNothingAndHoldsForCenturies() throws {
        let identity = try NodeIdentity()
        let certificate = try Certificate(derEncoded: identity.certificateDER)
        #expect("\(certificate.subject)" == "CN=officeshare")
        #expect(certificate.extensions.isEmpty)
        #expect(certificate.notValidBefore == Date(timeIntervalSince1970: 0))
        #expect(certificate.notValidAfter > Date(timeIntervalSince1970: 7_226_582_400))
        #expect(identity.certificateDER.count < 400)
        #expect(try NodeCertificate.der(pem: identity.certificatePEM) == identity.certificateDER)
    }

    @Test func onlySelfSignedP256CertificatesAreRead() throws {
        let name = try DistinguishedName { CommonName("x") }
        func make(
            _ key: Certificate.PublicKey, issuer: DistinguishedName, signedBy signer: Certificate.PrivateKey,
            extensions: Certificate.Extensions = .init()
        ) throws -> [UInt8] {
            let certificate = try Certificate(
                version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: NodeCertificate.notBefore,
                notValidAfter: NodeCertificate.notAfter, issuer: issuer, subject: name, extensions: extensions,
                issuerPrivateKey: signer)
            return Array(try certificate.serializeAsPEM().derBytes)
        }
        let own = P256.Signing.PrivateKey()
        let other = P256.Signing.PrivateKey()
        let wide = P384.Signing.PrivateKey()
        let good = try make(.init(own.publicKey), issuer: name, signedBy: .init(own))
        #expect(try NodeCertificate.parse(der: good) == NodeKey(own.publicKey))
        let elsewhere = try DistinguishedName { CommonName("y") }
        let bad = [
            try make(.init(own.publicKey), issuer: name, signedBy: .init(other)),
            try make(.init(own.publicKey), issuer: elsewhere, signedBy: .init(own)),
            try make(.init(wide.publicKey), issuer: name, signedBy: .init(wide)),
            good + [0], Array(good.dropLast()), [], [UInt8](repeating: 0x30, count: 2049),
        ]
        for der in bad { #expect(code { try NodeCertificate.parse(der: der) } == .malformed) }
        // At the limit of length it is read, one above not.
        let padding = try Certificate.Extensions {
            Certificate.Extension(
                oid: [1, 3, 6, 1], critical: false, value: ArraySlice([UInt8](repeating: 1, count: 3000)))
        }
        let long = try make(.init(own.publicKey), issuer: name, signedBy: .init(own), extensions: padding)
        #expect(long.count > NodeCertificate.maximumBytes)
        #expect(code { try NodeCertificate.parse(der: long) } == .malformed)
    }

    @Test func damagedCertificatesNeverPass() throws {
        let identity = try NodeIdentity()
        for index in identity.certificateDER.indices {
            var damaged = identity.certificateDER
            damaged[index] ^= 0x04
            #expect(code { try NodeCertificate.parse(der: damaged) } == .malformed, "byte \(index)")
        }
    }
}
