import Crypto
import Foundation
import Logging
import NIOCore
import OfficeCore
import OfficeLab
import OfficeTrust
import PrintPermit
import Testing

@testable import OfficePrinting

/// What the runner makes of what it finds in a real CUPS after a crash.
@Suite(.enabled(if: PrivateCUPS.isPossible, "wants root")) struct QueueRunnerTests {
    private let queue: Label
    private let own: NodeID
    private let sheets = IPPAttribute("job-sheets", [.name("standard"), .name("none")])

    init() throws {
        queue = try Label("sink")
        own = try NodeID(hex: String(repeating: "0a", count: 32))
    }

    enum Forgotten: String, CaseIterable {
        /// officeshared died before it sent the document: all that the job has is its banner.
        case document
        /// cupsd died before it wrote down what the document is, on a queue without banners.
        case format
    }

    /// Both look the same: one document without a format, and a banner asked for.
    @Test(arguments: Forgotten.allCases)
    func aJobWithOneDocumentAndABannerIsPrintedOnce(_ forgotten: Forgotten) async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await withJobs { jobs, work in
                let id = try await submit(to: jobs, [sheets])
                // A queue for another CUPS's gets no banners from this one.
                if forgotten == .format {
                    try await cups.run("lpadmin", "-p", "sink", "-v", "ipp://localhost:9/printers/sink")
                }
                let number = try await scheduler.createJob(
                    CUPSWish(
                        queue: queue, id: id, user: "alice@pc1", title: "letter", attributes: [sheets], isHeld: true))
                if forgotten == .format {
                    try await send(jobs, id, number, scheduler, cups)
                    try await cups.run("lpadmin", "-p", "sink", "-v", box.uri)
                }
                _ = try await jobs.update(id) { record in
                    record.stage = .creating
                    record.number = number
                }
                let found = try #require(try await scheduler.find(id, attempt: 1))
                #expect(found.documents == 1 && found.isHollow)
                try await running(runner(jobs, scheduler, cups, work)) {
                    try await eventually("it is printed", within: .seconds(20)) {
                        await jobs[id]?.report.state == .completed
                    }
                }
                #expect(box.printed.count == 1)
                #expect(try await scheduler.jobs().isEmpty)
            }
        }
    }

    enum Opening: String, CaseIterable {
        /// Its class is open, for a moment that lasts here.
        case gate
        /// This CUPS lets nobody make classes.
        case noGate
    }

    /// cupsd writes down at once what it has in work, is killed, and its backend lives on: the cupsd that comes next
    /// begins the job again, with officeshared not there to prevent it.
    @Test(arguments: Opening.allCases)
    func aJobThatCUPSBeginsAgainIsntPrintedTwice(_ opening: Opening) async throws {
        try await PrivateCUPS.with(
            ["DirtyCleanInterval 0"], filter: Self.filter, hasClasses: opening == .gate
        ) { cups in
            let box = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await withJobs { jobs, work in
                let id = try await submit(to: jobs)
                try box.set("busy", "")
                try await running(runner(jobs, scheduler, cups, work)) {
                    try await eventually("it is in work", within: .seconds(20)) { !box.tries.isEmpty }
                }
                if opening == .gate {
                    try await cups.run("cupsenable", "sink@officeshare")
                    try await eventually("that is written down", within: .seconds(20)) {
                        try cups.settings("classes.conf").contains("State Idle")
                    }
                }
                try await cups.stop(SIGKILL, sparesBackends: true)
                try await cups.start()
                let number = try #require(await jobs[id]?.number)
                try await eventually("the job was begun again, and refused", within: .seconds(20)) {
                    PrintPermits(at: cups.permits).isRefused(number)
                }
                try box.set("busy", nil)
                try await eventually("the backend of before has ended", within: .seconds(20)) {
                    !box.printed.isEmpty
                }
                try await running(runner(jobs, scheduler, cups, AsyncStream { _ in })) {
                    try await eventually("it is said", within: .seconds(20)) { await jobs[id]?.stage == .unknown }
                    try await eventually("CUPS has it no more", within: .seconds(20)) {
                        try await scheduler.jobs().isEmpty
                    }
                }
                #expect(box.printed.count == 1)
                #expect(await jobs[id]?.report.state == .stopped)
            }
        }
    }

    /// Without a driver there is no filter to keep a job from being begun again: all depends on the gate, which a cupsd
    /// that starts must find shut, whenever it was killed.
    @Test func theGateIsNeverWrittenDownOpen() async throws {
        try await PrivateCUPS.with(["DirtyCleanInterval 0"]) { cups in
            let box = try await cups.addBox("sink")
            try await cups.run("lpadmin", "-p", "sink", "-m", "raw")
            try await withJobs { jobs, work in
                let runner = runner(jobs, CUPSScheduler(socket: cups.socket), cups, work)
                var ids: [JobID] = []
                for _ in 0..<50 { ids.append(try await submit(to: jobs)) }
                try await running(runner) {
                    for id in ids {
                        try await eventually("it is printed", within: .seconds(60)) {
                            await jobs[id]?.report.state == .completed
                        }
                    }
                }
                #expect(box.printed.count == ids.count)
            }
            let (opened, shut, written) = (
                "Returning IPP successful-ok for Resume-Printer", "Returning IPP successful-ok for Pause-Printer",
                "Saving classes.conf"
            )
            var (isOpen, openings, writings) = (false, 0, 0)
            for step in cups.steps([opened, shut, written]) {
                if step.hasPrefix(written) {
                    writings += 1
                    #expect(!isOpen)
                } else {
                    isOpen = step.hasPrefix(opened)
                    if isOpen { openings += 1 }
                }
            }
            #expect(openings >= 50 && writings >= 50)
        }
    }

    /// The same seen from the printer: cupsd is killed as soon as the job is in work, and its backend lives on.
    @Test func aJobWithoutADriverIsntPrintedTwice() async throws {
        try await PrivateCUPS.with(["DirtyCleanInterval 0"]) { cups in
            let box = try await cups.addBox("sink")
            try await cups.run("lpadmin", "-p", "sink", "-m", "raw")
            let scheduler = CUPSScheduler(socket: cups.socket)
            for round in 1...10 {
                try await withJobs { jobs, work in
                    let id = try await submit(to: jobs)
                    try box.set("busy", "")
                    try await running(runner(jobs, scheduler, cups, work)) {
                        try await eventually("it is in work", within: .seconds(20)) { box.tries.count == round }
                    }
                    try await cups.stop(SIGKILL, sparesBackends: true)
                    try await cups.start()
                    try box.set("busy", nil)
                    try await eventually("the backend of before has ended", within: .seconds(20)) {
                        box.printed.count == round
                    }
                    try await running(runner(jobs, scheduler, cups, AsyncStream { _ in })) {
                        try await eventually("it is said", within: .seconds(20)) { await jobs[id]?.stage == .unknown }
                        try await eventually("CUPS has it no more", within: .seconds(20)) {
                            try await scheduler.jobs().isEmpty
                        }
                    }
                    #expect(box.tries.count == round && box.printed.count == round)
                }
            }
        }
    }

    /// A cupsd that is killed tells of its jobs as they were up to half a minute before: here of one that failed, and was
    /// begun again and printed since.
    @Test(arguments: [true, false])
    func aJobOfWhichCUPSKnowsAnEarlierTryIsntPrintedTwice(_ hasDriver: Bool) async throws {
        try await PrivateCUPS.with(["DirtyCleanInterval 0"], filter: Self.filter) { cups in
            let box = try await cups.addBox("sink")
            if !hasDriver { try await cups.run("lpadmin", "-p", "sink", "-m", "raw") }
            try await cups.run("lpadmin", "-p", "sink", "-o", "printer-error-policy=stop-printer")
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await withJobs { jobs, work in
                let id = try await submit(to: jobs)
                try box.set("exit", "1")
                var before = Data()
                try await running(runner(jobs, scheduler, cups, work)) {
                    try await eventually("it failed", within: .seconds(20)) {
                        let states = try await scheduler.states()
                        return states[queue]?.state == .stopped && box.tries.count == 1
                    }
                    try await eventually("that is known", within: .seconds(20)) { await jobs[id]?.stage == .queued }
                    let number = try #require(await jobs[id]?.number)
                    before = try cups.jobFile(number)
                    try box.set("exit", nil)
                    try box.set("busy", "")
                    try await cups.run("cupsenable", "sink")
                    try await eventually("it is in work again", within: .seconds(60)) { box.tries.count == 2 }
                }
                let number = try #require(await jobs[id]?.number)
                try await cups.stop(SIGKILL, sparesBackends: true)
                try cups.setJobFile(number, before)
                try await cups.start()
                try box.set("busy", nil)
                try await eventually("the backend of before has ended", within: .seconds(20)) {
                    box.printed.count == 1
                }
                try await running(runner(jobs, scheduler, cups, AsyncStream { _ in })) {
                    try await eventually("it is said", within: .seconds(20)) { await jobs[id]?.stage == .unknown }
                    try await eventually("CUPS has it no more", within: .seconds(20)) {
                        try await scheduler.jobs().isEmpty
                    }
                }
                #expect(box.tries.count == 2 && box.printed.count == 1)
            }
        }
    }

    /// Where the queue is busy with its owner's job, one without a driver waits outside, for at an open gate it could
    /// be begun twice; and has its turn when the queue is free.
    @Test func aJobWithoutADriverWaitsForAFreeQueue() async throws {
        try await PrivateCUPS.with(["DirtyCleanInterval 0"]) { cups in
            let box = try await cups.addBox("sink")
            try await cups.run("lpadmin", "-p", "sink", "-m", "raw")
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await withJobs { jobs, work in
                try box.set("busy", "")
                try await cups.run("lp", "-d", "sink", "/etc/hostname")
                try await eventually("the owner's is in work", within: .seconds(20)) { box.tries.count == 1 }
                let id = try await submit(to: jobs)
                try await running(runner(jobs, scheduler, cups, work)) {
                    try await eventually("it is at the gate", within: .seconds(20)) {
                        try await scheduler.jobs(atGate: queue).count == 1
                    }
                    for _ in 0..<50 { #expect(try await scheduler.states()[queue]?.gate?.isOpen == false) }
                    try box.set("busy", nil)
                    try await eventually("it is printed", within: .seconds(20)) {
                        await jobs[id]?.report.state == .completed
                    }
                }
                #expect(box.printed.count == 2)
            }
        }
    }

    /// What was never begun is, whoever begins it, and be it on another queue.
    @Test func aJobThatIsMovedByHandIsPrintedThere() async throws {
        try await PrivateCUPS.with(filter: Self.filter) { cups in
            let box = try await cups.addBox("sink")
            let other = try await cups.addBox("other")
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await withJobs { jobs, work in
                try await cups.run("cupsdisable", "sink")
                let id = try await submit(to: jobs)
                try await running(runner(jobs, scheduler, cups, work)) {
                    try await eventually("it waits at the gate", within: .seconds(20)) {
                        try await scheduler.jobs(atGate: queue).count == 1
                    }
                    let number = try #require(await jobs[id]?.number)
                    try await cups.run("lpmove", "\(number)", "other")
                    try await eventually("it is printed", within: .seconds(20)) {
                        await jobs[id]?.report.state == .completed
                    }
                }
                #expect(box.printed.isEmpty)
                #expect(other.printed.count == 1)
            }
        }
    }

    /// Beside the tests, as they were built.
    private static let filter = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("officeshare-begin").path

    private func runner(
        _ jobs: ReceivedJobs, _ scheduler: CUPSScheduler, _ cups: PrivateCUPS, _ work: AsyncStream<Label>
    ) -> QueueRunner {
        QueueRunner(
            jobs: jobs, scheduler: scheduler, permits: PrintPermits(at: cups.permits), work: work,
            nodeName: { _ in "pc1" }, logger: Logger(label: "test"))
    }

    private func running(_ runner: QueueRunner, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await runner.run() }
            try await body()
            group.cancelAll()
        }
    }

    /// Gives CUPS the document, and has it forget what that is.
    private func send(
        _ jobs: ReceivedJobs, _ id: JobID, _ number: Int32, _ scheduler: CUPSScheduler, _ cups: PrivateCUPS
    ) async throws {
        try await cups.stop()
        try await cups.start()
        let document = try await jobs.spool.open(id)
        defer { close(document) }
        try await scheduler.sendDocument(document, format: "text/plain", to: number, on: queue, user: "alice@pc1")
        try await cups.stop(SIGKILL)
        try await cups.start()
    }

    private func submit(to jobs: ReceivedJobs, _ attributes: [IPPAttribute] = []) async throws -> JobID {
        let text = Data("dear Bob".utf8)
        let ticket = PrintTicket(
            id: JobID(), queue: queue, title: "letter", user: try UserName("alice"), format: "text/plain",
            size: Int64(text.count), attributes: attributes, submitted: .now)
        let digest = DocumentDigest(Digest256(SHA256.hash(data: text)))
        let offer = JobOffer(ticket: ticket, digest: digest)
        #expect(try await jobs.accept(offer, from: own) == .wantsDocument(offset: 0))
        let (document, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        source.yield(ByteBuffer(bytes: text))
        source.finish()
        try await jobs.receive(document, from: 0, of: ticket.id, from: own)
        guard case .accepted = try await jobs.accept(offer, from: own) else {
            throw OfficeError(.fault, "the job", "it wasn't accepted")
        }
        return ticket.id
    }

    private func withJobs(_ body: (ReceivedJobs, AsyncStream<Label>) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (work, bell) = AsyncStream.makeStream(of: Label.self)
        let jobs = try await ReceivedJobs(
            owner: own, store: try JobStore(at: "\(folder)/jobs"),
            spool: try Spool(at: "\(folder)/spool", limit: 1 << 20), limits: JobLimits(),
            logger: Logger(label: "test"), changed: {}, hasWork: { bell.yield($0) })
        try await body(jobs, work)
    }
}
