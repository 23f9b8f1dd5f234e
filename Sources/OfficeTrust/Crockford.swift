import OfficeCore

/// Crockford's base 32 with a check symbol: what codes that people read out and type in are made of.
///
/// A symbol is five bits. The last symbol of a code makes the weighted sum of all of them zero in GF(32), with the
/// weights 1, α, α², … (α a root of x⁵+x²+1, of order 31). The weights of a code of up to 31 symbols are different
/// and not zero, so that every single wrong symbol and every swap of two different ones is noticed.
/// Source of the alphabet: https://www.crockford.com/base32.html
enum Crockford {
    static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    /// Longer codes would repeat a weight.
    static let longestCode = 31

    /// Symbols as text, in groups of four.
    static func text(_ symbols: [UInt8]) -> String {
        var out: [UInt8] = []
        for (index, symbol) in symbols.enumerated() {
            if index > 0 && index.isMultiple(of: 4) { out.append(UInt8(ascii: "-")) }
            out.append(alphabet[Int(symbol & 31)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The symbols of a text: case, spaces and hyphens don't count; O is 0, I and L are 1. nil where another
    /// character is in it.
    static func symbols(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        for byte in text.utf8 where !(byte == 0x20 || (0x09...0x0D).contains(byte) || byte == UInt8(ascii: "-")) {
            guard let symbol = symbol(byte) else { return nil }
            out.append(symbol)
        }
        return out
    }

    private static func symbol(_ byte: UInt8) -> UInt8? {
        let upper = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte - 0x20 : byte
        switch upper {
        case UInt8(ascii: "O"): return 0
        case UInt8(ascii: "I"), UInt8(ascii: "L"): return 1
        default: return alphabet.firstIndex(of: upper).map { UInt8($0) }
        }
    }

    /// `symbols` with the check symbol behind them.
    static func checked(_ symbols: [UInt8]) -> [UInt8] {
        var weight: UInt8 = 1
        var sum: UInt8 = 0
        for symbol in symbols {
            sum ^= product(weight, symbol)
            weight = product(weight, 2)
        }
        // The symbol whose weighted value is the sum of the others: there is exactly one.
        return symbols + [(0..<32).first { product(weight, $0) == sum } ?? 0]
    }

    /// Whether the last symbol is the check of those before it.
    static func isSound(_ symbols: [UInt8]) -> Bool {
        !symbols.isEmpty && checked(Array(symbols.dropLast())) == symbols
    }

    /// Multiplication in GF(32), modulo x⁵+x²+1.
    private static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
        var result: UInt8 = 0
        var a = a
        for bit in 0..<5 {
            if b >> bit & 1 == 1 { result ^= a }
            a = a & 0x10 == 0 ? a << 1 : (a << 1) & 0x1F ^ 0b00101
        }
        return result
    }

    /// The first `count` groups of five bits of `bytes`, which must have that many.
    static func leadingSymbols(of bytes: [UInt8], count: Int) -> [UInt8] {
        (0..<count).map { index in
            (0..<5).reduce(0) { symbol, bit in
                let position = index * 5 + bit
                return symbol << 1 | (bytes[position / 8] >> (7 - position % 8) & 1)
            }
        }
    }
}
