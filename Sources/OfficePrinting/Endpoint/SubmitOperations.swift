import OfficeCore
import OfficeTrust

/// Print-Job, Validate-Job, Create-Job, Send-Document, Close-Job.
extension EndpointTask {
    /// What is to be printed, checked against the queue.
    private struct Order {
        var wish: DeskWish
        var format: String
        var compression: DocumentStream.Compression
        var unsupported: [IPPAttribute]
    }

    func validateJob() throws(IPPRefusal) -> Answer { Answer(without: try order().unsupported) }

    func printJob() async throws(IPPRefusal) -> Answer {
        let order = try order()
        guard let document = source.document else { throw IPPRefusal(.badRequest, "no document follows") }
        let job = try await begin(order, stage: .receiving)
        if job.stage == .known {
            await jobs.close(job.number, of: queue.localName)
            return await receipt(job, without: order.unsupported)
        }
        try await receive(document, format: order.format, order.compression, job)
        try await finish(job)
        return await receipt(job, without: order.unsupported)
    }

    func createJob() async throws(IPPRefusal) -> Answer {
        let order = try order()
        let job = try await begin(order, stage: .waiting)
        return await receipt(job, without: order.unsupported)
    }

    func sendDocument() async throws(IPPRefusal) -> Answer {
        // RFC 8011, section 4.3.1: it has to be there.
        guard let isLast = try request.flag("last-document") else {
            throw IPPRefusal(.badRequest, "last-document is missing")
        }
        let compression = try compression()
        let format = try documentFormat() ?? QueueCapabilities.anyFormat
        let job = try await ownOpenJob()
        switch (job.stage, source.document) {
        case (.known, _):
            if isLast { await jobs.close(job.number, of: queue.localName) }
            return await receipt(job)
        case (.waiting, let document?):
            await setStage(.receiving, job)
            try await receive(document, format: format, compression, job)
            guard isLast else {
                await setStage(.received, job)
                return await receipt(job)
            }
        case (.received, nil) where isLast: break
        case (.received, _): throw IPPRefusal(.multipleDocumentsNotSupported, "a job has one document")
        case (.receiving, _): throw IPPRefusal(.busy, "this job's document is being received")
        case (.ended, _): throw IPPRefusal(.notPossible, "the job has ended")
        case (.waiting, nil): throw IPPRefusal(.badRequest, "no document follows")
        }
        try await finish(job)
        return await receipt(job)
    }

    func closeJob() async throws(IPPRefusal) -> Answer {
        let job = try await ownOpenJob()
        switch job.stage {
        case .known: await jobs.close(job.number, of: queue.localName)
        case .received: try await finish(job)
        case .waiting:
            await abandon(job, as: .aborted, "job-data-insufficient")
            throw IPPRefusal(.badRequest, "the job has no document")
        case .receiving: throw IPPRefusal(.busy, "this job's document is being received")
        case .ended: throw IPPRefusal(.notPossible, "the job has ended")
        }
        return await receipt(job)
    }

    // MARK: Checking

    private func order() throws(IPPRefusal) -> Order {
        let compression = try compression()
        let format = try documentFormat() ?? QueueCapabilities.anyFormat
        let isFaithful = try request.flag("ipp-attribute-fidelity") ?? false
        let template = JobTemplate(request.jobAttributes, on: can)
        guard !isFaithful || template.unsupported.isEmpty else {
            let names = template.unsupported.map { $0.name.plain(atMost: 64) }.joined(separator: ", ")
            throw IPPRefusal(
                .attributesOrValuesNotSupported, "\(queue.localName) can't do \(names)",
                unsupported: template.unsupported)
        }
        guard queue.description.accepting else {
            throw IPPRefusal(.notAcceptingJobs, "\(queue.localName) takes no jobs now")
        }
        let title = (request["job-name"] ?? request["document-name"])?.text?.plain(atMost: PrintTicket.longestTitle)
        let wish = DeskWish(
            queue: queue, id: try submittedID(), user: user,
            title: title.flatMap { $0.isEmpty ? nil : $0 } ?? "Untitled",
            attributes: template.kept, isHeld: template.isHeld)
        return Order(wish: wish, format: format, compression: compression, unsupported: template.unsupported)
    }

    /// `job-uuid`, by which a submission that is repeated is known.
    private func submittedID() throws(IPPRefusal) -> JobID? {
        let attribute = request["job-uuid"] ?? request.jobAttributes.first { $0.name == "job-uuid" }
        guard let attribute else { return nil }
        do { return try JobID(attribute.text ?? "") } catch {
            throw IPPRefusal(.badRequest, "job-uuid is no UUID")
        }
    }

    // MARK: Doing

    private func begin(_ wish: DeskWish) async throws(OfficeError) -> (DeskReceipt, Int32) {
        let receipt = try await desk.begin(wish)
        do throws(OfficeError) {
            return (receipt, try await desk.number(of: receipt.id))
        } catch {
            if !receipt.isKnown { await desk.abandon(receipt.id) }
            throw error
        }
    }

    /// Opens the job, here and at the desk.
    private func begin(_ order: Order, stage: OpenJobs.Stage) async throws(IPPRefusal) -> OpenJobs.Job {
        var order = order
        if order.wish.id == nil { try await completeLocally(&order.wish) }
        if let left = try await jobs.reserve(for: source.caller, id: order.wish.id) {
            await abandon(left, as: .aborted, "job-data-insufficient")
        }
        let receipt: DeskReceipt
        let number: Int32
        do throws(OfficeError) {
            (receipt, number) = try await begin(order.wish)
        } catch {
            await jobs.giveBack(for: source.caller)
            throw IPPRefusal(error, to: source.caller)
        }
        let known = receipt.isKnown ? await desk.job(receipt.id) : nil
        if let known, known.user != user {
            await jobs.giveBack(for: source.caller)
            throw IPPRefusal(.notPossible, "a job with this UUID is somebody else's")
        }
        let report = JobReport(
            id: receipt.id, owner: queue.owner, queue: queue.description.name, title: order.wish.title, user: user,
            node: endpoint.node, size: 0, state: order.wish.isHeld ? .held : .pending, reasons: ["job-incoming"],
            submitted: endpoint.clock.wall())
        let job = OpenJobs.Job(
            number: number, report: known ?? report, account: source.caller.account,
            speaksForOthers: source.caller.speaksForOthers, stage: receipt.isKnown ? .known : stage,
            deadline: deadline, stop: StopFlag())
        await jobs.open(job, of: queue.localName, caller: source.caller)
        return job
    }

    /// Adds what only the local CUPS job that stands behind the submission tells: its UUID, for a backend that was killed
    /// is run again by a cupsd that knows nothing of its success; and its banners.
    private func completeLocally(_ wish: inout DeskWish) async throws(IPPRefusal) {
        guard let cups = endpoint.cups, source.caller.speaksForOthers else { return }
        let submission: CUPSSubmission
        do throws(OfficeError) {
            submission = try await cups.submission(on: queue.localName, user: wish.user, title: wish.title)
        } catch {
            // A backend whose cupsd is gone: that will run it again. Root is perhaps no backend.
            guard source.caller.isBackend else { return }
            throw IPPRefusal(.busy, "the local CUPS doesn't answer, so the job can't be told from an earlier one")
        }
        switch submission {
        case .job(let id, let sheets):
            wish.id = id
            guard !sheets.isEmpty, !wish.attributes.contains(where: { $0.name == "job-sheets" }) else { return }
            wish.attributes += JobTemplate([IPPAttribute("job-sheets", sheets.map { .keyword($0) })], on: can).kept
        case .unknown: return
        case .severalFiles:
            // Several PDF files in a row are one whose earlier pages nobody sees: they would be lost in silence.
            throw IPPRefusal(
                .attributesOrValuesNotSupported, "CUPS sends several files of one job as one: print them one by one")
        }
    }

    private func receive(
        _ document: EndpointRequest.Document, format: String, _ compression: DocumentStream.Compression,
        _ job: OpenJobs.Job
    ) async throws(IPPRefusal) {
        let stream = DocumentStream(
            document, compression: compression, limit: endpoint.limits.documentBytes, stop: job.stop)
        do { try await desk.receive(stream, format: format, for: job.report.id) } catch {
            // Before the job's end sets the flag.
            let refusal = stream.refusal
            await abandon(job, as: .aborted, "job-data-insufficient")
            // A backend comes again at once, with the whole document.
            if refusal == nil, source.caller.isBackend { try? await Task.sleep(for: endpoint.limits.pause) }
            throw refusal ?? IPPRefusal(error, to: source.caller)
        }
    }

    /// From here on it can't be lost; what was canceled in the meantime isn't accepted.
    private func finish(_ job: OpenJobs.Job) async throws(IPPRefusal) {
        guard !job.stop.isSet else {
            await desk.abandon(job.report.id)
            throw IPPRefusal(.jobCanceled, "the job was canceled")
        }
        do { try await desk.finish(job.report.id) } catch {
            await abandon(job, as: .aborted, "aborted-by-system")
            throw IPPRefusal(error)
        }
        await jobs.close(job.number, of: queue.localName)
    }

    func abandon(_ job: OpenJobs.Job, as state: JobState, _ reason: String) async {
        await jobs.end(job.number, of: queue.localName, as: state, reason, at: endpoint.clock.wall())
        await desk.abandon(job.report.id)
    }

    private var deadline: ContinuousClock.Instant { endpoint.clock.steady() + endpoint.limits.patience }

    private func setStage(_ stage: OpenJobs.Stage, _ job: OpenJobs.Job) async {
        await jobs.setStage(stage, job.number, of: queue.localName, deadline: deadline)
    }

    private func receipt(_ job: OpenJobs.Job, without unsupported: [IPPAttribute] = []) async -> Answer {
        var report = await desk.job(job.report.id)
        if report == nil { report = await jobs.job(job.number, of: queue.localName)?.report }
        let list = list(report ?? job.report, job.number)
        return Answer([IPPGroup(.job, list.receipt)], without: unsupported)
    }

    /// The open job that the request names, which only its submitter may go on with.
    private func ownOpenJob() async throws(IPPRefusal) -> OpenJobs.Job {
        guard let number = request.jobNumber else { throw IPPRefusal(.badRequest, "job-id is missing") }
        guard let job = await jobs.job(number, of: queue.localName) else {
            let known: JobID?
            do { known = try await desk.job(number: number, of: queue) } catch { throw IPPRefusal(error) }
            guard known == nil else { throw IPPRefusal(.notPossible, "the job has its document") }
            throw IPPRefusal(.notFound, "there is no such job")
        }
        guard job.report.user == user else { throw IPPRefusal(.notAuthorized, "the job is somebody else's") }
        return job
    }
}
