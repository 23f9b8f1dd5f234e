import OfficeCore
import Testing

@testable import OfficeDiscovery

struct TextRecordTests {
    private func record(_ strings: String...) -> [UInt8] {
        strings.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    }

    @Test func saysExactlyWhatTheContractSays() throws {
        let advertisement = Advertisement(
            name: try Label("pc1"), port: 8747,
            nodeID: try NodeID(hex: String(repeating: "0123456789abcdef", count: 4)),
            officeID: try OfficeID(hex: String(repeating: "fedcba9876543210", count: 4)), role: .server)
        let expected = record("v=1", "id=0123456789abcdef", "office=fedcba9876543210", "role=server")
        #expect(advertisement.record.encoded() == expected)
        let alone = Advertisement(name: advertisement.name, port: 1, nodeID: advertisement.nodeID)
        #expect(alone.record.encoded() == record("v=1", "id=0123456789abcdef", "office=", "role=peer"))
    }

    @Test func turnedItSaysTheSameInOtherBytes() {
        let text = TextRecord(idPrefix: "0123456789abcdef", officePrefix: "00000000000000aa", role: .server)
        #expect(text.encoded(turned: true) != text.encoded())
        #expect(TextRecord(parsing: text.encoded(turned: true)) == text)
        #expect(TextRecord(parsing: text.encoded()) == text)
    }

    @Test func isReadAsWrittenByNewerVersionsToo() {
        let newer = record("v=1", "ID=0123456789abcdef", "what=ever", "flag", "=x", "role=king", "id=ffffffffffffffff")
        #expect(
            TextRecord(parsing: newer) == TextRecord(idPrefix: "0123456789abcdef", officePrefix: nil, role: .peer))
    }

    @Test(arguments: [
        "", "v=1", "id=0123456789abcdef", "v=2|id=0123456789abcdef", "v=1|id=0123456789ABCDEF",
        "v=1|id=0123456789abcde",
        "v=1|id=0123456789abcdef0", "v=1|id=0123456789abcde\u{1B}", "v=1|id=0123456789abcde\u{E9}",
        "v=1|id=0123456789abcdef|office=1", "v= 1|id=0123456789abcdef", "v=1|id=",
    ])
    func isRefusedWhereItIsNotOurs(text: String) {
        let bytes = text.split(separator: "|").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        #expect(TextRecord(parsing: bytes) == nil)
    }

    @Test func lengthsNeverLeadPastTheEnd() {
        let whole = record("v=1", "id=0123456789abcdef")
        for length in 0..<whole.count { #expect(TextRecord(parsing: Array(whole.prefix(length))) == nil) }
        #expect(TextRecord(parsing: whole + [9, 0x41]) == nil)
        #expect(TextRecord(parsing: whole + [0, 0]) != nil)
        #expect(TextRecord(parsing: whole + [2, 0xFF, 0xFE]) != nil)
    }

    @Test func itsLengthIsLimited() {
        let whole = record("v=1", "id=0123456789abcdef")
        let padding = [UInt8](repeating: 0, count: TextRecord.maximumLength - whole.count)
        #expect(TextRecord(parsing: whole + padding) != nil)
        #expect(TextRecord(parsing: whole + padding + [0]) == nil)
    }
}
