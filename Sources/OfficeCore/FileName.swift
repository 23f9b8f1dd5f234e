/// One component of a path: bytes, as Linux has them.
///
/// Never a `String`: Swift repairs invalid UTF-8 and compares by canonical equivalence, and a file's name
/// is neither. Checked once, here, at the edge: not empty, not `.` or `..`, no `/`, no NUL, at most 255 bytes.
package struct FileName: Hashable, Sendable, Comparable {
    package static let maximumLength = 255
    /// Names that begin so are officeshare's own temporaries: never listed, never reached by a path.
    package static let reservedPrefix: [UInt8] = Array(".officeshare-".utf8)

    package let bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) throws(OfficeError) {
        let bytes = Array(bytes)
        if let why = Self.fault(in: bytes) {
            throw OfficeError(.malformed, escapedForTerminal(bytes.prefix(64)), why)
        }
        self.bytes = bytes
    }

    package init(_ string: String) throws(OfficeError) {
        try self.init(string.utf8)
    }

    /// Of a name that the kernel gave: checked by it already.
    package init(trusted bytes: [UInt8]) {
        self.bytes = bytes
    }

    private static func fault(in bytes: [UInt8]) -> String? {
        if bytes.isEmpty { return "a name can't be empty" }
        if bytes.count > maximumLength {
            return "the name is \(bytes.count) bytes long, at most \(maximumLength) are possible"
        }
        if bytes == [0x2E] || bytes == [0x2E, 0x2E] { return "a name can't be '.' or '..'" }
        for byte in bytes where byte == 0 || byte == 0x2F {
            return byte == 0 ? "a name can't have a NUL byte in it" : "a name can't have a '/' in it"
        }
        return nil
    }

    /// Whether this is one of officeshare's own temporaries.
    package var isReserved: Bool { bytes.starts(with: Self.reservedPrefix) }

    /// The name as text where it is UTF-8, with U+FFFD in place of what is not.
    package var lossy: String { String(decoding: bytes, as: UTF8.self) }

    /// The bytes with a NUL behind them, for a system call.
    package func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        try (bytes + [0]).withUnsafeBytes { raw in
            // Non-empty by construction, so it has a base address; an empty name would be the empty C string.
            guard let base = raw.baseAddress else { return try "".withCString(body) }
            return try body(base.assumingMemoryBound(to: CChar.self))
        }
    }

    package static func < (a: FileName, b: FileName) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

extension FileName: CustomStringConvertible {
    package var description: String { escapedForTerminal(bytes) }
}
