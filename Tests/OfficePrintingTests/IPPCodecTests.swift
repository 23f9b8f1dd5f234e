import OfficeCore
import OfficePrinting
import Testing

/// What is written is what is read; what is cut, foreign or too much is said to be so.
@Suite struct IPPCodecTests {
    private let message = IPPMessage(
        version: .init(2, 0), code: 0x000B, requestID: 7,
        groups: [
            IPPGroup(
                .operation,
                [
                    IPPAttribute("attributes-charset", .charset("utf-8")),
                    IPPAttribute("attributes-natural-language", .language("en")),
                    IPPAttribute("requesting-user-name", .string(.name, "Ada", language: "en")),
                ]),
            IPPGroup(
                .job,
                [
                    IPPAttribute("copies", .integer(3)), IPPAttribute("sides", .keyword("one-sided")),
                    IPPAttribute("page-ranges", [.range(1, 2), .range(4, 4)]),
                    IPPAttribute("printer-resolution", .resolution(600, 300, .perInch)),
                    IPPAttribute("print-quality", .enumeration(4)), IPPAttribute("flag", .boolean(true)),
                    IPPAttribute(
                        "media-col",
                        [
                            .collection([
                                IPPAttribute(
                                    "media-size",
                                    .collection([
                                        IPPAttribute("x-dimension", .integer(21_000)),
                                        IPPAttribute("y-dimension", .integer(29_700)),
                                    ])), IPPAttribute("media-type", .keyword("stationery")),
                            ]), .collection([IPPAttribute("media-type", .keyword("labels"))]),
                        ]),
                    IPPAttribute("octets", .octets([1, 0, 255])),
                    IPPAttribute("date", .dateTime([7, 234, 11, 21, 8, 0, 0, 0, 43, 0, 0])),
                    IPPAttribute("none", .outOfBand(.noValue)),
                ]),
            IPPGroup(.job, [IPPAttribute("job-id", .integer(1))]),
            IPPGroup(.job, [IPPAttribute("job-id", .integer(2))]),
        ])

    @Test func whatIsWrittenIsRead() throws {
        let bytes = try IPPCodec.encode(message)
        let decoded = try #require(try IPPCodec.decode(bytes + Array("%PDF".utf8)))
        #expect(decoded.message == message)
        #expect(decoded.length == bytes.count)
    }

    @Test func ofACutMessageMoreIsWanted() throws {
        let bytes = try IPPCodec.encode(message)
        for length in 0..<bytes.count {
            #expect(try IPPCodec.decode(Array(bytes[..<length])) == nil)
        }
    }

    @Test func noCorruptByteDoesHarm() throws {
        let bytes = try IPPCodec.encode(message)
        for place in bytes.indices {
            for value: UInt8 in [0, 1, 0x34, 0x4A, 0x7F, 0x80, 0xFF] {
                var bad = bytes
                bad[place] = value
                do throws(OfficeError) {
                    _ = try IPPCodec.decode(bad)
                } catch {
                    #expect(error.code == .malformed || error.code == .limit)
                }
            }
        }
    }

    @Test func limitsHold() throws {
        let bytes = try IPPCodec.encode(message)
        #expect(throws: OfficeError.self) { try IPPCodec.decode(bytes, limits: .init(attributes: 3)) }
        #expect(throws: OfficeError.self) { try IPPCodec.decode(bytes, limits: .init(values: 5)) }
        #expect(throws: OfficeError.self) { try IPPCodec.decode(bytes, limits: .init(depth: 1)) }
        #expect(throws: OfficeError.self) { try IPPCodec.decode(bytes, limits: .init(bytes: bytes.count - 1)) }
        #expect(try IPPCodec.decode(bytes, limits: .init(bytes: bytes.count, depth: 2)) != nil)
    }
}
