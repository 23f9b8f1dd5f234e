import ArgumentParser
import OfficeCore
import Testing

@testable import OfficeCommands

@Suite("Arguments")
struct ArgumentTests {
    /// Valid text, broken text, and text that looks like the placeholders themselves.
    static let samples: [[UInt8]] = [
        [], Array("plain".utf8), Array("Grüße/日本/e\u{301}".utf8), [0xFF, 0xFE], Array("a".utf8) + [0xC3],
        [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], Array("\u{10F780}\u{10F7FF}".utf8),
        Array("\u{10F780}".utf8) + [0x80], [0xF4, 0x8F, 0x9E], Array("\u{FFFD}\u{10FFFF}\u{FEFF}".utf8),
    ]

    @Test("Any bytes come through a String unchanged", arguments: samples)
    func roundTrip(bytes: [UInt8]) {
        #expect(ArgumentBytes.bytes(of: ArgumentBytes.text(of: bytes)) == bytes)
    }

    @Test("Random bytes come through unchanged, and no two share a text")
    func randomRoundTrip() {
        var generator = SystemRandomNumberGenerator()
        var texts: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<5000 {
            // Bytes that make placeholders and broken sequences likely.
            let alphabet: [UInt8] = [0x2F, 0x61, 0x80, 0x8F, 0x9E, 0x9F, 0xBF, 0xC3, 0xE2, 0xF4, 0xFF]
            let bytes = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            let text = ArgumentBytes.text(of: bytes)
            #expect(ArgumentBytes.bytes(of: text) == bytes)
            #expect(texts.updateValue(bytes, forKey: Array(text.utf8)).map { $0 == bytes } ?? true)
        }
    }

    @Test("Valid UTF-8 stays as it was typed, decomposed characters too")
    func textStays() {
        #expect(Array(ArgumentBytes.text(of: Array("e\u{301}".utf8)).utf8) == Array("e\u{301}".utf8))
    }

    @Test("Times to live", arguments: [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("30", 30)])
    func seconds(text: String, value: Int) {
        #expect(Seconds(argument: text)?.value == value)
    }

    @Test("No times to live", arguments: ["", "m", "0", "-5", "1.5h", "5 m", "9223372036854775807d", "٣m"])
    func noSeconds(text: String) {
        #expect(Seconds(argument: text) == nil)
    }

    @Test(
        "Rates", arguments: [("500", 500), ("1K", 1024), ("1.5m", 1_572_864), ("2MiB/s", 2_097_152), ("1gb", 1 << 30)])
    func rate(text: String, value: Int64) {
        #expect(Rate(argument: text)?.bytesPerSecond == value)
    }

    @Test("No rates", arguments: ["", "K", "0", "-1", "1X", "1.2.3K", "inf", "nan", "999999999T"])
    func noRate(text: String) {
        #expect(Rate(argument: text) == nil)
    }

    @Test("Options of every verb may stand before it")
    func leadingOptions() {
        #expect(CommandTree.verbFirst(["--json", "status"]) == ["status", "--json"])
        #expect(
            CommandTree.verbFirst(["--socket", "/s", "-q", "office", "join", "X"])
                == ["office", "join", "--socket", "/s", "-q", "X"])
        #expect(CommandTree.verbFirst(["--socket=/s", "ls", "--", "--json"]) == ["ls", "--socket=/s", "--", "--json"])
        #expect(CommandTree.verbFirst(["--json"]) == ["--json"])
        #expect(CommandTree.verbFirst(["--version"]) == ["--version"])
    }

    @Test("Every verb has a name of its own and the options of all")
    func everyVerb() throws {
        func visit(_ command: any ParsableCommand.Type) {
            let verbs = command.configuration.subcommands
            let names = verbs.map { $0.configuration.commandName ?? "" }
            #expect(!names.contains("") && Set(names).count == names.count)
            let isVerb = command is any OfficeCommand.Type
            #expect(verbs.isEmpty == isVerb)
            verbs.forEach(visit)
        }
        visit(Officeshare.self)
    }

    @Test("What the parser refuses is one line that says where help is, and exits 64")
    func usageErrors() {
        for arguments in [["nonsense"], ["office", "create"], ["status", "--nonsense"], ["status", "a\nb"]] {
            do {
                _ = try Officeshare.parseAsRoot(arguments)
                Issue.record("\(arguments) was taken")
            } catch {
                let error = Program.usageError(error, arguments)
                #expect(error.code.exitStatus == 64)
                #expect(!error.description.contains("\n"))
                #expect(error.description.hasSuffix("--help'."))
            }
        }
    }
}
