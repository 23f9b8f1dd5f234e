/// What a document is, by how it begins; never by its name, which the sender chose.
package enum DocumentFormat {
    /// What CUPS is left to find out itself.
    package static let unknown = "application/octet-stream"
    /// Bytes that are enough to tell.
    package static let enough = 4_096

    /// Every type that a document can be found to be.
    static let all: Set<String> = Set(magics.map(\.type)).union(["image/pwg-raster", "text/plain", unknown])

    /// The MIME type of a document that begins with these bytes: at most `enough` of them are looked at.
    package static func of(_ bytes: some Collection<UInt8>) -> String {
        let first = Array(bytes.prefix(enough))
        if let known = magics.first(where: { first.starts(with: $0.bytes) }) { return known.type }
        // PWG 5102.4, section 4.3: the synchronisation word, then the first page header's MediaClass.
        if first.starts(with: Array("RaS2PwgRaster\0".utf8)) { return "image/pwg-raster" }
        return isText(first, isCut: first.count < bytes.count || first.count == enough) ? "text/plain" : unknown
    }

    private static let magics: [(bytes: [UInt8], type: String)] = [
        (Array("%PDF-".utf8), "application/pdf"),
        (Array("%!".utf8), "application/postscript"),
        // Windows drivers begin with an end of transmission.
        ([0x04] + Array("%!".utf8), "application/postscript"),
        ([0xFF, 0xD8, 0xFF], "image/jpeg"),
        ([0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A], "image/png"),
        (Array("GIF87a".utf8), "image/gif"),
        (Array("GIF89a".utf8), "image/gif"),
        (Array("II*\0".utf8), "image/tiff"),
        (Array("MM\0*".utf8), "image/tiff"),
        (Array("UNIRAST\0".utf8), "image/urf"),
    ]

    /// UTF-8 (ASCII is) with no control bytes but white space, backspace (bold, on line printers) and form feed.
    /// Where it is cut, the last character may be so too.
    private static func isText(_ bytes: [UInt8], isCut: Bool) -> Bool {
        guard !bytes.isEmpty else { return false }
        let white: Set<UInt8> = [0x08, 0x09, 0x0A, 0x0C, 0x0D]
        guard bytes.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || white.contains($0) }) else { return false }
        for missing in 0...(isCut ? min(3, bytes.count - 1) : 0)
        where String(validating: bytes.dropLast(missing), as: UTF8.self) != nil {
            return true
        }
        return false
    }
}
