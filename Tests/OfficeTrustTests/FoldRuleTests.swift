import OfficeCore
import Testing

@testable import OfficeTrust

/// The rules of the fold one by one, as an office would meet them: two write at once, and then they meet.
@Suite struct FoldRuleTests {
    /// Entries that several wrote behind the same heads, put together.
    private func atOnce(_ office: inout TestOffice, _ acts: [(LogAct, by: String)]) throws -> [LogEntry] {
        let heads = office.log.heads
        let entries = try acts.map { try office.forge($0.0, by: $0.by, follows: heads) }
        let insertion = office.log.insert(entries)
        #expect(insertion.accepted.count == entries.count)
        return entries
    }

    @Test func aRemovalVoidsWhatTheRemoverHadNotSeen() throws {
        var office = try TestOffice(admins: ["pc2"])
        let guest = try office.identity("guest").key
        let admission = Admission(key: guest, name: try Label("guest"))
        let entries = try atOnce(
            &office, [(.admit(admission), by: "pc2"), (.remove(try office.id("pc2")), by: "pc1")])
        #expect(office.members == ["pc1"])
        #expect(office.log.state.voided == [entries[0].hash: .struck(by: entries[1].hash)])
    }

    @Test func whatTheRemoverHadSeenStays() throws {
        var office = try TestOffice(admins: ["pc2"])
        try office.admit("guest", by: "pc2")
        let pc1 = try office.node("pc1")
        let pc2 = try office.id("pc2")
        try office.insert { try $0.removing(pc2, by: pc1, time: TestOffice.time) }
        #expect(office.members == ["pc1", "guest"])
    }

    @Test func whoIsLetInAgainWritesAgainButCannotBackdate() throws {
        var office = try TestOffice(admins: ["pc2"], members: ["pc3"])
        let before = office.log.heads
        let (pc1, pc3) = (try office.node("pc1"), try office.node("pc3"))
        try office.insert { try $0.removing(pc3.id, by: pc1, time: TestOffice.time) }
        try office.admit("pc3", by: "pc2")
        let late = try office.forge(.rename(pc3.id, Label("late")), by: "pc3", follows: before)
        office.log.insert([late])
        #expect(office.members == ["pc1", "pc2", "pc3"])
        let good = try office.forge(.rename(pc3.id, Label("new")), by: "pc3")
        office.log.insert([good])
        #expect(office.members == ["pc1", "pc2", "new"])
    }

    @Test func aRemovalAtOnceWithAnAdmissionWins() throws {
        var office = try TestOffice(admins: ["pc2"], members: ["pc3"])
        let admission = Admission(key: try office.identity("pc3").key, name: try Label("pc3"))
        _ = try atOnce(&office, [(.admit(admission), by: "pc2"), (.remove(admission.node), by: "pc1")])
        #expect(office.members == ["pc1", "pc2"])
        try office.admit("pc3", by: "pc2")
        #expect(office.members == ["pc1", "pc2", "pc3"])
    }

    @Test func adminsThatRemoveEachOtherAreBothOutWhileAnotherRemains() throws {
        var office = try TestOffice(admins: ["pc2", "pc3"])
        let (pc1, pc2) = (try office.id("pc1"), try office.id("pc2"))
        _ = try atOnce(&office, [(.remove(pc2), by: "pc1"), (.remove(pc1), by: "pc2")])
        #expect(office.members == ["pc3"])
        #expect(office.admins == ["pc3"])
    }

    @Test func ofTheLastTwoTheSeniorStays() throws {
        var office = try TestOffice(admins: ["pc2"], members: ["pc3"])
        let (pc1, pc2) = (try office.id("pc1"), try office.id("pc2"))
        let entries = try atOnce(&office, [(.remove(pc2), by: "pc1"), (.remove(pc1), by: "pc2")])
        #expect(office.admins == ["pc1"])
        #expect(office.members == ["pc1", "pc3"])
        #expect(office.log.state.voided == [entries[1].hash: .seniorStays])
        // Nothing that comes later changes that: pc2 stays out though now another admin would remain.
        let founder = try office.node("pc1")
        let pc3 = try office.id("pc3")
        try office.insert { try $0.granting(pc3, by: founder, time: TestOffice.time) }
        #expect(office.admins == ["pc1", "pc3"])
    }

    @Test func whoTheRecoveryKeyMadeAnAdminIsSeniorToAll() throws {
        var office = try TestOffice(members: ["pc2"])
        let (pc1, pc2) = (try office.id("pc1"), try office.node("pc2"))
        let key = office.recovery
        try office.insert { try $0.recovering(pc2, name: Label("pc2"), with: key, time: TestOffice.time) }
        // The founder's machine is stolen: it strikes back.
        _ = try atOnce(&office, [(.remove(pc1), by: "pc2"), (.remove(pc2.id), by: "pc1")])
        #expect(office.admins == ["pc2"])
        #expect(office.members == ["pc2"])
    }

    @Test func seniorityCountsFromTheLastTimeOneBecameAnAdmin() throws {
        var office = try TestOffice(admins: ["pc2"])
        let (pc1, pc2) = (try office.node("pc1"), try office.node("pc2"))
        try office.insert { try $0.revoking(pc1.id, by: pc2, time: TestOffice.time) }
        try office.insert { try $0.granting(pc1.id, by: pc2, time: TestOffice.time) }
        _ = try atOnce(&office, [(.remove(pc2.id), by: "pc1"), (.remove(pc1.id), by: "pc2")])
        #expect(office.admins == ["pc2"])
    }

    @Test func aCircleOfThree() throws {
        var office = try TestOffice(admins: ["pc2", "pc3"])
        let ids = try ["pc1", "pc2", "pc3"].map { try office.id($0) }
        let circle: [(LogAct, by: String)] = [
            (.remove(ids[1]), by: "pc1"), (.remove(ids[2]), by: "pc2"), (.remove(ids[0]), by: "pc3"),
        ]
        // None else would remain: the senior stays, so its removal of pc2 holds, so pc2's of pc3 doesn't.
        var alone = office
        _ = try atOnce(&alone, circle)
        #expect(alone.admins == ["pc1", "pc3"])
        // With a fourth all three are out.
        let founder = try office.node("pc1")
        try office.admit("pc4", by: "pc1")
        let pc4 = try office.id("pc4")
        try office.insert { try $0.granting(pc4, by: founder, time: TestOffice.time) }
        _ = try atOnce(&office, circle)
        #expect(office.admins == ["pc4"])
    }

    @Test func aRemovedAdminsOtherRemovalsAreVoid() throws {
        var office = try TestOffice(admins: ["pc2", "pc3"])
        let ids = try ["pc1", "pc2", "pc3"].map { try office.id($0) }
        // pc3 strikes at all; pc1 strikes pc3, and goes with it; pc2 did nothing and stays.
        _ = try atOnce(
            &office,
            [(.remove(ids[2]), by: "pc1"), (.remove(ids[0]), by: "pc3"), (.remove(ids[1]), by: "pc3")])
        #expect(office.admins == ["pc2"])
    }

    @Test func aChainOfVoids() throws {
        var office = try TestOffice(admins: ["pc2", "pc3", "pc4"])
        let ids = try ["pc1", "pc2", "pc3", "pc4"].map { try office.id($0) }
        // pc1 removes pc2, which voids pc2's removal of pc3, which leaves pc3's removal of pc4 in force.
        _ = try atOnce(
            &office,
            [(.remove(ids[1]), by: "pc1"), (.remove(ids[2]), by: "pc2"), (.remove(ids[3]), by: "pc3")])
        #expect(office.admins == ["pc1", "pc3"])
    }

    @Test func whoARemovedAdminMadeAnAdminUnseenIsNone() throws {
        var office = try TestOffice(admins: ["pc2"], members: ["pc3"])
        let heads = office.log.heads
        let (pc1, pc2, pc3) = (try office.id("pc1"), try office.id("pc2"), try office.id("pc3"))
        let removal = try office.forge(.remove(pc2), by: "pc1", follows: heads)
        let grant = try office.forge(.grant(pc3), by: "pc2", follows: heads)
        // pc3, made an admin by the one that is out, strikes at who put it out: they are two against one, and the
        // senior of those that would go stays.
        let strike = try office.forge(.remove(pc1), by: "pc3", follows: [grant.hash])
        office.log.insert([removal, grant, strike])
        #expect(office.admins == ["pc1"])
        #expect(office.members == ["pc1", "pc3"])
    }

    @Test func aRevocationVoidsAdminsActsAndLeavesTheMembersOwn() throws {
        var office = try TestOffice(admins: ["pc2"])
        let guest = Admission(key: try office.identity("guest").key, name: try Label("guest"))
        let pc2 = try office.id("pc2")
        _ = try atOnce(
            &office,
            [(.revoke(pc2), by: "pc1"), (.admit(guest), by: "pc2"), (.rename(pc2, try Label("desk")), by: "pc2")])
        #expect(office.members == ["pc1", "desk"])
        #expect(office.admins == ["pc1"])
    }

    @Test func theLastAdminCannotGo() throws {
        var office = try TestOffice(admins: ["pc2"], members: ["pc3"])
        // Both leave at once, each thinking that the other stays: the later in the agreed order stays.
        let entries = try atOnce(&office, [(.leave, by: "pc1"), (.leave, by: "pc2")])
        #expect(office.admins.count == 1)
        let later = entries.max { $0.hash < $1.hash }
        #expect(office.log.state.voided == [try #require(later).hash: .lastAdmin])
    }

    @Test func membersWriteOnlyTheirOwnLeaveAndRename() throws {
        var office = try TestOffice(members: ["pc2", "pc3"])
        let before = office.log.state
        let (pc1, pc2, pc3) = (try office.id("pc1"), try office.id("pc2"), try office.id("pc3"))
        let guest = Admission(key: try office.identity("guest").key, name: try Label("guest"))
        let setting = FileServerSetting(epoch: 9, nodes: [pc2], standby: [], store: [0x2F])
        let acts: [LogAct] = [
            .admit(guest), .remove(pc1), .remove(pc3), .remove(pc2), .rename(pc3, try Label("x")), .grant(pc2),
            .revoke(pc1), .recover(Admission(key: try office.node("pc2").key, name: guest.name)), .server(setting),
        ]
        let entries = try atOnce(&office, acts.map { ($0, by: "pc2") })
        #expect(office.log.state.members == before.members)
        #expect(office.log.state.fileServer == nil)
        #expect(entries.allSatisfy { office.log.state.voided[$0.hash] == .notAdmin })
        _ = try atOnce(&office, [(.leave, by: "pc2")])
        #expect(office.members == ["pc1", "pc3"])
        let after = try office.forge(.rename(pc2, Label("back")), by: "pc2")
        office.log.insert([after])
        #expect(office.log.state.voided[after.hash] == .notMember)
    }

    @Test func theRecoveryKeyDoesNothingElse() throws {
        var office = try TestOffice(members: ["pc2"])
        let entry = try LogEntry.sealing(
            .remove(office.id("pc1")), office: office.log.office, follows: office.log.heads, time: TestOffice.time,
            key: office.recovery.privateKey)
        #expect(office.log.insert([entry]).accepted == [entry])
        #expect(office.log.state.voided == [entry.hash: .recoveryKey])
        #expect(office.admins == ["pc1"])
    }

    @Test func clocksDecideNothing() throws {
        let office = try TestOffice(members: ["pc2"])
        let pc1 = try office.node("pc1")
        for seconds in [-100_000_000_000, 0, 253_402_300_799] as [Int64] {
            var log = office.log
            let time = Timestamp(seconds: seconds)
            let entry = try log.renaming(pc1.id, to: Label("x"), by: pc1, time: time)
            #expect(log.insert([entry]).accepted == [entry])
            #expect(log.state.members[pc1.id]?.name.description == "x")
        }
    }
}
