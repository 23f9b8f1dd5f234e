import Foundation
import OfficeControl
import OfficeCore
import Testing

@testable import OfficeCommands

/// A console whose output goes to a file that can be looked at meanwhile.
struct CapturedConsole: ~Copyable {
    private let url = FileManager.default.temporaryDirectory.appendingPathComponent("office-\(UUID().uuidString)")
    private let handle: FileHandle
    let console: Console

    init() throws {
        _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        handle = try FileHandle(forWritingTo: url)
        console = Console(output: handle.fileDescriptor, error: handle.fileDescriptor)
    }

    deinit {
        try? handle.close()
        try? FileManager.default.removeItem(at: url)
    }

    func session(json: Bool = false) -> Session {
        Session(
            client: ControlClient(socketPath: "/nonexistent"), console: console,
            terminal: Terminal(width: nil, progressWidth: nil, hasColours: false), wantsJSON: json)
    }

    func text() throws -> String {
        console.finish()
        return String(decoding: try Data(contentsOf: url), as: UTF8.self)
    }
}

@Suite("Printing entries")
struct EntryPrinterTests {
    /// So many files, the last name first.
    static func entries(_ numbers: Range<Int>) throws -> [EntryOutput] {
        let base = try OfficePath(parsing: "pc1/docs")
        return try numbers.reversed().map { number in
            let name = try FileName("f" + String(repeating: "0", count: 6 - String(number).count) + String(number))
            let entry = Entry(
                path: try RelativePath([name]), kind: .file, size: 1, modified: FileTime(seconds: 0, nanoseconds: 0),
                executable: false)
            return try EntryOutput(entry, below: base)
        }
    }

    @Test("A folder at the limit is sorted; nothing is printed before its end")
    func sorted() async throws {
        let captured = try CapturedConsole()
        let printer = EntryPrinter(session: captured.session(), naming: .below(try OfficePath(parsing: "pc1/docs")))
        try await printer.add(try Self.entries(0..<EntryPrinter.sortedCount))
        #expect(try captured.text().isEmpty)
        try await printer.finish()
        let lines = try captured.text().split(separator: "\n")
        #expect(lines.count == EntryPrinter.sortedCount)
        #expect(lines.first == "f000000" && lines == lines.sorted())
    }

    @Test("One more is printed as it comes")
    func streamed() async throws {
        let captured = try CapturedConsole()
        let printer = EntryPrinter(session: captured.session(), naming: .whole)
        try await printer.add(try Self.entries(0..<EntryPrinter.sortedCount))
        try await printer.add(try Self.entries(900_000..<900_001))
        #expect(try captured.text().split(separator: "\n").count == EntryPrinter.sortedCount + 1)
        try await printer.add(try Self.entries(800_000..<800_001))
        #expect(try captured.text().hasSuffix("pc1/docs/f900000\npc1/docs/f800000\n"))
        try await printer.finish()
        #expect(try captured.text().split(separator: "\n").count == EntryPrinter.sortedCount + 2)
    }

    @Test("JSON is one array, with none, some and very many entries", arguments: [0, 1, 5000])
    func json(count: Int) async throws {
        let captured = try CapturedConsole()
        let printer = EntryPrinter(session: captured.session(json: true), naming: .whole)
        for start in stride(from: 0, to: count, by: 500) {
            try await printer.add(try Self.entries(start..<min(count, start + 500)))
        }
        try await printer.finish()
        let array = try JSONSerialization.jsonObject(with: Data(try captured.text().utf8)) as? [[String: Any]]
        #expect(array?.count == count)
    }
}
