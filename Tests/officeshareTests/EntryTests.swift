import Foundation
import OfficeCore
import Testing

@testable import OfficeCommands

@Suite("Entries")
struct EntryTests {
    static func output(_ name: [UInt8], kind: Entry.Kind = .file, target: [UInt8]? = nil) throws -> EntryOutput {
        let base = try OfficePath(parsing: "pc1/docs/sub")
        let entry = Entry(
            path: try RelativePath([FileName(name)]), kind: kind, size: 1536,
            modified: FileTime(seconds: 1_700_000_000, nanoseconds: 5), executable: false, target: target)
        return try EntryOutput(entry, below: base)
    }

    static func json(_ output: EntryOutput) throws -> [String: Any] {
        var bytes: [UInt8] = []
        output.appendJSON(to: &bytes)
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test("JSON has the contract's keys, null where there is nothing")
    func keys() throws {
        let object = try Self.json(try Self.output(Array("a b".utf8)))
        #expect(Set(object.keys) == ["name", "path", "type", "size", "modified", "executable", "target"])
        #expect(object["name"] as? String == "a b")
        #expect(object["path"] as? String == "pc1/docs/sub/a b")
        #expect(object["type"] as? String == "file")
        #expect(object["size"] as? Int == 1536)
        #expect(object["modified"] as? String == "2023-11-14T22:13:20.000000005Z")
        #expect(object["target"] is NSNull)
    }

    @Test("A name that is not UTF-8 has its bytes beside it, exactly")
    func bytes() throws {
        let object = try Self.json(try Self.output([0x61, 0xFF, 0x0A], kind: .symlink, target: [0xFE]))
        #expect(object["name"] as? String == "a\u{FFFD}\n")
        #expect(object["nameBytes"] as? String == "Yf8K")
        #expect(object["pathBytes"] as? String == Data("pc1/docs/sub/a".utf8 + [0xFF, 0x0A]).base64EncodedString())
        #expect(object["targetBytes"] as? String == "/g==")
        #expect(object["type"] as? String == "symlink")
    }

    @Test("Names with control characters never reach a terminal as such")
    func escapes() throws {
        let hostile = Array("\u{1B}]0;owned\u{7}\r\n\u{9B}31m\u{202E}".utf8)
        let link = try Self.output(hostile, kind: .symlink, target: hostile)
        let terminal = Terminal(width: nil, progressWidth: nil, hasColours: false)
        for long in [false, true] {
            let line = link.line(named: link.name, long: long, terminal: terminal)
            let isClean = line.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0.value != 0x202E
            }
            #expect(isClean)
            #expect(line.contains("\\x1b]0;owned\\x07\\r\\n"))
        }
    }

    @Test("The long form has type, size, time and name in columns that stay in place")
    func long() throws {
        setenv("TZ", "UTC", 1)
        let terminal = Terminal(width: nil, progressWidth: nil, hasColours: false)
        let file = try Self.output(Array("a".utf8))
        #expect(file.line(named: file.name, long: true, terminal: terminal) == "-     1.5 KiB  2023-11-14 22:13  a")
        let link = try Self.output(Array("b".utf8), kind: .symlink, target: Array("../c".utf8))
        #expect(
            link.line(named: link.name, long: true, terminal: terminal) == "l           -  2023-11-14 22:13  b -> ../c")
    }
}

@Suite("Local paths")
struct LocalPathTests {
    @Test("How sync knows its local side")
    func written() {
        for path in ["/a", "./a", "../a", ".", "..", "/"] { #expect(LocalPath.isWrittenLocally(Array(path.utf8))) }
        for path in ["a", "pc1/docs", ".hidden/x", "..a", ""] { #expect(!LocalPath.isWrittenLocally(Array(path.utf8))) }
    }
}
