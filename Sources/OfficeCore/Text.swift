// Bytes as text, both ways: for terminals (never an escape sequence), for URLs and JSON (always exact).

private let hexDigits = Array("0123456789abcdef".utf8)
private let upperHexDigits = Array("0123456789ABCDEF".utf8)

/// Text that is safe to print: control characters (C0, DEL, C1) and bytes that are not UTF-8 appear as
/// `\n`, `\t`, `\xNN` or `\u{NN}`, and a backslash as two.
package func escapedForTerminal(_ bytes: some Sequence<UInt8>) -> String {
    let bytes = Array(bytes)
    // The usual name has nothing to escape.
    if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x5C }) { return String(decoding: bytes, as: UTF8.self) }
    var out = ""
    var rest = bytes[...]
    while !rest.isEmpty {
        var decoder = UTF8()
        var iterator = rest.makeIterator()
        if case .scalarValue(let scalar) = decoder.decode(&iterator) {
            out += escaped(scalar)
            rest = rest.dropFirst(UTF8.width(scalar))
        } else {
            // Exactly the byte that is wrong, and anew behind it.
            out += hexEscape(rest[rest.startIndex])
            rest = rest.dropFirst()
        }
    }
    return out
}

private func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x0A: "\\n"
    case 0x0D: "\\r"
    case 0x09: "\\t"
    case 0x5C: "\\\\"
    case 0..<0x20, 0x7F: hexEscape(UInt8(scalar.value))
    // C1 controls, line and paragraph separators, and the marks that turn the direction of writing around.
    case 0x80..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0x200E, 0x200F:
        "\\u{\(String(scalar.value, radix: 16))}"
    default: String(Character(scalar))
    }
}

private func hexEscape(_ byte: UInt8) -> String {
    "\\x" + String(decoding: [hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]], as: UTF8.self)
}

extension String {
    /// See `escapedForTerminal(_:)`, but a backslash stays as it is: for messages, not for names.
    package var escapedForTerminal: String {
        unicodeScalars.contains { escaped($0).utf8.count != UTF8.width($0) && $0 != "\\" }
            ? unicodeScalars.map { $0 == "\\" ? "\\" : escaped($0) }.joined() : self
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters and `/`.
package func percentEncoded(_ bytes: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    for byte in bytes {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: "/"):
            out.append(byte)
        default:
            out.append(UInt8(ascii: "%"))
            out.append(upperHexDigits[Int(byte >> 4)])
            out.append(upperHexDigits[Int(byte & 15)])
        }
    }
    return String(decoding: out, as: UTF8.self)
}

/// Undoes `percentEncoded`, strictly: a `%` without two hex digits behind it is malformed. One pass only:
/// what comes out is bytes, and is never decoded again.
package func percentDecoded(_ text: some StringProtocol) throws(OfficeError) -> [UInt8] {
    var out: [UInt8] = []
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
        guard byte == UInt8(ascii: "%") else {
            out.append(byte)
            continue
        }
        guard let high = iterator.next().flatMap(hexValue), let low = iterator.next().flatMap(hexValue) else {
            throw OfficeError(.malformed, String(text.prefix(64)), "a '%' needs two hexadecimal digits behind it")
        }
        out.append(high << 4 | low)
    }
    return out
}

package func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// Lower-case hexadecimal.
package func hexEncoded(_ bytes: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    for byte in bytes {
        out.append(hexDigits[Int(byte >> 4)])
        out.append(hexDigits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
}

/// Undoes `hexEncoded`; nil where it is not an even number of hexadecimal digits.
package func hexDecoded(_ text: some StringProtocol) -> [UInt8]? {
    var out: [UInt8] = []
    var iterator = text.utf8.makeIterator()
    while let first = iterator.next() {
        guard let high = hexValue(first), let low = iterator.next().flatMap(hexValue) else { return nil }
        out.append(high << 4 | low)
    }
    return out
}
