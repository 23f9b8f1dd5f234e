import OfficeCore
import Testing

@testable import OfficeTrust

@Suite struct CanonicalJSONTests {
    @Test(arguments: [
        #"{"a":1,"b":[true,false,null,-7,"é\"\\\u0000\u001f"]}"#, "{}", "[]", #""""#, "0", "-9007199254740991",
        #"{"":{"":{"":{"":{"":{"":{"":{"":0}}}}}}}}"#,
    ])
    func whatIsCanonicalIsReadAndWrittenBack(text: String) throws {
        #expect(String(decoding: try CanonicalJSON(parsing: Array(text.utf8)).bytes, as: UTF8.self) == text)
    }

    @Test(arguments: [
        "", " {}", "{} ", "{}{}", #"{"b":1,"a":1}"#, #"{"a":1,"a":1}"#, #"{"a": 1}"#, #"{"a":1,}"#, "[1,]", "[1 ,2]",
        "01", "-0", "+1", "1.0", "1e3", "9007199254740992", "99999999999999999999999", "-", "nul", "True",
        #""\n""#, #""\u0041""#, #""\u001F""#, #""\u00""#, #""\/""#, "\"\u{01}\"", "\"", "{", "[", #"{"a""#, #"{"a":"#,
        #"{1:2}"#, #"{"":{"":{"":{"":{"":{"":{"":{"":{"":0}}}}}}}}}"#, String(repeating: "[", count: 16_000),
    ])
    func whatIsNotIsRefused(text: String) {
        #expect(code { try CanonicalJSON(parsing: Array(text.utf8)) } == .malformed)
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(code { try CanonicalJSON(parsing: bytes) } == .malformed)
        }
    }
}

@Suite struct LogEntryTests {
    let office: TestOffice
    let good: LogEntry

    init() throws {
        office = try TestOffice(admins: ["pc2"])
        good = try office.forge(.rename(office.id("pc2"), Label("desk")), by: "pc1")
    }

    private func changed(_ old: String, _ new: String) throws -> SealedEntry {
        let text = String(decoding: good.sealed.body, as: UTF8.self)
        try #require(text.contains(old))
        return SealedEntry(body: Array(text.replacing(old, with: new).utf8), signature: good.sealed.signature)
    }

    @Test func theFormatIsTheOneInTheSpecification() throws {
        let entry = try TestOffice().log.orderedEntries[0].entry
        let text = String(decoding: entry.sealed.body, as: UTF8.self)
        #expect(text.hasPrefix(#"{"author":"\#(entry.author)","follows":[],"kind":"found","payload":{"key":"MFkw"#))
        #expect(text.hasSuffix(#"},"time":"2025-10-09T08:53:20Z","v":1}"#))
        #expect(entry.hash.digest == Digest256.of(entry.sealed.body))
    }

    @Test func everyKindReadsBack() throws {
        let node = try NodeIdentity().key
        let admission = Admission(key: node, name: try Label("név"))
        let setting = FileServerSetting(epoch: 3, nodes: [node.id], standby: [], store: Array("/srv/é".utf8))
        let acts: [LogAct] = [
            .admit(admission), .recover(admission), .remove(node.id), .leave, .rename(node.id, try Label("\"\\")),
            .grant(node.id), .revoke(node.id), .server(setting), .unknown(kind: "paint"),
        ]
        for act in acts {
            let entry = try office.forge(act, by: "pc1")
            let again = try LogEntry(entry.sealed)
            #expect(again.act == act)
            #expect(again.follows == office.log.heads && again.office == office.log.office)
            #expect(again.isSigned(by: try office.node("pc1").key))
        }
    }

    @Test func malformedEntriesAreRefused() throws {
        let changes = [
            (#""v":1"#, #""v":0"#), (#""v":1"#, #""v":"1""#), (#""kind":"rename""#, #""kind":"Rename""#),
            (#""kind":"rename""#, #""kind":"""#), (#""kind":"rename""#, #""kind":"grant""#),
            (#""kind":"rename""#, #""kind":"found""#), (#""kind""#, #""kinds""#), (#""desk""#, #""de/sk""#),
            (#""desk""#, #""""#), (#""name":"desk","#, ""), (#""v":1"#, #""v":1,"x":1"#),
            (good.author.description, good.author.description.uppercased()), (good.author.description, "00"),
            (#""follows":["#, #""follows":["00","#), ("Z\"", "\""), (#""payload":{"#, #""payload":{"a":1,"#),
        ]
        for (old, new) in changes {
            #expect(code { try LogEntry(try changed(old, new)) } == .malformed, "\(old) -> \(new)")
        }
        var short = good.sealed
        short.signature.removeLast()
        #expect(code { try LogEntry(short) } == .malformed)
    }

    @Test func everyBitFlippedIsNoticed() throws {
        for index in good.sealed.body.indices {
            var sealed = good.sealed
            sealed.body[index] ^= 1
            var log = office.log
            let insertion = log.insert(sealed: [sealed])
            #expect(insertion.accepted.isEmpty, "byte \(index)")
            #expect(log.state == office.log.state)
        }
    }

    @Test func aMalleatedSignatureIsTheSameEntry() throws {
        var log = office.log
        #expect(log.insert([good]).accepted == [good])
        var other = good.sealed
        other.signature = try office.node("pc1").sign(good.sealed.body, for: .logEntry)
        let insertion = log.insert(sealed: [other])
        #expect(insertion.accepted.isEmpty && insertion.refused.isEmpty)
    }

    @Test func newerVersionsAreKeptWithoutEffect() throws {
        let text = String(decoding: good.sealed.body, as: UTF8.self)
            .replacing(#""v":1}"#, with: #""v":2,"where":"here"}"#)
        let body = Array(text.utf8)
        let sealed = SealedEntry(body: body, signature: try office.node("pc1").sign(body, for: .logEntry))
        var log = office.log
        #expect(log.insert(sealed: [sealed]).accepted.map(\.act) == [.unknown(kind: "rename")])
        #expect(log.state.wantsUpgrade)
        #expect(log.state.members == office.log.state.members)
    }

    @Test func lengthsAndNumbersAreLimited() throws {
        var limits = LogLimits()
        limits.entryBytes = good.sealed.body.count
        #expect(code { try LogEntry(good.sealed, limits: limits) } == nil)
        limits.entryBytes -= 1
        #expect(code { try LogEntry(good.sealed, limits: limits) } == .limit)

        var log = office.log
        let heads = try (0..<17).map { number in
            try LogEntry.sealing(
                .rename(office.id("pc1"), Label("x\(number)")), office: log.office, follows: office.log.heads,
                time: TestOffice.time, key: office.node("pc1").privateKey)
        }
        log.insert(heads)
        let hashes = heads.map(\.hash)
        func following(_ count: Int) throws -> LogEntry {
            try LogEntry.sealing(
                .leave, office: log.office, follows: Array(hashes.prefix(count)), time: TestOffice.time,
                key: office.node("pc2").privateKey)
        }
        #expect(code { try following(16) } == nil)
        #expect(code { try following(17) } == .malformed)
        // Seventeen heads: a new entry follows as many as it can.
        let entry = try log.renaming(office.id("pc1"), to: Label("y"), by: office.node("pc1"), time: TestOffice.time)
        #expect(entry.follows.count == 16)
        #expect(log.insert([entry]).accepted == [entry])
    }
}
