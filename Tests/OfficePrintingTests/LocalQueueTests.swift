import BoothDesk
import Foundation
import OfficeCore
import OfficeLab
import OfficePrinting
import OfficeTrust
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A queue of the local CUPS whose printer is the endpoint: what programs print to.
@Suite("The local queue") struct LocalQueueTests {
    private static let name = BoothQueue.laserName
    /// cupsd writes down at once what it has; Debian's does within 30 s, and what it hasn't is gone with a crash.
    /// What backends hear stands in the debug log.
    private static let directives = ["DirtyCleanInterval 0", "LogLevel debug"]

    /// A cupsd, a booth, a queue between the two, and a document of four pages.
    private func with(
        _ options: [String] = [], _ body: (PrivateCUPS, Booth, CUPSScheduler, String) async throws -> Void
    ) async throws {
        try await PrivateCUPS.with(Self.directives) { cups in
            try await Booth.with(options + ["--cups", cups.socket]) { booth in
                let scheduler = CUPSScheduler(socket: cups.socket)
                try await scheduler.addQueue(
                    CUPSQueuePlan(name: try Label(Self.name), deviceURI: booth.uri(), info: "Laser", location: ""))
                let document = "\(booth.folder)/four.pdf"
                let source =
                    "/Helvetica findfont 48 scalefont setfont 1 1 4 { pop 72 500 moveto (A page) show showpage } for"
                try await Command.run(["gs", "-q", "-sDEVICE=pdfwrite", "-o", document, "-c", source]).checked()
                try await body(cups, booth, scheduler, document)
            }
        }
    }

    private func state(_ scheduler: CUPSScheduler, _ job: Int32) async throws -> CUPSJob.State? {
        try await scheduler.job(job)?.state
    }

    private func pages(_ booth: Booth, _ record: FolderDesk.Record) async throws -> String {
        let path = "\(booth.folder)/paper/\(record.report.id).document"
        return try await Command.run(
            [
                "gs", "-q", "-dNODISPLAY", "-dNOSAFER", "-c",
                "(\(path)) (r) file runpdfbegin pdfpagecount = quit",
            ]
        ).checked().stdout.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("What is printed arrives once, copies once applied, under the UUID of the local job")
    func once() async throws {
        try await with { cups, booth, scheduler, document in
            try await cups.run(
                "lp", "-d", Self.name, "-n", "2", "-o", "sides=two-sided-long-edge", "-t", "Four pages", document)
            try await eventually("the job is completed") { try await state(scheduler, 1) == .completed }
            let record = try #require(booth.records.first)
            #expect(booth.records.count == 1)
            #expect(record.ticket.title == "Four pages" && record.ticket.user.description == "root")
            #expect(record.ticket.format == "application/pdf")
            let asked = Dictionary(uniqueKeysWithValues: record.ticket.attributes.map { ($0.name, $0.values) })
            #expect(asked["copies"] == [.integer(2)] && asked["sides"] == [.keyword("two-sided-long-edge")])
            #expect(try await pages(booth, record) == "4")
            // Applied here by the local CUPS, so not once more by the owner's.
            try await cups.run("lp", "-d", Self.name, "-n", "3", "-o", "number-up=2", "-P", "1-4", document)
            try await eventually("the second is completed") { try await state(scheduler, 2) == .completed }
            let second = try #require(booth.records.last)
            #expect(try await pages(booth, second) == "2")
            let names = second.ticket.attributes.map(\.name)
            #expect(names.contains("copies") && !names.contains("number-up") && !names.contains("page-ranges"))
        }
    }

    @Test("A local job stays until the office's is done, over deaths of the endpoint")
    func waits() async throws {
        try await with(["--wait"]) { cups, booth, scheduler, document in
            try await cups.run("lp", "-d", Self.name, document)
            try await eventually("the job is taken") { booth.records.count == 1 }
            await booth.kill()
            // In work, or between two tries; a backend whose endpoint dies in the midst of its question takes the job
            // for printed, which is CUPS's own. It never gives it up.
            let seen = try await state(scheduler, 1)
            #expect(seen?.isFinal == false || seen == .completed, "\(String(describing: seen))")
            try await booth.start()
            try await booth.say("complete")
            try await eventually("the job is completed", within: .seconds(30)) {
                try await state(scheduler, 1) == .completed
            }
            #expect(booth.records.count == 1)
        }
    }

    @Test("A killed cupsd that begins its job anew prints it once")
    func restarted() async throws {
        try await with(["--wait"]) { cups, booth, scheduler, document in
            try await cups.run("lp", "-d", Self.name, document)
            try await eventually("the job is taken") { booth.records.count == 1 }
            try await cups.stop(SIGKILL)
            try await cups.start()
            try await eventually("the job is in work again") { try await state(scheduler, 1) == .processing }
            try await booth.say("complete")
            try await eventually("the job is completed", within: .seconds(30)) {
                try await state(scheduler, 1) == .completed
            }
            #expect(booth.records.count == 1)
        }
    }

    @Test("Canceled here is canceled there")
    func canceledHere() async throws {
        try await with(["--wait"]) { cups, booth, scheduler, document in
            try await cups.run("lp", "-d", Self.name, document)
            try await eventually("the job is taken") { booth.records.count == 1 }
            try await cups.run("cancel", "\(Self.name)-1")
            try await eventually("it is canceled there") { booth.records.first?.report.state == .canceled }
        }
    }

    @Test("Canceled there is canceled here, and never called completed; held there goes on waiting")
    func canceledThere() async throws {
        try await with(["--wait"]) { cups, booth, scheduler, document in
            try await cups.run("lp", "-d", Self.name, document)
            try await eventually("the job is taken") { booth.records.count == 1 }
            let number = try #require(booth.records.first?.number)
            try await ask("Hold-Job", number, booth)
            #expect(booth.records.first?.report.state == .held)
            try await eventually("the backend has asked again") { try await polls(cups) >= 3 }
            #expect(try await state(scheduler, 1) == .processing)
            try await ask("Cancel-Job", number, booth)
            try await eventually("the job has ended", within: .seconds(30)) {
                try await state(scheduler, 1)?.isFinal == true
            }
            #expect(try await state(scheduler, 1) == .canceled)
        }
    }

    @Test("Banners are the owner's to print: asked for here, none is added here, and the office is asked for them")
    func banners() async throws {
        try await with { cups, booth, scheduler, document in
            try await cups.run("lp", "-d", Self.name, "-o", "job-sheets=standard,confidential", document)
            try await eventually("the job is completed") { try await state(scheduler, 1) == .completed }
            let record = try #require(booth.records.first)
            #expect(try await scheduler.job(1)?.documents == 1)
            #expect(try await pages(booth, record) == "4")
            let sheets = record.ticket.attributes.first { $0.name == "job-sheets" }
            #expect(sheets?.values == [.keyword("standard"), .keyword("confidential")])
            // The local cupsd has banners that the owner's hasn't: the job comes without them.
            try await cups.run("lp", "-d", Self.name, "-o", "job-sheets=secret", document)
            try await eventually("the second is completed") { try await state(scheduler, 2) == .completed }
            #expect(booth.records.count == 2)
            #expect(booth.records.last?.ticket.attributes.contains { $0.name == "job-sheets" } == false)
        }
    }

    @Test("Several files of one job are refused, not merged into one of which the first is lost")
    func severalFiles() async throws {
        try await with { cups, booth, scheduler, document in
            try await cups.run("lp", "-d", Self.name, document, document)
            try await eventually("the job has ended") { try await state(scheduler, 1)?.isFinal == true }
            #expect(try await state(scheduler, 1) == .canceled)
            #expect(booth.records.isEmpty)
        }
    }

    @Test("A printer that the endpoint doesn't know now doesn't stop its queue")
    func unknownQueue() async throws {
        try await with { cups, booth, scheduler, document in
            try await cups.run("lpadmin", "-p", Self.name, "-v", booth.uri("pc1_gone"))
            try await cups.run("lp", "-d", Self.name, document)
            try await eventually("the backend has asked") {
                try await polls(cups, "Get-Printer-Attributes: server-error-service-unavailable") >= 1
            }
            let queue = try #require(try await scheduler.queue(try Label(Self.name)))
            #expect(queue.description.state != .stopped)
            let seen = try await state(scheduler, 1)
            #expect(seen?.isFinal == false, "\(String(describing: seen))")
        }
    }

    /// Lines of cupsd's log with that in them.
    private func polls(_ cups: PrivateCUPS, _ text: String = "] Get-Job-Attributes: successful-ok") async throws -> Int
    {
        let log = FileManager.default.contents(atPath: "\(cups.folder)/log/error") ?? Data()
        return String(decoding: log, as: UTF8.self).split(separator: "\n").count { $0.contains(text) }
    }

    private func ask(_ operation: String, _ job: Int32, _ booth: Booth) async throws {
        let test = "\(booth.folder)/\(operation).test"
        let text = """
            { OPERATION \(operation)
              GROUP operation-attributes-tag
              ATTR charset attributes-charset utf-8
              ATTR naturalLanguage attributes-natural-language en
              ATTR uri printer-uri $uri
              ATTR integer job-id \(job)
              ATTR name requesting-user-name root
              STATUS successful-ok }
            """
        try Data(text.utf8).write(to: URL(filePath: test))
        try await Command.run(["ipptool", "-t", booth.uri(), test]).checked()
    }
}
