import OfficeCore
import Testing

@Suite("Names and paths are bytes, checked once")
struct NameTests {
    @Test(
        "A name that leads elsewhere is refused",
        arguments: ["", ".", "..", "a/b", "/", "a\0b", String(repeating: "x", count: 256)])
    func refused(name: String) {
        #expect(throws: OfficeError.self) { try FileName(name) }
    }

    @Test("Any bytes that Linux takes are a name, and no two of them are equal")
    func anyBytes() throws {
        let composed = try FileName("\u{E9}")
        let decomposed = try FileName("e\u{301}")
        #expect(composed != decomposed)
        let raw = try FileName([0xFF, 0x0A, 0x25])
        #expect(raw.bytes == [0xFF, 0x0A, 0x25])
        #expect(raw.description == "\\xff\\n%")
        #expect(try FileName([UInt8](repeating: 0x61, count: 255)).bytes.count == 255)
    }

    @Test(
        "A path has names in it, none of which leads upwards", arguments: ["/etc", "../x", "a/../b", "a/./b", "a/\0"])
    func refusedPath(path: String) {
        #expect(throws: OfficeError.self) { try RelativePath(parsing: path) }
    }

    @Test("Slashes doubled and at the end count as one")
    func slashes() throws {
        #expect(try RelativePath(parsing: "a//b/").components.map(\.lossy) == ["a", "b"])
        #expect(try RelativePath(parsing: "").isRoot)
    }

    @Test("A path is as long as Linux allows, and not a byte longer")
    func length() throws {
        let names = [String](repeating: String(repeating: "n", count: 255), count: 16)
        let longest = names.joined(separator: "/")
        #expect(longest.utf8.count == RelativePath.maximumLength)
        #expect(try RelativePath(parsing: longest).components.count == 16)
        #expect(throws: OfficeError.self) { try RelativePath(parsing: longest + "/x") }
    }

    @Test("A path goes through its encoded form unharmed, and is decoded once")
    func encoded() throws {
        let path = try RelativePath(parsing: [0x61, 0x2F, 0xFF, 0x25, 0x32, 0x65])
        let text = percentEncoded(path.bytes)
        #expect(text == "a/%FF%252e")
        #expect(try percentDecoded(text) == path.bytes)
        for bad in ["%", "%4", "%zz", "a%2"] { #expect(throws: OfficeError.self) { try percentDecoded(bad) } }
    }

    @Test("A path of the office is a node, a share and the rest")
    func officePath() throws {
        let path = try OfficePath(parsing: "pc1/docs//2026/report.pdf/")
        #expect(path.node.description == "pc1")
        #expect(path.share?.description == "docs")
        #expect(path.path.description == "2026/report.pdf")
        for bad in ["/pc1/docs", "", "pc1/docs/../x", "pc1/..", "../docs"] {
            #expect(throws: OfficeError.self) { try OfficePath(parsing: bad) }
        }
    }

    @Test(
        "A label is printable, short, and can't be taken for something else",
        arguments: [
            "", ".x", "-x", " x", "x ", "a/b", "a@b", "a:b", "a\u{1B}b", "a\u{202E}b",
            String(repeating: "x", count: 64),
        ])
    func refusedLabel(text: String) {
        #expect(throws: OfficeError.self) { try Label(text) }
    }
}
