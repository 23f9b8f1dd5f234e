import OfficeCore
import Testing

@testable import OfficeCommands

@Suite("What people see")
struct ConsoleTests {
    static let plain = Terminal(width: nil, progressWidth: nil, hasColours: false)

    @Test("Columns are aligned by what a terminal shows, and nothing hangs behind them")
    func columns() {
        var table = Table([.init("NAME"), .init("SIZE", right: true), .init("COMMENT")])
        table.add("a", "1.0 KiB", "")
        table.add("日本", "9 B", "two wide")
        table.add("e\u{301}", "-", "one column")
        #expect(
            table.lines(for: Self.plain) == [
                "NAME     SIZE  COMMENT", "a     1.0 KiB", "日本      9 B  two wide", "e\u{301}           -  one column",
            ])
    }

    @Test("A terminal's width cuts the last column, and only there")
    func narrow() {
        var table = Table("NAME", "COMMENT")
        table.add("docs", "a comment that is far too long for this")
        let terminal = Terminal(width: 20, progressWidth: nil, hasColours: false)
        #expect(table.lines(for: terminal)[1] == "docs  a comment tha…")
        #expect(table.lines(for: Self.plain)[1].hasSuffix("for this"))
    }

    @Test(
        "Sizes",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_575, "1023.9 KiB"), (1 << 20, "1.0 MiB"),
            (Int64.max, "8191.9 PiB"),
        ] as [(Int64, String)])
    func sizes(bytes: Int64, text: String) {
        #expect(HumanText.size(bytes) == text)
    }

    @Test("Durations", arguments: [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")])
    func durations(seconds: Int, text: String) {
        #expect(HumanText.duration(seconds: seconds) == text)
    }

    @Test("JSON strings are escaped, whatever is in them")
    func jsonStrings() throws {
        var out: [UInt8] = []
        JSONText.append("a\"\\\n\u{1}\u{7F}é", to: &out)
        #expect(String(decoding: out, as: UTF8.self) == "\"a\\\"\\\\\\n\\u0001\u{7F}é\"")
    }

    @Test("JSON arrays: one element a line, also none and one")
    func jsonArrays() throws {
        #expect(String(decoding: try JSONText.document(array: [Int]()), as: UTF8.self) == "[]\n")
        #expect(String(decoding: try JSONText.document(array: [1]), as: UTF8.self) == "[\n1\n]\n")
        #expect(String(decoding: try JSONText.document(array: [1, 2]), as: UTF8.self) == "[\n1,\n2\n]\n")
    }

    @Test("Several failures: one code for all is the status, else 1")
    func failures() {
        let missing = OfficeError(.notFound, "a", "no such file")
        let denied = OfficeError(.notAllowed, "b", "the share is read-only")
        #expect(Failures(verb: "rm", errors: [missing, missing], of: 2).code.exitStatus == 66)
        #expect(Failures(verb: "rm", errors: [missing, missing], of: 3).code.exitStatus == 1)
        #expect(Failures(verb: "rm", errors: [missing, denied], of: 2).code.exitStatus == 1)
        #expect(Failures(verb: "rm", errors: [missing], of: 1).summary == missing)
        #expect(Failures(verb: "rm", errors: [missing], of: 2).summary.code.exitStatus == 1)
    }
}
