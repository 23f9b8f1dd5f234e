import OfficeCore
import Testing

@testable import OfficeTrust

@Suite struct OfficeLogTests {
    @Test func aFoundedOfficeHasItsFounderAsAdmin() throws {
        let office = try TestOffice()
        #expect(office.members == ["pc1"])
        #expect(office.admins == ["pc1"])
        #expect(office.log.state.name.description == "Acme")
        #expect(office.log.office.digest == office.log.heads[0].digest)
        #expect(office.log.orderedEntries.map(\.number) == [1])
        try office.log.verify()
    }

    @Test func changesShowInTheState() throws {
        var office = try TestOffice(admins: ["pc2"], members: ["pc3"])
        #expect(office.members == ["pc1", "pc2", "pc3"])
        #expect(office.admins == ["pc1", "pc2"])

        let (pc2, pc3) = (try office.node("pc2"), try office.node("pc3"))
        try office.insert { try $0.renaming(pc3.id, to: Label("desk"), by: pc3, time: TestOffice.time) }
        #expect(office.members == ["pc1", "pc2", "desk"])
        let pc1 = try office.node("pc1")
        try office.insert { try $0.revoking(pc1.id, by: pc2, time: TestOffice.time) }
        #expect(office.admins == ["pc2"])
        try office.insert { try $0.removing(pc3.id, by: pc2, time: TestOffice.time) }
        #expect(office.members == ["pc1", "pc2"])
        #expect(office.log.state.former[pc3.id]?.givenName.description == "desk")
        try office.insert { try $0.leaving(pc1, time: TestOffice.time) }
        #expect(office.members == ["pc2"])
        try office.log.verify()
    }

    @Test func buildersRefuseWhatTheFoldWouldVoid() throws {
        var office = try TestOffice(members: ["pc2"])
        let (pc1, pc2) = (try office.node("pc1"), try office.node("pc2"))
        let stranger = try office.identity("stranger")
        let log = office.log
        let time = TestOffice.time
        #expect(code { try log.leaving(pc1, time: time) } == .notAllowed)
        #expect(code { try log.revoking(pc1.id, by: pc1, time: time) } == .notAllowed)
        #expect(code { try log.removing(stranger.id, by: pc1, time: time) } == .notFound)
        #expect(code { try log.granting(stranger.id, by: pc1, time: time) } == .notFound)
        #expect(code { try log.granting(pc1.id, by: pc1, time: time) } == .exists)
        #expect(code { try log.revoking(pc2.id, by: pc1, time: time) } == .notFound)
        #expect(code { try log.removing(pc1.id, by: pc2, time: time) } == .notAllowed)
        #expect(code { try log.granting(pc2.id, by: pc2, time: time) } == .notAllowed)
        #expect(code { try log.admitting(stranger.key, name: Label("x"), by: pc2, time: time) } == .notAllowed)
        #expect(code { try log.admitting(pc2.key, name: Label("x"), by: pc1, time: time) } == .exists)
        #expect(code { try log.admitting(stranger.key, name: Label("office"), by: pc1, time: time) } == .malformed)
        #expect(code { try log.renaming(pc2.id, to: Label("pc1"), by: pc2, time: time) } == .exists)
        #expect(code { try log.renaming(pc1.id, to: Label("x"), by: pc2, time: time) } == .notAllowed)
        #expect(code { try log.leaving(stranger, time: time) } == .notFound)
        #expect(code { try log.recovering(pc2, name: Label("pc2"), with: RecoveryKey(), time: time) } == .notAllowed)
    }

    @Test func ofTwoEqualNamesTheLaterShowsWithANumber() throws {
        var office = try TestOffice(founder: "pc", members: ["other"])
        let founder = try office.node("pc")
        for name in ["a", "b"] {
            let key = try office.identity(name).key
            try office.insert { try $0.admitting(key, name: Label("pc"), by: founder, time: TestOffice.time) }
        }
        #expect(office.log.state.members[try office.id("a")]?.name.description == "pc-2")
        #expect(office.log.state.members[try office.id("b")]?.name.description == "pc-3")
        #expect(office.log.state.member(named: try Label("pc"))?.id == founder.id)
        // The first one gone, the next has the name.
        let a = try office.node("a")
        try office.insert { try $0.granting(a.id, by: founder, time: TestOffice.time) }
        try office.insert { try $0.leaving(founder, time: TestOffice.time) }
        #expect(office.log.state.members[a.id]?.name.description == "pc")
        #expect(office.log.state.members[try office.id("b")]?.name.description == "pc-2")
    }

    @Test func longEqualNamesAreShortenedByWholeCharacters() throws {
        let long = try Label(String(repeating: "é", count: 31))
        let second = ShownName.unique(long, taken: [long])
        #expect(second.description == String(repeating: "é", count: 30) + "-2")
        #expect(ShownName.unique(try Label("office"), taken: []).description == "office-2")
    }

    @Test func theRecoveryKeyMakesAnAdmin() throws {
        var office = try TestOffice(members: ["pc2"])
        let (pc1, pc2) = (try office.node("pc1"), try office.node("pc2"))
        let typed = try RecoveryKey(parsing: office.recovery.printed.lowercased())
        try office.insert { try $0.recovering(pc2, name: Label("pc2"), with: typed, time: TestOffice.time) }
        #expect(office.admins == ["pc1", "pc2"])
        try office.insert { try $0.removing(pc1.id, by: pc2, time: TestOffice.time) }
        #expect(office.admins == ["pc2"])
        // Put out, it can be made an admin again all the same.
        try office.insert { try $0.recovering(pc1, name: Label("pc1"), with: typed, time: TestOffice.time) }
        #expect(office.admins == ["pc1", "pc2"])
        try office.log.verify()
    }

    @Test func anotherOfficesEntriesAreRefused() throws {
        var office = try TestOffice()
        let other = try TestOffice(members: ["pc9"])
        let insertion = office.log.insert(other.log.orderedEntries.map(\.entry))
        #expect(insertion.accepted.isEmpty && insertion.waiting.isEmpty)
        #expect(insertion.refused.map(\.error.code) == [.notAllowed, .notAllowed])
        #expect(office.log.count == 1)
    }

    @Test func entriesWaitForThoseTheyFollowAndNoLongerThanTheLimit() throws {
        var limits = LogLimits()
        limits.waiting = 3
        let office = try TestOffice(members: ["a", "b", "c", "d", "e"])
        let all = office.log.orderedEntries.map(\.entry)
        var log = try OfficeLog(first: all[0], limits: limits)
        let late = log.insert(all[2...].reversed())
        #expect(late.waiting.count == 3)
        #expect(late.refused.map(\.error.code) == [.limit])
        let rest = log.insert([all[1]])
        #expect(rest.accepted == [all[1]])
        #expect(log.insert([all[2]]).accepted == Array(all[2...]))
        #expect(log.state == office.log.state)
    }

    @Test func whatDoesNotVerifyIsRefused() throws {
        var office = try TestOffice(members: ["pc2"])
        _ = try office.identity("stranger")
        let good = try office.forge(.grant(office.id("pc2")), by: "pc1")
        var sealed = good.sealed
        sealed.signature[5] ^= 1
        let byStranger = try office.forge(.grant(office.id("pc2")), by: "stranger")
        // Signed by a member that says it is the founder.
        let lie = try LogEntry.sealing(
            .grant(office.id("pc2")), office: office.log.office, follows: office.log.heads, time: TestOffice.time,
            key: office.node("pc2").privateKey)
        let asFounder = String(decoding: lie.sealed.body, as: UTF8.self)
            .replacing(try office.id("pc2").description, with: try office.id("pc1").description, maxReplacements: 1)
        let impostor = SealedEntry(body: Array(asFounder.utf8), signature: lie.sealed.signature)
        let insertion = office.log.insert(sealed: [sealed, byStranger.sealed, impostor])
        #expect(insertion.refused.map(\.error.code) == [.malformed, .notAllowed, .malformed])
        #expect(office.log.count == 2)
        #expect(office.log.insert([good]).accepted == [good])
    }

    @Test func theLogHasALimit() throws {
        var limits = LogLimits()
        limits.entries = 3
        let office = try TestOffice(members: ["a", "b", "c"])
        let all = office.log.orderedEntries.map(\.entry)
        var log = try OfficeLog(first: all[0], limits: limits)
        #expect(log.insert(all[1...2]).accepted.count == 2)
        #expect(log.insert([all[3]]).refused.map(\.error.code) == [.limit])
    }

    @Test func peersGetExactlyWhatTheyMiss() throws {
        var office = try TestOffice(members: ["a", "b"])
        let before = office.log
        let pc1 = try office.node("pc1")
        for name in ["a", "b"] {
            let entry = try before.renaming(office.id(name), to: Label(name + "x"), by: pc1, time: TestOffice.time)
            office.log.insert([entry])
        }
        #expect(office.log.heads.count == 2)
        #expect(office.log.entries(missingFrom: office.log.heads).isEmpty)
        #expect(office.log.entries(missingFrom: before.heads).count == 2)
        #expect(office.log.entries(missingFrom: [office.log.heads[0]]).count == 1)
        let unknown = EntryHash(Digest256.of([1]))
        #expect(office.log.entries(missingFrom: [unknown]).count == office.log.count)
    }

    @Test func unknownKindsAreKeptAndWithoutEffect() throws {
        var office = try TestOffice(members: ["pc2"])
        let before = office.log.state
        let entry = try office.forge(.unknown(kind: "paint"), by: "pc2")
        #expect(office.log.insert([entry]).accepted == [entry])
        #expect(office.log.state.wantsUpgrade)
        #expect(office.log.state.members == before.members)
        #expect(office.log.entries(missingFrom: []).contains(entry))
        try office.log.verify()
    }

    @Test func theHighestEpochIsTheFileServer() throws {
        var office = try TestOffice(admins: ["pc2"])
        let (pc1, pc2) = (try office.node("pc1"), try office.node("pc2"))
        let base = office.log
        let store = Array("/srv/office".utf8)
        let one = try base.settingFileServer(nodes: [pc1.id], store: store, by: pc1, time: TestOffice.time)
        let two = try base.settingFileServer(nodes: [pc2.id], store: store, by: pc2, time: TestOffice.time)
        office.log.insert([one, two])
        #expect(office.log.state.fileServer?.setting.nodes == [min(pc1.id, pc2.id)])
        try office.insert { try $0.settingFileServer(nodes: [pc2.id], store: store, by: pc1, time: TestOffice.time) }
        #expect(office.log.state.fileServer?.setting.epoch == 2)
        #expect(office.log.state.fileServer?.setting.nodes == [pc2.id])
    }
}
