package import OfficeCore
import OfficeTrust

/// The IPP Everywhere printer that every queue of the office is to the programs of this machine: a request in, an answer
/// out, jobs to the desk. It knows no sockets.
///
/// Sources: RFC 8011 (IPP/1.1), PWG 5100.12 (IPP/2.0), PWG 5100.14 (IPP Everywhere). What isn't listed in
/// `IPPOperation` and `JobTemplate` is refused.
package struct PrintEndpoint: Sendable {
    let desk: any PrintDesk
    let node: NodeID
    let limits: EndpointLimits
    let clock: EndpointClock
    let jobs: OpenJobs
    let watch = ChangeWatch()
    let cups: CUPSScheduler?
    let identified: @Sendable (DeskQueue) -> Void

    /// - Parameters:
    ///   - node: This machine's.
    ///   - cups: The local CUPS, whose jobs are told apart by asking it; nil where there is none.
    ///   - identified: Somebody wants to see which printer it is (Identify-Printer).
    package init(
        desk: any PrintDesk, node: NodeID, limits: EndpointLimits, clock: EndpointClock,
        cups: CUPSScheduler? = nil, identified: @escaping @Sendable (DeskQueue) -> Void = { _ in }
    ) {
        self.desk = desk
        self.node = node
        self.limits = limits
        self.clock = clock
        self.cups = cups
        self.identified = identified
        jobs = OpenJobs(limits: limits)
    }

    /// Answers one request. Never throws: what is wrong is in the answer.
    @concurrent
    package func answer(_ request: EndpointRequest) async -> IPPMessage {
        await expire()
        let version = CheckedRequest.version(answering: request.message.version)
        var answer: Answer
        do throws(IPPRefusal) {
            let checked = try CheckedRequest(request)
            answer = try await perform(checked, request)
        } catch {
            answer = Answer(error.status, message: error.why, unsupported: error.unsupported)
        }
        return answer.message(version: version, requestID: request.message.requestID)
    }

    /// Ends jobs whose documents never came. Called now and then by who serves; every request does it too.
    package func expire() async {
        for job in await jobs.expire(now: clock.steady(), at: clock.wall()) { await desk.abandon(job) }
    }

    private func perform(_ checked: CheckedRequest, _ request: EndpointRequest) async throws(IPPRefusal) -> Answer {
        guard let queue = await desk.queue(named: request.queueName) else {
            // A backend that hears that stops its queue, for a queue that may be back in a moment.
            throw IPPRefusal(request.caller.isBackend ? .serviceUnavailable : .notFound, "there is no such printer")
        }
        let task = EndpointTask(
            endpoint: self, request: checked, source: request, queue: queue, can: QueueCapabilities(queue.description),
            user: request.caller.user(claiming: checked["requesting-user-name"]?.text))
        return switch checked.operation {
        case .printJob: try await task.printJob()
        case .validateJob: try task.validateJob()
        case .createJob: try await task.createJob()
        case .sendDocument: try await task.sendDocument()
        case .closeJob: try await task.closeJob()
        case .cancelJob: try await task.cancelJob()
        case .cancelMyJobs: try await task.cancelMyJobs()
        case .getJobAttributes: try await task.getJobAttributes()
        case .getJobs: try await task.getJobs()
        case .getPrinterAttributes: try await task.getPrinterAttributes()
        case .holdJob: try await task.change(.hold)
        case .releaseJob: try await task.change(.release)
        case .identifyPrinter: task.identifyPrinter()
        }
    }
}

/// What is answered.
struct Answer: Sendable {
    var status: IPPStatus
    var message: String
    var unsupported: [IPPAttribute] = []
    var groups: [IPPGroup] = []

    init(_ status: IPPStatus, message: String = "", unsupported: [IPPAttribute] = [], groups: [IPPGroup] = []) {
        self.status = status
        self.message = message
        self.unsupported = unsupported
        self.groups = groups
    }

    /// It worked, but for what wasn't understood.
    init(_ groups: [IPPGroup] = [], without unsupported: [IPPAttribute] = []) {
        self.init(unsupported.isEmpty ? .ok : .ignoredOrSubstituted, unsupported: unsupported, groups: groups)
    }

    func message(version: IPPMessage.Version, requestID: Int32) -> IPPMessage {
        var head = IPPGroup(
            .operation,
            [
                IPPAttribute("attributes-charset", .charset("utf-8")),
                IPPAttribute("attributes-natural-language", .language("en")),
            ])
        if !message.isEmpty {
            head.attributes.append(IPPAttribute("status-message", .text(message.plain(atMost: 255))))
        }
        var all = [head]
        if !unsupported.isEmpty { all.append(IPPGroup(.unsupported, unsupported)) }
        return IPPMessage(
            version: version, code: status.rawValue, requestID: requestID, groups: all + groups)
    }
}

/// One request that is being done.
struct EndpointTask: Sendable {
    let endpoint: PrintEndpoint
    let request: CheckedRequest
    let source: EndpointRequest
    let queue: DeskQueue
    let can: QueueCapabilities
    let user: UserName

    var desk: any PrintDesk { endpoint.desk }
    var jobs: OpenJobs { endpoint.jobs }

    func list(_ report: JobReport, _ number: Int32) -> JobAttributeList {
        JobAttributeList(
            report: report, number: number, queueName: queue.localName, authority: source.authority,
            node: endpoint.node, now: endpoint.clock.wall(), hidesHold: source.caller.isBackend)
    }

    // MARK: The printer

    func getPrinterAttributes() async throws(IPPRefusal) -> Answer {
        _ = try documentFormat()
        let now = endpoint.clock.wall()
        let open = await jobs.all(of: queue.localName).count(where: \.isOpen)
        let printer = PrinterAttributes(
            queue: queue, can: can, authority: source.authority, limits: endpoint.limits,
            changes: await endpoint.watch.times(of: queue, now: now), now: now,
            jobCount: max(0, queue.description.jobs) + open)
        let wanted = RequestedAttributes(request.wantedAttributes, fallback: ["all"])
        let (template, description) = (printer.template, printer.description)
        var answered =
            wanted.of(template, group: "job-template")
            + wanted.of(description, group: "printer-description", "printer-status")
        // PWG 5100.7: only for who names it.
        if wanted.names("media-col-database") { answered.append(printer.database) }
        return Answer([IPPGroup(.printer, answered)])
    }

    func identifyPrinter() -> Answer {
        endpoint.identified(queue)
        return Answer()
    }

    // MARK: What several operations have

    /// `document-format`, checked; nil where the request has none.
    func documentFormat() throws(IPPRefusal) -> String? {
        guard let attribute = request["document-format"] else { return nil }
        guard case .string(.mimeMediaType, let text, _) = attribute.values.first, attribute.values.count == 1 else {
            throw IPPRefusal(.badRequest, "document-format has to be one MIME type")
        }
        let format = text.lowercased()
        guard can.formats.contains(format) else {
            throw IPPRefusal(
                .formatNotSupported, "\(queue.localName) doesn't take \(text)", unsupported: [attribute])
        }
        return format
    }

    /// How the document comes packed.
    func compression() throws(IPPRefusal) -> DocumentStream.Compression {
        guard let text = try request.keyword("compression") else { return .none }
        guard let compression = DocumentStream.Compression(rawValue: text) else {
            throw IPPRefusal(
                .compressionNotSupported, "documents have to come by gzip or uncompressed",
                unsupported: [IPPAttribute("compression", .keyword(text))])
        }
        return compression
    }
}
