import OfficeCore

/// The JSON of the office log: one byte sequence for each value, so that what was signed can be read one way only.
///
/// RFC 8259 narrowed down: no white space; an object's keys strictly ascending by their bytes (so none twice); in
/// strings `\"`, `\\` and `\u00xx` (lower case, for U+0000 to U+001F) are the only escapes and all else is plain
/// UTF-8; numbers are integers of at most 53 bits. Foundation's decoder is more forgiving than a signed format may be.
indirect enum CanonicalJSON: Hashable, Sendable {
    struct Member: Hashable, Sendable {
        var key: [UInt8]
        var value: CanonicalJSON
    }

    case object([Member])
    case array([CanonicalJSON])
    /// UTF-8: compared by bytes, as Swift's strings are not.
    case string([UInt8])
    case integer(Int64)
    case bool(Bool)
    case null

    static let greatestInteger: Int64 = (1 << 53) - 1
    static let greatestDepth = 8

    /// Reads exactly one value; throws `.malformed` for anything not in canonical form.
    init(parsing bytes: [UInt8]) throws(OfficeError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw CanonicalParser.refusal("it is not UTF-8") }
        var parser = CanonicalParser(bytes: bytes)
        self = try parser.value(depth: 0)
        guard parser.position == bytes.count else { throw CanonicalParser.refusal("something stands behind its end") }
    }

    static func text(_ string: String) -> CanonicalJSON { .string(Array(string.utf8)) }

    static func object(_ members: [String: CanonicalJSON]) -> CanonicalJSON {
        .object(
            members.map { Member(key: Array($0.key.utf8), value: $0.value) }
                .sorted { $0.key.lexicographicallyPrecedes($1.key) })
    }

    /// The one way to write it.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    private func write(to out: inout [UInt8]) {
        switch self {
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                Self.write(string: member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                member.value.write(to: &out)
            }
            out.append(UInt8(ascii: "}"))
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                value.write(to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .string(let string): Self.write(string: string, to: &out)
        case .integer(let number): out += String(number).utf8
        case .bool(let flag): out += (flag ? "true" : "false").utf8
        case .null: out += "null".utf8
        }
    }

    private static func write(string: [UInt8], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in string {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: out += Array("\\u00\(hexEncoded([byte]))".utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

/// A recursive descent over bytes that are valid UTF-8, no deeper than `CanonicalJSON.greatestDepth`.
private struct CanonicalParser {
    let bytes: [UInt8]
    var position = 0

    static func refusal(_ why: String) -> OfficeError {
        OfficeError(.malformed, "an entry of the office log", "it is not JSON in canonical form: \(why)")
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString) throws(OfficeError) {
        for offset in 0..<word.utf8CodeUnitCount where !take(word.utf8Start[offset]) {
            throw Self.refusal("a value begins at byte \(position) that is none")
        }
    }

    mutating func value(depth: Int) throws(OfficeError) -> CanonicalJSON {
        guard depth <= CanonicalJSON.greatestDepth else { throw Self.refusal("it is nested too deeply") }
        switch next {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try take(word: "true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try take(word: "false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try take(word: "null")
            return .null
        default: return .integer(try integer())
        }
    }

    private mutating func members(depth: Int) throws(OfficeError) -> [CanonicalJSON.Member] {
        position += 1
        var members: [CanonicalJSON.Member] = []
        if take(UInt8(ascii: "}")) { return members }
        repeat {
            let key = try string()
            if let last = members.last, !last.key.lexicographicallyPrecedes(key) {
                throw Self.refusal("its keys are not in order")
            }
            guard take(UInt8(ascii: ":")) else { throw Self.refusal("a ':' is missing at byte \(position)") }
            members.append(.init(key: key, value: try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw Self.refusal("an object isn't closed at byte \(position)") }
        return members
    }

    private mutating func elements(depth: Int) throws(OfficeError) -> [CanonicalJSON] {
        position += 1
        var values: [CanonicalJSON] = []
        if take(UInt8(ascii: "]")) { return values }
        repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw Self.refusal("an array isn't closed at byte \(position)") }
        return values
    }

    private mutating func string() throws(OfficeError) -> [UInt8] {
        guard take(UInt8(ascii: "\"")) else { throw Self.refusal("a string is missing at byte \(position)") }
        var out: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return out
            case UInt8(ascii: "\\"): out.append(try escape())
            case 0..<0x20: throw Self.refusal("a control character stands in a string")
            default: out.append(byte)
            }
        }
        throw Self.refusal("a string isn't closed")
    }

    private mutating func escape() throws(OfficeError) -> UInt8 {
        if take(UInt8(ascii: "\"")) { return UInt8(ascii: "\"") }
        if take(UInt8(ascii: "\\")) { return UInt8(ascii: "\\") }
        try take(word: "u00")
        let digits = bytes[position...].prefix(2)
        position += digits.count
        guard let value = hexDecoded(String(decoding: digits, as: UTF8.self))?.first, value < 0x20,
            hexEncoded([value]).utf8.elementsEqual(digits)
        else { throw Self.refusal("a character is escaped that needn't be") }
        return value
    }

    private mutating func integer() throws(OfficeError) -> Int64 {
        let start = position
        _ = take(UInt8(ascii: "-"))
        while let digit = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), position - start < 20 {
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let number = Int64(text), String(number) == text, number.magnitude <= CanonicalJSON.greatestInteger else {
            throw Self.refusal("a value begins at byte \(start) that is none")
        }
        return number
    }
}
