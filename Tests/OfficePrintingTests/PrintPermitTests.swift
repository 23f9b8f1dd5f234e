import Foundation
import OfficeCore
import Testing

@testable import PrintPermit

/// Who may begin a job, and how often.
@Suite struct PrintPermitTests {
    private let cups = SchedulerIdentity(text: "10 1000")
    private let next = SchedulerIdentity(text: "11 2000")

    @Test func itIsTakenOnce() throws {
        try withPermits { permits in
            #expect(permits.grant(7))
            #expect(permits.take(7, by: cups))
            #expect(!permits.isRefused(7))
            #expect(!permits.take(7, by: next))
            #expect(permits.isRefused(7))
        }
    }

    @Test func withoutAGrantNothingBegins() throws {
        try withPermits { permits in
            #expect(!permits.take(7, by: cups))
            #expect(!permits.take(7, by: nil))
            #expect(permits.isRefused(7))
            #expect(!permits.isRefused(8))
        }
    }

    /// It retries what its printer failed to print, and knows when the try before has ended.
    @Test func theSameSchedulerMayBeginAgain() throws {
        try withPermits { permits in
            #expect(permits.grant(7))
            #expect(permits.take(7, by: cups))
            #expect(permits.take(7, by: cups))
            #expect(!permits.isRefused(7))
        }
    }

    @Test func oneThatNobodyKnowsMayNot() throws {
        try withPermits { permits in
            #expect(permits.grant(7))
            #expect(permits.take(7, by: nil))
            #expect(!permits.take(7, by: nil))
        }
    }

    @Test func aNewGrantForgetsWhatWas() throws {
        try withPermits { permits in
            #expect(permits.grant(7))
            #expect(permits.take(7, by: cups))
            #expect(!permits.take(7, by: next))
            #expect(permits.grant(7))
            #expect(!permits.isRefused(7))
            #expect(permits.take(7, by: next))
        }
    }

    @Test func whatEndedLeavesNothing() throws {
        try withPermits { permits in
            for job in Int32(1)...5 { #expect(permits.grant(job)) }
            #expect(permits.take(2, by: cups))
            permits.forget(1)
            permits.forgetAll(but: [5])
            for job in Int32(1)...4 { #expect(!permits.take(job, by: cups)) }
            #expect(permits.take(5, by: cups))
        }
    }

    @Test func withoutAFolderNothingIsGranted() {
        #expect(!PrintPermits(at: "/proc/no/such/folder").grant(1))
    }

    @Test func theParentIsOneAndTheSame() throws {
        let parent = try #require(SchedulerIdentity.ofParent)
        #expect(parent.text == SchedulerIdentity.ofParent?.text)
        #expect(parent.text.hasPrefix("\(getppid()) "))
    }

    private func withPermits(_ body: (PrintPermits) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(PrintPermits(at: folder))
    }
}
