import OfficeCore
import Testing

@testable import OfficeTransfer

/// What people are shown escaped, JSON has exactly.
struct ExactNameTests {
    @Test(
        arguments: [
            Array("new\nline".utf8), Array("a\\n".utf8), [0x66, 0xFF, 0x5C, 0x78], Array("\u{85}\u{202E}é\t\u{1}".utf8),
            Array("c:\\x41\\".utf8), [],
        ] as [[UInt8]])
    func whatIsEscapedComesBack(name: [UInt8]) {
        let exact = ExactName(shown: escapedForTerminal(name))
        #expect(exact.bytes == name)
        #expect((exact.base64 == nil) == (String(validating: name, as: UTF8.self) != nil))
    }

    @Test(arguments: ["\\", "\\q", "\\x4", "\\u{}", "\\u{110000}", "\\x+1"]) func whatIsNoEscapeStays(text: String) {
        #expect(ExactName(shown: text).text == text)
    }
}
