#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A name as JSON carries it: exactly, though people were shown it with control characters escaped.
package struct ExactName: Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter shown: What `escapedForTerminal` made of the name, which is undone. A backslash that it can't have
    ///   written stands for itself.
    package init(shown: String) {
        var bytes: [UInt8] = []
        var rest = Array(shown.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let unescaped = Self.unescape(&rest) else {
                bytes.append(byte)
                continue
            }
            bytes += unescaped
        }
        self.bytes = bytes
    }

    /// With U+FFFD for what is not UTF-8.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
    /// RFC 4648, section 4; nil where `text` is exact.
    package var base64: String? {
        String(validating: bytes, as: UTF8.self) == nil ? Data(bytes).base64EncodedString() : nil
    }

    /// What stands behind a backslash, and is taken; nil where that is no escape.
    private static func unescape(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        switch rest.first {
        case UInt8(ascii: "n"): return take(1, [0x0A], &rest)
        case UInt8(ascii: "r"): return take(1, [0x0D], &rest)
        case UInt8(ascii: "t"): return take(1, [0x09], &rest)
        case UInt8(ascii: "\\"): return take(1, [0x5C], &rest)
        case UInt8(ascii: "x"):
            return hex(rest.dropFirst().prefix(2)).flatMap { $0 < 256 ? take(3, [UInt8($0)], &rest) : nil }
        case UInt8(ascii: "u"):
            let digits = rest.dropFirst(2).prefix(5).prefix { $0 != UInt8(ascii: "}") }
            guard rest.dropFirst().first == UInt8(ascii: "{"), rest.dropFirst(2 + digits.count).first == 0x7D,
                let scalar = hex(digits).flatMap(Unicode.Scalar.init)
            else { return nil }
            return take(3 + digits.count, Array(String(Character(scalar)).utf8), &rest)
        default: return nil
        }
    }

    private static func take(_ count: Int, _ bytes: [UInt8], _ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        rest = rest.dropFirst(count)
        return bytes
    }

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard digits.count > 1, digits.first != UInt8(ascii: "+") else { return nil }
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
