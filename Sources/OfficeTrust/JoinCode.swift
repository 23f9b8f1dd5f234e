package import OfficeCore

/// What `office invite` prints and `office join` takes: 24 characters in groups of four.
///
/// 75 bits of the inviter's key hash (so that the joiner knows whom it talks to before it says anything), a 40-bit
/// secret that lives once, and 5 bits of check. The code itself never travels.
package struct JoinCode: Sendable, Equatable {
    private static let keySymbols = 15
    private static let secretSymbols = 8
    private static let symbolCount = keySymbols + secretSymbols + 1

    private let symbols: [UInt8]

    /// A new code of an inviter, with a secret from the system's random numbers.
    package init(inviter: NodeID) {
        let secret = (0..<Self.secretSymbols).map { _ in UInt8.random(in: 0..<32) }
        symbols = Crockford.checked(Self.prefix(of: inviter) + secret)
    }

    /// As it was typed: case, spaces and hyphens don't count, O is 0, I and L are 1. Throws `.malformed` for every
    /// other text, every single wrong character and every swap of two.
    package init(parsing text: String) throws(OfficeError) {
        let mend = "It is 24 letters and digits in groups of four, as 'office invite' printed them."
        let what = "the joining code"
        guard text.utf8.count <= 200, let symbols = Crockford.symbols(text) else {
            throw OfficeError(.malformed, what, "there is a character in it that a code can't have", mend: mend)
        }
        guard symbols.count == Self.symbolCount else {
            throw OfficeError(.malformed, what, "it has \(symbols.count) characters", mend: mend)
        }
        guard Crockford.isSound(symbols) else {
            throw OfficeError(.malformed, what, "a character of it is wrong, or two are swapped", mend: mend)
        }
        self.symbols = symbols
    }

    /// For people: `ABCD-EFGH-…`.
    package var printed: String { Crockford.text(symbols) }

    /// Whether it is a node with this key that made the code: to be asked before anything is sent.
    package func isFrom(_ inviter: NodeID) -> Bool {
        symbols.prefix(Self.keySymbols).elementsEqual(Self.prefix(of: inviter))
    }

    /// What both sides know and nobody else.
    package var secret: JoinSecret {
        JoinSecret(symbols: Array(symbols[Self.keySymbols...].prefix(Self.secretSymbols)))
    }

    private static func prefix(of inviter: NodeID) -> [UInt8] {
        Crockford.leadingSymbols(of: inviter.digest.bytes, count: keySymbols)
    }
}
extension JoinCode {
    /// Whether the first 60 bits of a node's id, of which mDNS announces 64, are those of the code's maker: a hint
    /// where to knock, decided by `isFrom` once its key is seen.
    package func sharesAnnouncedPrefix(with node: NodeID) -> Bool {
        let announced = 12
        return symbols.prefix(announced).elementsEqual(Self.prefix(of: node).prefix(announced))
    }
}
