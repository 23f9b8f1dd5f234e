import Foundation
import OfficeCore
import OfficeStore
import OfficeTrust
import Testing

/// People without a node: their passwords are never kept, and guessing is slow.
struct AccountTests {
    @Test func aPasswordIsKnownAgainAndNotKept() throws {
        let test = try TestStore()
        let name = try UserName("carol")
        _ = try test.store.accounts.add(name, password: Array("correct horse".utf8), now: .now)
        #expect(throws: OfficeError.self) {
            try test.store.accounts.add(name, password: Array("correct horse".utf8), now: .now)
        }
        #expect(throws: OfficeError.self) {
            try test.store.accounts.add(try UserName("dave"), password: Array("short".utf8), now: .now)
        }
        let again = try test.reopened().accounts
        #expect(try again.verify(name, password: Array("correct horse".utf8)))
        #expect(try !again.verify(name, password: Array("correct horsf".utf8)))
        #expect(try !again.verify(try UserName("nobody"), password: Array("correct horse".utf8)))
        let file = test.directory + "/records/users"
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try !String(contentsOfFile: file, encoding: .utf8).contains("correct"))
        _ = try again.setPassword(of: name, Array("another one".utf8))
        #expect(try again.verify(name, password: Array("another one".utf8)))
    }

    @Test func whoIsRemovedLeavesNoRight() throws {
        let test = try TestStore()
        let name = try UserName("carol")
        _ = try test.store.accounts.add(name, password: Array("correct horse".utf8), now: .now)
        _ = try test.store.add(try Label("docs"), access: try AccessList([.account(name)]), quota: nil)
        #expect(test.store.record(of: try Label("docs"))?.access.allows(account: name) == true)
        _ = try test.store.removeUser(name)
        #expect(test.store.record(of: try Label("docs"))?.access.allows(account: name) == false)
        #expect(throws: OfficeError.self) { try test.store.removeUser(name) }
    }

    @Test func wrongGuessesWaitLongerAndLonger() throws {
        var throttle = GuessThrottle()
        let name = try UserName("carol")
        var now = ContinuousClock.now
        for _ in 0..<5 {
            try throttle.check(name, now: now)
            throttle.failed(name, now: now)
        }
        #expect(throws: OfficeError.self) { try throttle.check(name, now: now) }
        try throttle.check(try UserName("other"), now: now)
        now += .seconds(1)
        try throttle.check(name, now: now)
        throttle.failed(name, now: now)
        #expect(throws: OfficeError.self) { try throttle.check(name, now: now + .milliseconds(1999)) }
        for _ in 0..<100 { throttle.failed(name, now: now) }
        try throttle.check(name, now: now + .seconds(900))
        throttle.succeeded(name)
        try throttle.check(name, now: now)
    }
}
