import Foundation
import OfficeCore
import OfficeLab
import OfficePrinting
import Testing

/// Against a cupsd of the test's own: queues as they are, jobs as they come out.
@Suite(.enabled(if: PrivateCUPS.isPossible, "wants root")) struct CUPSTests {
    private func document(_ bytes: [UInt8]) throws -> FileHandle {
        let path = "/tmp/oscups-document-\(JobID())"
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try FileHandle(forReadingFrom: URL(filePath: path))
    }

    private func submit(
        _ text: String, _ wish: CUPSWish, to scheduler: CUPSScheduler, format: String = "text/plain"
    ) async throws -> Int32 {
        let file = try document(Array(text.utf8))
        let job = try await scheduler.createJob(wish)
        try await scheduler.sendDocument(
            file.fileDescriptor, format: format, to: job, on: wish.queue, user: wish.user)
        return job
    }

    @Test func queuesAreDescribed() async throws {
        try await PrivateCUPS.with { cups in
            _ = try await cups.addBox("sink", ["Option1=True"], shared: true)
            try await cups.run("lpadmin", "-p", "sink", "-L", "1st floor")
            _ = try await cups.addBox("other")
            let scheduler = CUPSScheduler(socket: cups.socket)
            #expect(await scheduler.isReachable())
            #expect(try await scheduler.version()?.hasPrefix("2.") == true)
            let queues = try await scheduler.queues()
            #expect(queues.map(\.description.name.description) == ["other", "sink"])
            let sink = try #require(queues.last)
            #expect(sink.isShared && !sink.isTemporary && sink.deviceURI == "osbox:\(cups.folder)/box-sink")
            let told = sink.description
            #expect(told.location == "1st floor" && told.model == "HP LaserJet Series PCL 4/5")
            #expect(told.state == .idle && told.accepting && told.reasons.isEmpty && !told.color)
            #expect(told.media.contains("iso_a4_210x297mm") && told.formats.contains("application/pdf"))
            #expect(told.sides == ["one-sided", "two-sided-long-edge", "two-sided-short-edge"])
            #expect(try await scheduler.queue(Label("sink")) == sink)
            #expect(try await scheduler.queue(Label("nothing")) == nil)
            try await cups.run("cupsreject", "sink")
            try await cups.run("cupsdisable", "-r", "no\u{1B}[31m paper", "sink")
            let status = try #require(try await scheduler.states()[Label("sink")])
            #expect(status.state == .stopped && !status.accepting && status.reasons == ["paused"])
            #expect(status.message?.contains("\u{1B}") == false)
            try await cups.run("lpadmin", "-p", "sink", "-L", "cellar")
            let changed = try #require(try await scheduler.queue(Label("sink")))
            #expect(changed.description.location == "cellar")
        }
    }

    @Test func aBannerIsNoDocument() async throws {
        try await PrivateCUPS.with { cups in
            _ = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            #expect(try await scheduler.queue(Label("sink"))?.description.jobSheets?.contains("standard") == true)
            let wish = CUPSWish(
                queue: try Label("sink"), id: JobID(), user: "alice@pc1", title: "a",
                attributes: [IPPAttribute("job-sheets", .keyword("standard"))])
            let number = try await scheduler.createJob(wish)
            let empty = try #require(try await scheduler.job(number))
            #expect(empty.documents == 1 && empty.isHollow)
            let file = try document(Array("hello".utf8))
            try await scheduler.sendDocument(
                file.fileDescriptor, format: "text/plain", to: number, on: wish.queue, user: wish.user)
            let whole = try #require(try await scheduler.job(number))
            #expect(whole.documents == 2 && !whole.isHollow)
        }
    }

    @Test func aJobComesOutOnceWithItsOptionsOnce() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let wish = CUPSWish(
                queue: try Label("sink"), id: JobID(), attempt: 2, user: "alice@pc1", title: "Été\u{1B}[0m",
                attributes: [
                    IPPAttribute("copies", .integer(3)), IPPAttribute("sides", .keyword("two-sided-long-edge")),
                    IPPAttribute("media", .keyword("A5")), IPPAttribute("evil", .keyword("yes")),
                ])
            let number = try await submit("hello", wish, to: scheduler)
            try await eventually("job \(number) is printed") {
                try await scheduler.job(number)?.state == .completed
            }
            let arguments = try #require(box.arguments(number))
            #expect(arguments.prefix(3) == ["\(number)", "alice@pc1", "Été[0m"])
            let options = arguments[4].split(separator: " ")
            #expect(options.filter { $0.hasPrefix("sides=") } == ["sides=two-sided-long-edge"])
            #expect(options.filter { $0.hasPrefix("media=") } == ["media=iso_a5_148x210mm"])
            #expect(!arguments[4].contains("evil"))
            // One raster of PCL, and before it the one request for three copies.
            let pcl = String(decoding: try #require(box.document(number)), as: Unicode.ASCII.self)
            #expect(pcl.components(separatedBy: "\u{1B}&l3X").count == 2 && arguments[3] == "3")
            #expect(pcl.components(separatedBy: "\u{1B}*r1A").count == 2)
            #expect(box.printed == [number])
            let found = try #require(try await scheduler.find(wish.id, attempt: 2))
            #expect(found.number == number && found.user == "alice@pc1" && found.title == "Été[0m")
            #expect(found.queue == wish.queue && found.documents == 1 && found.completed != nil)
            #expect(try await scheduler.find(wish.id, attempt: 1) == nil)
        }
    }

    @Test func aJobIsFoundAfterCUPSWasRestarted() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            try box.set("busy", "")
            let scheduler = CUPSScheduler(socket: cups.socket, timeout: .seconds(2))
            let wish = CUPSWish(queue: try Label("sink"), id: JobID(), user: "alice@pc1", title: "x", isHeld: true)
            let number = try await submit("hello", wish, to: scheduler)
            try await cups.stop()
            await #expect { try await scheduler.states() } throws: { ($0 as? OfficeError)?.code == .unavailable }
            #expect(await !scheduler.isReachable())
            try await cups.start()
            let found = try #require(try await scheduler.find(wish.id, attempt: 1))
            #expect(found.number == number && found.state == .held && found.documents == 1)
            try await scheduler.release(number, as: "alice@pc1")
            try box.set("busy", nil)
            try await eventually("it is printed") { try await scheduler.job(number)?.state == .completed }
            #expect(box.printed == [number])
        }
    }

    @Test func jobsAreHeldReleasedAndCancelledByTheirUserAlone() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink")
            try box.set("busy", "")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let queue = try Label("sink")
            var numbers: [Int32] = []
            for title in ["first", "second", "third"] {
                let wish = CUPSWish(queue: queue, id: JobID(), user: "alice@pc1", title: title)
                numbers.append(try await submit(title, wish, to: scheduler))
            }
            #expect(try await scheduler.jobs(on: queue).map(\.number) == numbers)
            #expect(try await scheduler.states()[queue]?.jobs == 3)
            await #expect { try await scheduler.cancel(numbers[1], as: "bob@pc2") } throws: {
                ($0 as? OfficeError)?.code == .notAllowed
            }
            try await scheduler.hold(numbers[1], as: "alice@pc1")
            #expect(try await scheduler.job(numbers[1])?.state == .held)
            try await scheduler.cancel(numbers[2], as: nil)
            #expect(try await scheduler.job(numbers[2])?.state == .canceled)
            await #expect { try await scheduler.cancel(99, as: nil) } throws: {
                ($0 as? OfficeError)?.code == .notFound
            }
            #expect(try await scheduler.job(99) == nil)
            try box.set("busy", nil)
            try await scheduler.release(numbers[1], as: "alice@pc1")
            try await eventually("two are printed") { box.printed == Array(numbers[..<2]) }
        }
    }

    @Test func aPrinterInTroubleSaysSo() async throws {
        try await PrivateCUPS.with { cups in
            let box = try await cups.addBox("sink", ["printer-error-policy=stop-printer"])
            let scheduler = CUPSScheduler(socket: cups.socket)
            let queue = try Label("sink")
            try box.set("say", "STATE: +media-jam-error\nINFO: Paper jam in tray 1\n")
            try box.set("busy", "")
            let wish = CUPSWish(queue: queue, id: JobID(), user: "alice@pc1", title: "x")
            let number = try await submit("hello", wish, to: scheduler)
            try await eventually("the jam shows") {
                try await scheduler.states()[queue]?.reasons == ["media-jam-error"]
            }
            try box.set("exit", "1")
            try box.set("busy", nil)
            try await eventually("the queue stops") { try await scheduler.states()[queue]?.state == .stopped }
            let job = try #require(try await scheduler.job(number))
            #expect(!job.state.isFinal && job.reasons.contains("printer-stopped"))
            try box.set("exit", nil)
            try box.set("say", "STATE: -media-jam-error\n")
            try await cups.run("cupsenable", "sink")
            try await eventually("it is printed after all") { box.printed == [number] }
        }
    }

    @Test func whatCUPSRefusesIsSaidWhy() async throws {
        try await PrivateCUPS.with { cups in
            _ = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            let wish = CUPSWish(queue: try Label("sink"), id: JobID(), user: "alice@pc1", title: "x")
            await #expect {
                _ = try await submit("x", wish, to: scheduler, format: "application/x-nonsense")
            } throws: {
                ($0 as? OfficeError)?.code == .malformed
            }
            var nowhere = wish
            nowhere.queue = try Label("nowhere")
            await #expect { try await scheduler.createJob(nowhere) } throws: {
                ($0 as? OfficeError)?.code == .notFound
            }
            try await cups.run("cupsreject", "sink")
            await #expect { try await scheduler.createJob(wish) } throws: { ($0 as? OfficeError)?.code == .temporary }
        }
    }
}
