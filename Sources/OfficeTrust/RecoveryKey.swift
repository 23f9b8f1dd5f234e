import Crypto
import FoundationEssentials
package import OfficeCore

/// The key on paper that counts as an admin senior to all: 135 random bits, printed once when an office is made.
///
/// Its signing key is derived from them, and only the public half is in the office log.
package struct RecoveryKey: Sendable {
    /// Symbols of the secret, without the check.
    private static let secretSymbols = 27

    private let symbols: [UInt8]
    let privateKey: P256.Signing.PrivateKey
    /// The public half, as the office's first entry has it.
    package let publicKey: NodeKey

    /// A new one from the system's random numbers.
    package init() throws(OfficeError) {
        try self.init(symbols: (0..<Self.secretSymbols).map { _ in UInt8.random(in: 0..<32) })
    }

    /// As it was printed: case, spaces and hyphens don't count.
    package init(parsing text: String) throws(OfficeError) {
        let mend = "It is 28 letters and digits in groups of four, as 'office create' printed them."
        let what = "the recovery key"
        guard text.utf8.count <= 200, let symbols = Crockford.symbols(text) else {
            throw OfficeError(.malformed, what, "there is a character in it that a recovery key can't have", mend: mend)
        }
        guard symbols.count == Self.secretSymbols + 1 else {
            throw OfficeError(.malformed, what, "it has \(symbols.count) characters", mend: mend)
        }
        guard Crockford.isSound(symbols) else {
            throw OfficeError(.malformed, what, "a character of it is wrong, or two are swapped", mend: mend)
        }
        try self.init(symbols: Array(symbols.dropLast()))
    }

    private init(symbols: [UInt8]) throws(OfficeError) {
        self.symbols = symbols
        privateKey = try Self.derive(symbols)
        publicKey = NodeKey(privateKey.publicKey)
    }

    /// HKDF-SHA256 over the symbols, with a counter for the one in 2³² values that is no scalar of P-256.
    private static func derive(_ symbols: [UInt8]) throws(OfficeError) -> P256.Signing.PrivateKey {
        for counter in UInt8.min...UInt8.max {
            let scalar = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: symbols),
                info: Array("officeshare recovery key 1".utf8) + [counter],
                outputByteCount: 32)
            let bytes = scalar.withUnsafeBytes { Array($0) }
            if let key = try? P256.Signing.PrivateKey(rawRepresentation: bytes) { return key }
        }
        throw OfficeError(.fault, "the recovery key", "no signing key could be derived from it")
    }

    /// For paper: groups of four with hyphens. The only place where the secret leaves this value.
    package var printed: String { Crockford.text(Crockford.checked(symbols)) }
}
