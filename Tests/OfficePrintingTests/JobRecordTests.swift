import Foundation
import Logging
import NIOCore
import OfficeCore
import OfficePrinting
import OfficeTrust
import Testing

/// The records of jobs: whatever is told of them, in whatever order.
@Suite struct JobRecordTests {
    private let owner: NodeID
    private let own: NodeID

    init() throws {
        owner = try NodeID(hex: String(repeating: "0a", count: 32))
        own = try NodeID(hex: String(repeating: "0b", count: 32))
    }

    /// Records of jobs submitted on one node, in a folder that goes with them.
    private func withSubmitted(_ body: (SubmittedJobs, JobReport) async throws -> Void) async throws {
        try await withFolder { folder in
            let jobs = try await SubmittedJobs(
                node: own, store: try JobStore(at: "\(folder)/jobs"),
                spool: try Spool(at: "\(folder)/spool", limit: 1 << 20), limits: JobLimits(),
                logger: Logger(label: "test"), changed: {}, hasWork: { _ in })
            let ticket = try ticket()
            try await jobs.open(ticket, to: owner)
            let (document, source) = AsyncStream.makeStream(of: ByteBuffer.self)
            source.yield(ByteBuffer(string: "dear Bob"))
            source.finish()
            try await jobs.receive(document, format: nil, for: ticket.id)
            try await body(jobs, try await jobs.accept(ticket.id))
        }
    }

    private func told(_ report: JobReport, _ state: JobState, revision: Int) -> JobReport {
        var told = report
        told.state = state
        told.revision = revision
        return told
    }

    /// An owner's answer may overtake what it tells by itself, and the other way round.
    @Test func whatWasSaidLaterCounts() async throws {
        try await withSubmitted { jobs, report in
            await jobs.told(told(report, .processing, revision: 5), by: owner)
            await jobs.told(told(report, .pending, revision: 4), by: owner)
            #expect(await jobs[report.id]?.report.state == .processing)
            await jobs.told(told(report, .completed, revision: 6), by: owner)
            await jobs.told(told(report, .pending, revision: 4), by: owner)
            #expect(await jobs[report.id]?.report.state == .completed)
            #expect(await jobs[report.id]?.stage == .ended)
            var again = told(report, .pending, revision: 7)
            again.attempt = 2
            await jobs.told(again, by: owner)
            #expect(await jobs[report.id]?.report.state == .pending)
        }
    }

    /// What an owner took after it had begun to count up its jobs isn't among them, and isn't forgotten.
    @Test func onlyWhatAnOwnerKnewBeforeCanBeForgotten() async throws {
        try await withSubmitted { jobs, report in
            await jobs.told(told(report, .pending, revision: 5), by: owner)
            await jobs.toldAll([], asOf: 4, by: owner)
            #expect(await jobs[report.id]?.report.state == .pending)
            await jobs.toldAll([], asOf: 5, by: own)
            #expect(await jobs[report.id]?.report.state == .pending)
            await jobs.toldAll([], asOf: 5, by: owner)
            let now = try #require(await jobs[report.id]?.report)
            #expect(now.state == .stopped && now.reasons.first?.hasPrefix(JobReport.unknown) == true)
        }
    }

    /// Who announces jobs and goes away keeps nobody else's out.
    @Test func announcementsThatComeToNothingMakeRoom() async throws {
        try await withFolder { folder in
            let jobs = try await ReceivedJobs(
                owner: owner, store: try JobStore(at: "\(folder)/jobs"),
                spool: try Spool(at: "\(folder)/spool", limit: 1 << 20), limits: JobLimits(),
                logger: Logger(label: "test"), changed: {}, hasWork: { _ in })
            let digest = DocumentDigest(try #require(Digest256([UInt8](repeating: 0, count: 32))))
            for _ in 0..<300 {
                let offer = JobOffer(ticket: try ticket(), digest: digest)
                #expect(try await jobs.accept(offer, from: own) == .wantsDocument(offset: 0))
            }
        }
    }

    private func ticket() throws -> PrintTicket {
        PrintTicket(
            id: JobID(), queue: try Label("laser"), title: "letter", user: try UserName("alice"), format: "text/plain",
            size: 8, attributes: [], submitted: .now)
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }
}
