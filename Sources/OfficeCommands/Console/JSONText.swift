import NIOCore
import OfficeCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// JSON as it is printed: keys in alphabetical order (the same bytes every time), slashes as they are.
enum JSONText {
    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ line: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(line.utf8))
    }

    /// A document: one object, or an array with one element on a line.
    static func document(_ value: some Encodable) throws -> [UInt8] { try encode(value) + [0x0A] }

    /// One line of a stream.
    static func line(_ value: some Encodable) throws -> ByteBuffer { ByteBuffer(bytes: try document(value)) }

    static func document(array: [some Encodable]) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var stream = ArrayStream()
        var out: [UInt8] = []
        for element in array { out += stream.element(Array(try encoder.encode(element))) }
        return out + stream.end()
    }

    /// An array's brackets and commas, for elements that come one after another.
    struct ArrayStream {
        private var isEmpty = true

        /// The element with what stands before it.
        mutating func element(_ bytes: [UInt8]) -> [UInt8] {
            defer { isEmpty = false }
            return Array((isEmpty ? "[\n" : ",\n").utf8) + bytes
        }

        func end() -> [UInt8] { Array((isEmpty ? "[]\n" : "\n]\n").utf8) }
    }

    /// A string literal, escaped as RFC 8259 section 7 asks.
    static func append(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
            case 0x0A: out += Array("\\n".utf8)
            case 0x0D: out += Array("\\r".utf8)
            case 0x09: out += Array("\\t".utf8)
            case 0..<0x20: out += Array("\\u00\(hexEncoded([byte]))".utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
