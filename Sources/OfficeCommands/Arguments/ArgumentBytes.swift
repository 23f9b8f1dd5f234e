/// Arguments as the kernel handed them over, carried through a parser that knows only `String`.
///
/// A file's name may be any bytes, and `CommandLine.arguments` would have repaired what is not UTF-8. Here each
/// byte that is no part of valid UTF-8 becomes one placeholder of the private use plane, and so does every byte
/// of a placeholder that was typed for real: that makes the mapping reversible for all bytes.
enum ArgumentBytes {
    /// Placeholder = base + byte, for bytes from 0x80 up: U+10F780 to U+10F7FF.
    private static let base: UInt32 = 0x10F700
    private static let placeholders: ClosedRange<UInt32> = (base + 0x80)...(base + 0xFF)

    /// This process's arguments, without the program's name.
    static func ofProcess() -> [[UInt8]] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { pointer in
                var bytes: [UInt8] = []
                var next = pointer
                while next.pointee != 0 {
                    bytes.append(UInt8(bitPattern: next.pointee))
                    next += 1
                }
                return bytes
            }
        }
    }

    /// Text that `bytes(of:)` turns back into the same bytes.
    static func text(of bytes: [UInt8]) -> String {
        var out = String.UnicodeScalarView()
        var rest = bytes[...]
        while let first = rest.first {
            var decoder = UTF8()
            var iterator = rest.makeIterator()
            if case .scalarValue(let scalar) = decoder.decode(&iterator), !placeholders.contains(scalar.value) {
                out.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            } else {
                // Here a byte is 0x80 or more, so that its placeholder is a scalar.
                out.append(Unicode.Scalar(base + UInt32(first)) ?? "\u{FFFD}")
                rest = rest.dropFirst()
            }
        }
        return String(out)
    }

    /// Undoes `text(of:)`.
    static func bytes(of text: String) -> [UInt8] {
        var out: [UInt8] = []
        for scalar in text.unicodeScalars {
            if placeholders.contains(scalar.value) {
                out.append(UInt8(scalar.value - base))
            } else {
                out += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
        return out
    }

    /// A message of the parser's that may quote arguments: placeholders shown as the bytes they stand for.
    static func readable(_ message: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in message.unicodeScalars {
            if placeholders.contains(scalar.value) {
                out += "\\x\(String(scalar.value - base, radix: 16))".unicodeScalars
            } else {
                out.append(scalar)
            }
        }
        return String(out)
    }
}
