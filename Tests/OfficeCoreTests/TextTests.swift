import OfficeCore
import Testing

@Suite("What is shown can't harm a terminal, what is kept is exact")
struct TextTests {
    @Test("Control characters, wrong UTF-8 and marks that turn the writing around are escaped")
    func escaped() {
        #expect(escapedForTerminal(Array("a\u{1B}[2Jb".utf8)) == "a\\x1b[2Jb")
        #expect(escapedForTerminal([0x61, 0xC3, 0x28, 0xFF]) == "a\\xc3(\\xff")
        #expect(escapedForTerminal(Array("x\u{202E}y\u{9B}z".utf8)) == "x\\u{202e}y\\u{9b}z")
        #expect(escapedForTerminal(Array("back\\slash".utf8)) == "back\\\\slash")
        #expect(escapedForTerminal(Array("größe 日本".utf8)) == "größe 日本")
    }

    @Test("An error is one line, whatever its parts hold")
    func oneLine() {
        let error = OfficeError(.io, "a\nb", "it\u{1B}[31m failed", mend: "Try\tagain.")
        #expect(!error.description.utf8.contains { $0 < 0x20 })
    }

    @Test(
        "Times are RFC 3339 in UTC, both ways",
        arguments: [
            (0, 0, "1970-01-01T00:00:00Z"), (1_795_238_526, 500_000_000, "2026-11-21T05:22:06.5Z"),
            (951_827_696, 1, "2000-02-29T12:34:56.000000001Z"), (-1, 0, "1969-12-31T23:59:59Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
        ] as [(Int64, Int32, String)])
    func times(seconds: Int64, nanoseconds: Int32, text: String) throws {
        let time = Timestamp(FileTime(seconds: seconds, nanoseconds: nanoseconds))
        #expect(time.description == text)
        #expect(try Timestamp(parsing: text) == time)
    }

    @Test(
        "What is no time is refused",
        arguments: ["", "2026", "2026-13-01T00:00:00Z", "2026-11-21T05:22:06", "2026-11-21T25:00:00Z"])
    func noTime(text: String) {
        #expect(throws: OfficeError.self) { try Timestamp(parsing: text) }
    }

    @Test("Every kind of error has an exit status and an HTTP status", arguments: OfficeError.Code.allCases)
    func statuses(code: OfficeError.Code) {
        #expect(code.exitStatus > 0 && code.exitStatus < 79)
        #expect((400...599).contains(code.httpStatus))
    }
}
