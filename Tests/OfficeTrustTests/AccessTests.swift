import Foundation
import OfficeCore
import Testing

@testable import OfficeTrust

@Suite struct AccessTests {
    let office: TestOffice
    let alice: UserName
    let bob: UserName

    init() throws {
        office = try TestOffice(members: ["pc2", "pc3"])
        alice = try UserName("alice")
        bob = try UserName("bob")
    }

    @Test func whoIsMeantByAGrant() throws {
        let state = office.log.state
        let (pc2, pc3) = (try office.id("pc2"), try office.id("pc3"))
        let principals = [
            Principal(node: pc2, user: alice), Principal(node: pc2, user: bob), Principal(node: pc3, user: alice),
        ]
        let cases: [(String, [Bool])] = [
            ("office", [true, true, true]), ("pc2", [true, true, false]), ("alice@pc2", [true, false, false]),
            ("user:alice", [false, false, false]),
        ]
        for (text, allowed) in cases {
            let grant = try Grant.parse(text, in: state)
            #expect(grant.display(in: state) == text)
            #expect(try Grant(stored: grant.stored) == grant)
            let list = try AccessList([grant])
            #expect(principals.map(list.allows) == allowed, "\(text)")
        }
        #expect(!(try AccessList([]).allows(principals[0])))
        #expect(try AccessList([.account(alice)]).allows(account: alice))
        #expect(try !AccessList([.account(alice)]).allows(account: bob))
        #expect(try !AccessList([.node(pc2)]).allows(account: alice))
        #expect(AccessList.everyone.allows(account: bob))
    }

    @Test func aNameUsedAgainInheritsNothing() throws {
        var office = office
        let list = try AccessList([Grant.parse("alice@pc2", in: office.log.state)])
        let old = try office.id("pc2")
        let pc1 = try office.node("pc1")
        try office.insert { try $0.removing(old, by: pc1, time: TestOffice.time) }
        let key = try office.identity("other").key
        try office.insert { try $0.admitting(key, name: Label("pc2"), by: pc1, time: TestOffice.time) }
        #expect(!list.allows(Principal(node: key.id, user: alice)))
        #expect(list.display(in: office.log.state) == ["alice@\(old)"])
        #expect(try Grant.parse("alice@\(old)", in: office.log.state) == .user(alice, old))
    }

    @Test func whatIsNoGrantIsRefused() throws {
        let state = office.log.state
        for (text, expected) in [
            ("nobody", OfficeError.Code.notFound), ("alice@nobody", .notFound),
            (String(repeating: "0", count: 64), .notFound), ("", .malformed), ("@pc2", .malformed),
            ("alice@", .malformed), ("user:", .malformed), ("a b@pc2", .malformed), ("a@b@pc2", .malformed),
        ] {
            #expect(code { try Grant.parse(text, in: state) } == expected, "\(text)")
        }
    }

    @Test func userNamesAreBounded() throws {
        for good in ["a", "alice", "CORP\\alice", "user.name+x", "zoë", String(repeating: "a", count: 64)] {
            #expect(try UserName(good).description == good)
        }
        let bad = [
            "", "a/b", "a@b", "a:b", "a b", " a", "-a", ".a", "a\n", "a\u{0}", "a\u{7F}", "a\u{202E}b", "a\u{200B}",
            String(repeating: "a", count: 65), String(repeating: "a", count: 63) + "@",
        ]
        for name in bad { #expect(code { try UserName(name) } == .malformed, "\(name.debugDescription)") }
        // The same to the eye and to Swift, and two names all the same.
        #expect(try UserName("e\u{301}") != UserName("\u{E9}"))
    }

    @Test func listsAreKeptByIdsAndBounded() throws {
        let list = try AccessList([.office, .node(office.id("pc2")), .user(alice, office.id("pc3")), .account(bob)])
        let data = try JSONEncoder().encode(list)
        #expect(try JSONDecoder().decode(AccessList.self, from: data) == list)
        #expect(list.display(in: office.log.state) == ["office", "alice@pc3", "pc2", "user:bob"])
        #expect(!String(decoding: data, as: UTF8.self).contains("pc"))
        let grants = try (0...AccessList.limit).map { Grant.account(try UserName("u\($0)")) }
        #expect(code { try AccessList(grants.dropLast()) } == nil)
        #expect(code { try AccessList(grants) } == .limit)
    }
}
