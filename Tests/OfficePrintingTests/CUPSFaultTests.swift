import Foundation
import OfficeCore
import OfficeLab
import OfficePrinting
import Testing

/// cupsd absent, killed, hanging and full: said at once, found again by itself, and nothing half done.
@Suite(.enabled(if: PrivateCUPS.isPossible, "wants root")) struct CUPSFaultTests {
    private let queue: Label
    private let wish: CUPSWish

    init() throws {
        queue = try Label("sink")
        wish = CUPSWish(queue: queue, id: JobID(), user: "alice@pc1", title: "x")
    }

    @Test func withoutCUPSEverythingIsUnavailable() async throws {
        let scheduler = CUPSScheduler(socket: "/tmp/oscups-nowhere/cups.sock")
        #expect(await !scheduler.isReachable())
        await #expect { try await scheduler.queues() } throws: { ($0 as? OfficeError)?.code == .unavailable }
        await #expect { try await scheduler.createJob(wish) } throws: { ($0 as? OfficeError)?.code == .unavailable }
    }

    @Test func aKilledCUPSIsFoundAgain() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            // Only what cupsd has written down outlives its death: on a sober end all, else what is 30 s old.
            try await cups.stop()
            try await cups.start()
            #expect(try await scheduler.queues().count == 1)
            _ = try await scheduler.createJob(wish)
            try await cups.stop(SIGKILL)
            await #expect { try await scheduler.states() } throws: { ($0 as? OfficeError)?.code == .unavailable }
            try await cups.start()
            #expect(try await scheduler.find(wish.id, attempt: 1) == nil)
            #expect(try await scheduler.states()[queue] != nil)
            #expect(box.printed.isEmpty)
        }
    }

    @Test func aHangingCUPSIsNotWaitedForLong() async throws {
        try await PrivateCUPS.with { cups in
            _ = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket, timeout: .milliseconds(500))
            _ = try await scheduler.states()
            cups.signal(SIGSTOP)
            let took = await ContinuousClock().measure {
                await #expect { try await scheduler.states() } throws: { ($0 as? OfficeError)?.code == .unavailable }
            }
            #expect(took < .seconds(3))
            cups.signal(SIGCONT)
            #expect(try await scheduler.states().count == 1)
        }
    }

    /// Nothing is printed twice only if a look-up that found nothing can be believed: what was asked before is done before.
    @Test func aJobOfAnUnansweredRequestIsFoundAtOnceOrNever() async throws {
        try await PrivateCUPS.with { cups in
            _ = try await cups.addBox("sink")
            for isConnected in [true, false] {
                let scheduler = CUPSScheduler(socket: cups.socket, timeout: .milliseconds(500))
                let wish = CUPSWish(queue: queue, id: JobID(), user: "alice@pc1", title: "x")
                if isConnected { _ = try await scheduler.states() }
                cups.signal(SIGSTOP)
                await #expect { try await scheduler.createJob(wish) } throws: {
                    ($0 as? OfficeError)?.code == .unavailable
                }
                cups.signal(SIGCONT)
                let first = try await scheduler.find(wish.id, attempt: 1)
                for _ in 0..<50 { _ = try await scheduler.states() }
                let later = try await scheduler.find(wish.id, attempt: 1)
                #expect(first?.number == later?.number)
            }
        }
    }

    @Test func aLargeDocumentGoesThroughAtFlatMemoryAndOthersAreAnsweredMeanwhile() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            try await cups.run("lpadmin", "-p", "sink", "-m", "raw")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let size = 100 << 20
            let file = try sparse(size)
            let job = try await scheduler.createJob(wish)
            let before = try memory()
            async let sent: Void = scheduler.sendDocument(
                file.fileDescriptor, format: DocumentFormat.unknown, to: job, on: queue, user: wish.user)
            #expect(try await scheduler.states()[queue]?.jobs == 1)
            try await sent
            #expect(try memory() - before < 32 << 20)
            #expect(try await scheduler.job(job)?.documents == 1)
            try await eventually("it comes out", within: .seconds(30)) { box.printed == [job] }
            #expect(box.size(job) == size)
        }
    }

    @Test func aDocumentThatIsCancelledHalfWayIsForgotten() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let job = try await scheduler.createJob(wish)
            let large = try sparse(1 << 30)
            let sending = Task {
                try await scheduler.sendDocument(
                    large.fileDescriptor, format: DocumentFormat.unknown, to: job, on: queue, user: wish.user)
            }
            try await eventually("some is there") { cups.spooled > 1 << 20 }
            sending.cancel()
            await #expect { try await sending.value } throws: { ($0 as? OfficeError)?.code == .temporary }
            #expect(cups.spooled < 1 << 30)
            try await eventually("it is forgotten") { cups.spooled < 1 << 20 }
            let left = try #require(try await scheduler.job(job))
            #expect(left.documents == 0 && !left.state.isFinal)
            // The same job takes the document after all.
            let small = try sparse(0, "hello")
            try await scheduler.sendDocument(
                small.fileDescriptor, format: "text/plain", to: job, on: queue, user: wish.user)
            try await eventually("it is printed") { box.printed == [job] }
        }
    }

    @Test func aLargeDocumentForAJobThatIsGoneIsRefused() async throws {
        try await PrivateCUPS.with { cups in
            _ = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let file = try sparse(32 << 20)
            await #expect {
                try await scheduler.sendDocument(
                    file.fileDescriptor, format: DocumentFormat.unknown, to: 99, on: queue, user: wish.user)
            } throws: {
                ($0 as? OfficeError)?.code == .notFound
            }
            let states = try await scheduler.states()
            #expect(states.count == 1)
        }
    }

    /// CUPS takes the document of a job that is cancelled by then, without a word: it stays cancelled.
    @Test func aDocumentThatComesAfterTheCancelIsNotPrinted() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let file = try sparse(0, "hello")
            let done = try await scheduler.createJob(wish)
            try await scheduler.cancel(done, as: wish.user)
            try await scheduler.sendDocument(
                file.fileDescriptor, format: "text/plain", to: done, on: queue, user: wish.user)
            let next = try await scheduler.createJob(wish)
            try await scheduler.sendDocument(
                file.fileDescriptor, format: "text/plain", to: next, on: queue, user: wish.user)
            try await eventually("the next is printed") { box.printed == [next] }
            #expect(try await scheduler.job(done)?.state == .canceled)
        }
    }

    @Test func aFullDiskIsSaidToBeFull() async throws {
        try await PrivateCUPS.with(spoolSize: "2m") { cups in
            _ = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let job = try await scheduler.createJob(wish)
            let file = try sparse(8 << 20)
            await #expect {
                try await scheduler.sendDocument(
                    file.fileDescriptor, format: DocumentFormat.unknown, to: job, on: queue, user: wish.user)
            } throws: {
                ($0 as? OfficeError)?.code == .noSpace
            }
            #expect(try await scheduler.job(job)?.documents == 0)
        }
    }

    // MARK: Means

    /// A file without a name that reads as so many zeros behind the text.
    private func sparse(_ size: Int, _ text: String = "") throws -> FileHandle {
        let path = "/tmp/oscups-document-\(JobID())"
        try Data(text.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try FileHandle(forUpdating: URL(filePath: path))
        if size > 0 { try file.truncate(atOffset: UInt64(size)) }
        return file
    }

    /// Of this process, in bytes.
    private func memory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = try #require(status.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * 4_096
    }
}
