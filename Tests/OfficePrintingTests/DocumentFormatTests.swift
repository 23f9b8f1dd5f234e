import OfficePrinting
import Testing

@Suite struct DocumentFormatTests {
    @Test(arguments: [
        ("%PDF-1.7\n", "application/pdf"), ("%!PS-Adobe-3.0\n", "application/postscript"),
        ("\u{4}%!PS\n", "application/postscript"), ("GIF89a;", "image/gif"), ("II*\0", "image/tiff"),
        ("MM\0*", "image/tiff"), ("UNIRAST\0\0\0", "image/urf"), ("RaS2PwgRaster\0", "image/pwg-raster"),
        ("RaS2other", "text/plain"), ("Grüße\r\n\tan alle\u{C}", "text/plain"), ("x", "text/plain"),
        ("", "application/octet-stream"),
        ("\u{1B}%-12345X@PJL\n", "application/octet-stream"), ("a\0b", "application/octet-stream"),
    ])
    func ofHowItBegins(_ bytes: String, _ type: String) { #expect(DocumentFormat.of(Array(bytes.utf8)) == type) }

    @Test func ofBytesThatAreNoText() {
        #expect(DocumentFormat.of([0xFF, 0xD8, 0xFF, 0xE0]) == "image/jpeg")
        #expect(DocumentFormat.of([0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A, 0]) == "image/png")
        #expect(DocumentFormat.of(Array("Gr".utf8) + [0xFC, 0xDF] + Array("e".utf8)) == DocumentFormat.unknown)
    }

    @Test func aCharacterMayBeCutWhereTheBytesAreCut() {
        let long = Array((String(repeating: "a", count: DocumentFormat.enough - 1) + "ü tail").utf8)
        #expect(DocumentFormat.of(long) == "text/plain")
        #expect(DocumentFormat.of(long.prefix(DocumentFormat.enough)) == "text/plain")
        #expect(DocumentFormat.of(Array("ab".utf8) + [0xC3]) == DocumentFormat.unknown)
    }
}
