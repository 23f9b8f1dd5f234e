/// UUIDs (RFC 9562) as the lower-case text that the house keeps and sends: what a job or a delivery is known by.
package enum UUIDText {
    /// A new one, of version 4.
    package static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = ""
        for (place, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(place) { text += "-" }
            text += hexEncoded([byte])
        }
        return text
    }

    /// `text` in lower case; nil for what is no UUID.
    package static func parse(_ text: some StringProtocol) -> String? {
        let lower = text.lowercased()
        let parts = lower.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [8, 4, 4, 4, 12], parts.allSatisfy({ $0.allSatisfy { hexValue($0) != nil } }) else {
            return nil
        }
        return lower
    }
}
