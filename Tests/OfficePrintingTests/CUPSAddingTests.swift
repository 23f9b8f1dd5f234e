import Foundation
import OfficeCore
import OfficeLab
import OfficePrinting
import Testing

/// The queues that officeshare makes in the local CUPS: here of an IPP printer that the same cupsd serves.
@Suite(.enabled(if: PrivateCUPS.isPossible, "wants root")) struct CUPSAddingTests {
    private let name: Label
    private let port: Int

    init() throws {
        name = try Label("pc1_laser")
        port = try Self.freePort()
    }

    private func plan(_ printer: String, port: Int? = nil) -> CUPSQueuePlan {
        CUPSQueuePlan(
            name: name, deviceURI: "ipp://127.0.0.1:\(port ?? self.port)/printers/\(printer)",
            info: "Laser on\u{1B}[0m pc1", location: "1st floor")
    }

    @Test func aQueueIsMadeChangedAndTakenAway() async throws {
        try await PrivateCUPS.with(["Listen 127.0.0.1:\(port)"]) { cups in
            let box = try await cups.addBox("sink", ["Option1=True"], shared: true)
            _ = try await cups.addBox("mine")
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await scheduler.addQueue(plan("sink"))
            let made = try #require(try await scheduler.queue(name))
            #expect(made.deviceURI == plan("sink").deviceURI && !made.isShared && !made.isTemporary)
            #expect(CUPSScheduler.isFromOfficeshare(made.deviceURI, port: port))
            #expect(made.description.info == "Laser on[0m pc1" && made.description.location == "1st floor")
            #expect(made.description.duplex && made.description.media.contains("iso_a4_210x297mm"))
            // Once more, with something else: the same queue.
            var other = plan("sink")
            other.info = "Another"
            try await scheduler.addQueue(other)
            #expect(try await scheduler.queue(name)?.description.info == "Another")
            try await cups.run("cupsdisable", "\(name)")
            #expect(try await scheduler.states()[name]?.reasons == ["paused"])
            try await cups.run("lp", "-d", "\(name)", "-n", "2", "-o", "sides=two-sided-long-edge", "/etc/hostname")
            try await scheduler.resumeQueue(name)
            try await eventually("it comes out") { box.printed.count == 1 }
            try await scheduler.removeQueue(name)
            try await scheduler.removeQueue(name)
            #expect(try await scheduler.queue(name) == nil)
            // The user's own printers are left alone.
            var clash = plan("sink")
            clash.name = try Label("mine")
            await #expect { try await scheduler.addQueue(clash) } throws: { ($0 as? OfficeError)?.code == .exists }
        }
    }

    /// A node that starts makes sure of its queues while their jobs are being printed.
    @Test func aQueueThatIsAsItShouldBeIsLeftAlone() async throws {
        try await PrivateCUPS.with(["Listen 127.0.0.1:\(port)"]) { cups in
            let box = try await cups.addBox("sink", shared: true)
            try box.set("busy", "")
            let scheduler = CUPSScheduler(socket: cups.socket)
            var plan = plan("sink")
            plan.edition = "1"
            try await scheduler.addQueue(plan)
            try await cups.run("lp", "-d", "\(name)", "/etc/hostname")
            try await eventually("it is being printed") { !box.tries.isEmpty }
            let made = try #require(try await scheduler.queue(name))
            try await scheduler.addQueue(plan)
            let same = try #require(try await scheduler.queue(name))
            #expect(same.stamps.configuration == made.stamps.configuration && same.description.state == .processing)
            plan.info = "Another name"
            try await scheduler.addQueue(plan)
            let named = try #require(try await scheduler.queue(name))
            #expect(named.description.info == "Another name" && named.description.state == .processing)
            try box.set("busy", nil)
            try await eventually("all is done") { try await scheduler.jobs().isEmpty }
            #expect(box.printed.count == 1 && box.tries.count == 1)
            // Stopped, it is resumed; of another edition, it is made anew.
            try await cups.run("cupsdisable", "\(name)")
            try await scheduler.addQueue(plan)
            #expect(try await scheduler.states()[name]?.state == .idle)
            try await cups.run("lpadmin", "-p", "sink", "-o", "Option1=True")
            plan.edition = "2"
            try await scheduler.addQueue(plan)
            try await eventually("it can do what the printer can do now") {
                try await scheduler.queue(name)?.description.duplex == true
            }
        }
    }

    @Test func anEditionIsOfCapabilitiesAlone() throws {
        var queue = QueueDescription(name: name, info: "a", media: ["iso_a4_210x297mm"])
        let edition = queue.edition
        #expect(edition.count == 16)
        queue.state = .stopped
        queue.reasons = ["paused"]
        queue.jobs = 7
        queue.info = "b"
        #expect(queue.edition == edition)
        queue.media.append("iso_a3_297x420mm")
        #expect(queue.edition != edition)
    }

    @Test func ofAPrinterThatDoesNotAnswerNothingIsLeft() async throws {
        try await PrivateCUPS.with { cups in
            let scheduler = CUPSScheduler(socket: cups.socket)
            await #expect { try await scheduler.addQueue(plan("x"), within: .seconds(1)) } throws: {
                ($0 as? OfficeError)?.code == .temporary
            }
            let left = try await scheduler.queues()
            #expect(left.isEmpty)
        }
    }

    /// cupsd's `MaxJobTime` cancels what is printed for longer: here after 2 s, as a control job shows.
    @Test func aJobThatWaitsOutlastsMaxJobTime() async throws {
        try await PrivateCUPS.with(["Listen 127.0.0.1:\(port)", "MaxJobTime 2"]) { cups in
            let box = try await cups.addBox("sink", ["job-cancel-after-default=2147483647"], shared: true)
            let ours = try await cups.addBox("ours")
            let control = try await cups.addBox("control")
            for box in [box, ours, control] { try box.set("busy", "") }
            let scheduler = CUPSScheduler(socket: cups.socket)
            try await scheduler.addQueue(plan("sink"))
            try await cups.run("lp", "-d", "\(name)", "/etc/hostname")
            let job = try await scheduler.createJob(
                CUPSWish(queue: Label("ours"), id: JobID(), user: "alice@pc1", title: "x"))
            let file = try FileHandle(forReadingFrom: URL(filePath: "/etc/hostname"))
            try await scheduler.sendDocument(
                file.fileDescriptor, format: "text/plain", to: job, on: Label("ours"), user: "alice@pc1")
            try await eventually("all are being printed") {
                try await scheduler.jobs().filter { $0.state == .processing }.count == 3 && !box.tries.isEmpty
            }
            try await cups.run("lp", "-d", "control", "/etc/hostname")
            try await eventually("the control job is cancelled", within: .seconds(20)) {
                try await scheduler.jobs(on: Label("control")).isEmpty && !control.tries.isEmpty
            }
            for box in [box, ours] { try box.set("busy", nil) }
            try await eventually("the others come out") { box.printed.count == 1 && ours.printed == [job] }
            #expect(control.printed.isEmpty)
        }
    }

    @Test func whenItsListIsFullCUPSForgetsWhatIsDoneAndRefusesMore() async throws {
        try await PrivateCUPS.with(["MaxJobs 2"]) { cups in
            _ = try await cups.addBox("sink")
            let scheduler = CUPSScheduler(socket: cups.socket)
            func wish() throws -> CUPSWish {
                CUPSWish(queue: try Label("sink"), id: JobID(), user: "alice@pc1", title: "x", isHeld: true)
            }
            let first = try wish()
            let done = try await scheduler.createJob(first)
            _ = try await scheduler.createJob(wish())
            await #expect { try await scheduler.createJob(wish()) } throws: { ($0 as? OfficeError)?.code == .temporary }
            try await scheduler.cancel(done, as: first.user)
            #expect(try await scheduler.job(done)?.state == .canceled)
            // It was never more than a number: who looks for the job finds nothing to follow.
            #expect(try await scheduler.find(first.id, attempt: 1) == nil)
            _ = try await scheduler.createJob(wish())
            #expect(try await scheduler.job(done) == nil)
        }
    }

    @Test(arguments: [
        ("ipp://localhost:8748/printers/pc1_laser", true), ("ipp://127.0.0.1:8748/printers/x?waitjob=false", true),
        ("ipp://[::1]:8748/printers/x", true), ("ipp://localhost:8749/printers/x", false),
        ("ipp://localhost/printers/x", false), ("ipp://localhost:631/printers/x", false),
        ("ipp://localhost:8748@evil.example:8748/printers/x", false), ("ipp://pc1:8748/printers/x", false),
        ("socket://localhost:8748/printers/x", false), ("ipp://localhost:8748", false), ("", false),
    ])
    func whatOfficeshareMadeIsKnown(_ uri: String, _ isOurs: Bool) {
        #expect(CUPSScheduler.isFromOfficeshare(uri, port: 8748) == isOurs)
    }

    /// One that was free a moment ago: cupsd can't be told to take any.
    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
