import BoothDesk
import NIOCore
import OfficeCore
import OfficeTrust
import Testing

@testable import OfficePrinting

@Suite("Jobs at the IPP endpoint") struct EndpointJobTests {
    private func with(
        limits: EndpointLimits = EndpointLimits(), isPatient: Bool = true,
        _ body: (EndpointFixture) async throws -> Void
    ) async throws {
        let fixture = try EndpointFixture(limits: limits, isPatient: isPatient)
        defer { fixture.remove() }
        try await body(fixture)
    }

    private func id(_ number: Int32) -> IPPAttribute { IPPAttribute("job-id", .integer(number)) }
    private let last = IPPAttribute("last-document", .boolean(true))

    // MARK: Submitting

    @Test("What is known of a job's attributes is rebuilt; the rest is given back")
    func template() async throws {
        try await with { booth in
            let size = IPPAttribute(
                "media-size",
                .collection([
                    IPPAttribute("x-dimension", .integer(21_000)), IPPAttribute("y-dimension", .integer(29_700)),
                ]))
            let job = [
                IPPAttribute("copies", .integer(2)), IPPAttribute("sides", .keyword("two-sided-long-edge")),
                IPPAttribute(
                    "media-col", .collection([size, IPPAttribute("media-top-margin", .integer(423))])),
                IPPAttribute("page-ranges", [.range(1, 2), .range(5, 9)]),
                IPPAttribute("print-quality", .enumeration(5)), IPPAttribute("job-sheets", .name("standard")),
                IPPAttribute("printer-resolution", .resolution(4_800, 4_800, .perInch)),
                IPPAttribute("x-evil", .text("$(reboot)")), IPPAttribute("output-bin", .keyword("../tray")),
            ]
            let answer = await booth.ask(
                .printJob,
                [
                    IPPAttribute("job-name", .name("A\u{1B}[31m title\u{202E}")),
                    IPPAttribute("document-format", .mimeType("application/pdf")),
                ],
                job: job, document: "%PDF")
            #expect(answer.status == .ignoredOrSubstituted)
            #expect(answer[.unsupported].map(\.name) == ["printer-resolution", "x-evil", "output-bin"])
            let record = try #require(await booth.desk.allRecords().first)
            #expect(record.ticket.title == "A[31m title" && record.ticket.format == "application/pdf")
            #expect(record.ticket.user == booth.alice.account)
            #expect(
                record.ticket.attributes == [
                    IPPAttribute("copies", .integer(2)), IPPAttribute("sides", .keyword("two-sided-long-edge")),
                    IPPAttribute("media", .keyword("iso_a4_210x297mm")),
                    IPPAttribute("page-ranges", [.range(1, 2), .range(5, 9)]),
                    IPPAttribute("print-quality", .enumeration(5)),
                    IPPAttribute("job-sheets", .keyword("standard")),
                ])
            #expect(booth.desk.document(of: record.report.id) == Array("%PDF".utf8))
        }
    }

    @Test(
        "With fidelity, what can't be done is refused before anything is kept",
        arguments: [
            IPPAttribute("copies", .integer(0)), IPPAttribute("copies", .integer(10_000)),
            IPPAttribute("copies", [.integer(1), .integer(2)]), IPPAttribute("copies", .keyword("2")),
            IPPAttribute("sides", .keyword("three-sided")), IPPAttribute("media", .keyword("iso_a0_841x1189mm")),
            IPPAttribute("page-ranges", [.range(5, 9), .range(1, 2)]), IPPAttribute("page-ranges", .range(0, 1)),
            IPPAttribute("number-up", .integer(3)), IPPAttribute("finishings", [.enumeration(4), .enumeration(99)]),
            IPPAttribute("orientation-requested", .enumeration(9)), IPPAttribute("job-hold-until", .keyword("night")),
            IPPAttribute("media-col", .collection([IPPAttribute("media-source", .keyword("tray-99"))])),
            IPPAttribute("media-col", .integer(1)), IPPAttribute("job-sheets", .keyword("secret")),
            IPPAttribute("job-sheets", [.keyword("standard"), .integer(1)]),
            IPPAttribute("unknown", .outOfBand(.noValue)),
        ])
    func fidelity(_ attribute: IPPAttribute) async throws {
        try await with { booth in
            let faithful = IPPAttribute("ipp-attribute-fidelity", .boolean(true))
            for operation in [IPPOperation.printJob, .validateJob, .createJob] {
                let answer = await booth.ask(operation, [faithful], job: [attribute], document: "%PDF")
                #expect(answer.status == .attributesOrValuesNotSupported)
                #expect(answer[.unsupported].map(\.name) == [attribute.name])
            }
            #expect(await booth.desk.isEmpty)
        }
    }

    @Test("Formats, compression and an empty document are refused by their own statuses")
    func refusals() async throws {
        try await with { booth in
            let format = IPPAttribute("document-format", .mimeType("application/x-evil"))
            let deflate = IPPAttribute("compression", .keyword("deflate"))
            let gzip = IPPAttribute("compression", .keyword("gzip"))
            #expect(await booth.ask(.printJob, [format], document: "x").status == .formatNotSupported)
            #expect(await booth.ask(.printJob, [deflate], document: "x").status == .compressionNotSupported)
            #expect(await booth.ask(.printJob, [gzip], document: "x").status == .compressionError)
            #expect(await booth.ask(.printJob).status == .badRequest)
            var closed = try BoothQueue.laser()
            closed.description.accepting = false
            await booth.desk.set(closed)
            #expect(await booth.ask(.printJob, document: "x").status == .notAcceptingJobs)
            #expect(await booth.desk.isEmpty)
        }
    }

    @Test("A document over the limit leaves nothing, at the limit all")
    func documentLimit() async throws {
        try await with(limits: EndpointLimits(documentBytes: 10)) { booth in
            #expect(await booth.ask(.printJob, document: "12345678901").status == .entityTooLarge)
            #expect(await booth.desk.isEmpty)
            #expect(await booth.ask(.printJob, document: "1234567890").status == .ok)
        }
    }

    @Test("A document whose connection breaks is no job")
    func broken() async throws {
        try await with { booth in
            let document = AsyncThrowingStream<ByteBuffer, any Error> { stream in
                stream.yield(ByteBuffer(string: "%PDF half of"))
                stream.finish(throwing: OfficeError(.io, "connection", "it broke"))
            }
            let answer = await booth.endpoint.answer(
                EndpointRequest(
                    message: EndpointFixture.message(IPPOperation.printJob.rawValue), document: document,
                    caller: booth.alice, queueName: BoothQueue.laserName, authority: "localhost"))
            #expect(answer.status == .temporaryError)
            #expect(await booth.desk.isEmpty)
        }
    }

    // MARK: In steps

    @Test("Create-Job and Send-Document make one job, in one or two steps")
    func steps() async throws {
        try await with { booth in
            let one = try EndpointFixture.number(await booth.ask(.createJob))
            #expect(await booth.ask(.getJobAttributes, [id(one)]).state == 3)
            #expect(await booth.ask(.sendDocument, [id(one)], document: "1").status == .badRequest, "no last-document")
            #expect(await booth.ask(.sendDocument, [id(one), last], document: "1").status == .ok)
            #expect(await booth.ask(.sendDocument, [id(one), last], document: "1").status == .notPossible)
            let two = try EndpointFixture.number(await booth.ask(.createJob))
            let more = IPPAttribute("last-document", .boolean(false))
            #expect(await booth.ask(.sendDocument, [id(two), more], document: "2").status == .ok)
            #expect(await booth.desk.allRecords().count == 1, "accepted before it was closed")
            let again = await booth.ask(.sendDocument, [id(two), more], document: "3")
            #expect(again.status == .multipleDocumentsNotSupported)
            #expect(await booth.ask(.closeJob, [id(two)]).status == .ok)
            #expect(await booth.desk.allRecords().map(\.ticket.size) == [1, 1])
        }
    }

    @Test("A job whose document never comes ends, and gives its place back")
    func patience() async throws {
        try await with(limits: EndpointLimits(openJobsPerUser: 1, patience: .seconds(60))) { booth in
            let number = try EndpointFixture.number(await booth.ask(.createJob))
            #expect(await booth.ask(.createJob).status == .busy)
            let bob = EndpointCaller(account: try UserName("bob"), speaksForOthers: false)
            #expect(await booth.ask(.createJob, as: bob).status == .ok)
            booth.time.advance(.seconds(59))
            #expect(await booth.ask(.createJob).status == .busy)
            booth.time.advance(.seconds(1))
            #expect(await booth.ask(.createJob).status == .ok)
            #expect(await booth.ask(.getJobAttributes, [id(number)]).state == 8)
            #expect(await booth.ask(.sendDocument, [id(number), last], document: "x").status == .notPossible)
        }
    }

    @Test("Open jobs have an end in all, too")
    func openJobs() async throws {
        try await with(limits: EndpointLimits(openJobs: 2)) { booth in
            #expect(await booth.ask(.createJob, as: booth.cupsd).status == .ok)
            #expect(await booth.ask(.createJob, as: booth.cupsd).status == .ok)
            #expect(await booth.ask(.createJob).status == .busy)
        }
    }

    // MARK: Repeats

    @Test("A submission that is repeated is one job, whatever way it comes")
    func repeats() async throws {
        try await with { booth in
            let uuid = IPPAttribute("job-uuid", .uri(JobID().uri))
            let first = await booth.ask(.printJob, [uuid], document: "%PDF", as: booth.cupsd)
            let second = await booth.ask(.printJob, [uuid], document: "%PDF", as: booth.cupsd)
            #expect(first.status == .ok && second.status == .ok)
            #expect(first[.job].named("job-id") == second[.job].named("job-id"))
            let third = try EndpointFixture.number(await booth.ask(.createJob, [uuid], as: booth.cupsd))
            let sent = await booth.ask(.sendDocument, [id(third), last], document: "%PDF", as: booth.cupsd)
            #expect(sent.status == .ok)
            #expect(await booth.desk.allRecords().map(\.number) == [third])
            #expect(await booth.desk.allRecords().first?.report.id.uri == uuid.text)
            let mallory = EndpointCaller(account: try UserName("mallory"), speaksForOthers: false)
            let stranger = await booth.ask(.printJob, [uuid], document: "other", as: mallory)
            #expect(stranger.status == .notPossible)
            let bad = IPPAttribute("job-uuid", .uri("urn:uuid:../../etc/passwd"))
            #expect(await booth.ask(.printJob, [bad], document: "x").status == .badRequest)
        }
    }

    @Test("A backend that died in between begins its job again, and it is one")
    func begunAgain() async throws {
        try await with { booth in
            let uuid = IPPAttribute("job-uuid", .uri(JobID().uri))
            #expect(await booth.ask(.createJob, [uuid], as: booth.cupsd).status == .ok)
            let mallory = EndpointCaller(account: try UserName("mallory"), speaksForOthers: false)
            #expect(await booth.ask(.createJob, [uuid], as: mallory).status == .notPossible)
            let number = try EndpointFixture.number(await booth.ask(.createJob, [uuid], as: booth.cupsd))
            let sent = await booth.ask(.sendDocument, [id(number), last], document: "x", as: booth.cupsd)
            #expect(sent.status == .ok)
            #expect(await booth.desk.allRecords().map(\.report.id.uri) == [uuid.text])
        }
    }

    // MARK: Whose

    @Test("A name is believed of the local CUPS alone")
    func users() async throws {
        try await with { booth in
            _ = await booth.ask(.printJob, document: "1", user: "root")
            _ = await booth.ask(.printJob, document: "2", as: booth.cupsd, user: "bob")
            _ = await booth.ask(.printJob, document: "3", as: booth.cupsd, user: "Ada Lovelace@x/..")
            _ = await booth.ask(.printJob, document: "4", as: booth.cupsd, user: nil)
            let users = await booth.desk.allRecords().map(\.ticket.user.description)
            #expect(users == ["alice", "bob", "Ada_Lovelace_x_..", "lp"])
        }
    }

    @Test("Others' jobs are seen and not touched, as open ones and as the desk's")
    func rights() async throws {
        try await with { booth in
            let open = try EndpointFixture.number(await booth.ask(.createJob, as: booth.cupsd, user: "bob"))
            let done = try EndpointFixture.number(
                await booth.ask(.printJob, document: "x", as: booth.cupsd, user: "bob"))
            for number in [open, done] {
                #expect(await booth.ask(.getJobAttributes, [id(number)]).status == .ok)
                #expect(await booth.ask(.cancelJob, [id(number)]).status == .notAuthorized)
            }
            #expect(await booth.ask(.sendDocument, [id(open), last], document: "x").status == .notAuthorized)
            #expect(await booth.ask(.holdJob, [id(done)]).status == .notAuthorized)
            #expect(await booth.ask(.closeJob, [id(open)]).status == .notAuthorized)
            let ids = IPPAttribute("job-ids", [.integer(open), .integer(done)])
            let all = await booth.ask(.cancelMyJobs, [ids])
            #expect(all.status == .notPossible && all[.unsupported].named("job-ids")?.values.count == 2)
            #expect(await booth.ask(.cancelMyJobs).status == .ok)
            #expect(await booth.ask(.getJobs)[.job].named("job-id") != nil, "somebody else's was canceled")
            #expect(await booth.ask(.cancelMyJobs, as: booth.cupsd, user: "bob").status == .ok)
            #expect(await booth.ask(.getJobAttributes, [id(done)]).state == 7)
            #expect(await booth.ask(.getJobAttributes, [id(open)]).state == 7)
            #expect(await booth.ask(.cancelJob, [id(9_999)]).status == .notFound)
        }
    }

    @Test("Held and released; a backend never hears of held, which it takes for done")
    func holding() async throws {
        try await with { booth in
            let hold = [IPPAttribute("job-hold-until", .keyword("indefinite"))]
            let number = try EndpointFixture.number(await booth.ask(.printJob, job: hold, document: "x"))
            #expect(await booth.ask(.getJobAttributes, [id(number)]).state == 4)
            #expect(await booth.ask(.getJobAttributes, [id(number)], as: booth.cupsd).state == 3)
            #expect(await booth.ask(.releaseJob, [id(number)]).status == .ok)
            #expect(await booth.ask(.getJobAttributes, [id(number)]).state == 3)
            #expect(await booth.ask(.holdJob, [id(number)]).status == .ok)
            #expect(await booth.ask(.holdJob, [id(number), hold[0]]).status == .ok)
            let night = IPPAttribute("job-hold-until", .keyword("night"))
            #expect(await booth.ask(.holdJob, [id(number), night]).status == .attributesOrValuesNotSupported)
        }
    }

    // MARK: Listing

    @Test("Jobs are listed by state, user, number and count")
    func listing() async throws {
        try await with { booth in
            let done = try EndpointFixture.number(await booth.ask(.printJob, document: "1"))
            let earlier = try EndpointFixture.number(await booth.ask(.printJob, document: "2"))
            try await booth.desk.complete(thenWait: true)
            let waiting = try EndpointFixture.number(await booth.ask(.printJob, document: "3"))
            let bobs = try EndpointFixture.number(
                await booth.ask(.printJob, document: "4", as: booth.cupsd, user: "bob"))
            func numbers(_ attributes: IPPAttribute...) async -> [Int32] {
                let answer = await booth.ask(.getJobs, attributes)
                return answer.groups.filter { $0.tag == .job }.compactMap { $0["job-id"]?.number }
            }
            func which(_ text: String) -> IPPAttribute { IPPAttribute("which-jobs", .keyword(text)) }
            #expect(await numbers() == [waiting, bobs])
            #expect(await numbers(IPPAttribute("my-jobs", .boolean(true))) == [waiting])
            #expect(await numbers(which("completed")) == [earlier, done])
            #expect(await numbers(which("completed"), IPPAttribute("limit", .integer(1))) == [earlier])
            #expect(await numbers(which("all")).count == 4)
            #expect(await numbers(which("pending-held")) == [])
            #expect(await numbers(IPPAttribute("job-ids", [.integer(bobs), .integer(done)])) == [done, bobs])
            let odd = await booth.ask(.getJobs, [which("odd")])
            #expect(odd.status == .attributesOrValuesNotSupported && odd[.unsupported].map(\.name) == ["which-jobs"])
            #expect(await booth.ask(.getJobs, [IPPAttribute("limit", .integer(0))]).status == .badRequest)
            let names = await booth.ask(.getJobs)[.job].map(\.name)
            #expect(names == ["job-id", "job-uri"])
        }
    }

    @Test("Numbers are the same after a restart")
    func numbers() async throws {
        try await with { booth in
            let number = try EndpointFixture.number(await booth.ask(.printJob, document: "1"))
            let again = try FolderDesk(
                folder: booth.folder, node: BoothQueue.here, queues: [try BoothQueue.laser()])
            let endpoint = PrintEndpoint(
                desk: again, node: BoothQueue.here, limits: EndpointLimits(), clock: booth.endpoint.clock)
            let answer = await endpoint.answer(
                EndpointRequest(
                    message: EndpointFixture.message(IPPOperation.getJobAttributes.rawValue, [id(number)]),
                    document: nil, caller: booth.alice, queueName: BoothQueue.laserName, authority: "localhost"))
            #expect(answer.status == .ok)
        }
    }
}
