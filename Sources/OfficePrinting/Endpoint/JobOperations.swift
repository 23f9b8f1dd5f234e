import OfficeCore

/// Get-Job-Attributes, Get-Jobs, Cancel-Job, Cancel-My-Jobs, Hold-Job, Release-Job.
extension EndpointTask {
    private struct Listed {
        var report: JobReport
        var number: Int32
    }

    func getJobAttributes() async throws(IPPRefusal) -> Answer {
        var job = try await namedJob()
        if source.caller.isBackend, await isEndingLocally(job.report) { job.report.state = .processing }
        let wanted = RequestedAttributes(request.wantedAttributes, fallback: ["all"])
        let all = list(job.report, job.number).all
        return Answer([IPPGroup(.job, wanted.of(all, group: "job-description", "job-status"))])
    }

    func getJobs() async throws(IPPRefusal) -> Answer {
        let limit = try self.limit()
        let which = try whichJobs()
        let isMine = try request.flag("my-jobs") ?? false
        let ids = try jobIDs()
        let wanted = RequestedAttributes(request.wantedAttributes, fallback: ["job-id", "job-uri"])
        var listed = try await known().filter { job in
            (ids.map { $0.contains(job.number) } ?? which.includes(job.report.state)) && (!isMine || isOwn(job.report))
        }
        // RFC 8011, section 4.2.6.2: in the order of their ends, those that have ended the newest first.
        if which != .notCompleted, ids == nil { listed.reverse() }
        return Answer(
            listed.prefix(limit).map { job in
                IPPGroup(.job, wanted.of(list(job.report, job.number).all, group: "job-description", "job-status"))
            })
    }

    func cancelJob() async throws(IPPRefusal) -> Answer {
        let job = try await namedJob()
        guard await !goesOnLocally(job.report) else {
            throw IPPRefusal(.notPossible, "the job isn't canceled, only its backend")
        }
        try await cancel(job)
        return Answer()
    }

    /// All that are the caller's, or of those that are named all or none (PWG 5100.11).
    func cancelMyJobs() async throws(IPPRefusal) -> Answer {
        let known = try await known()
        var mine = known.filter { isOwn($0.report) && !$0.report.state.isFinal }
        if let ids = try jobIDs() {
            let named = mine.filter { ids.contains($0.number) }
            guard named.count == ids.count else {
                let others = ids.subtracting(named.map(\.number)).sorted()
                throw IPPRefusal(
                    .notPossible, "some of these jobs can't be canceled by you",
                    unsupported: [IPPAttribute("job-ids", others.map { .integer($0) })])
            }
            mine = named
        }
        for job in mine { try await cancel(job) }
        return Answer()
    }

    func change(_ change: JobChange) async throws(IPPRefusal) -> Answer {
        if change == .hold, let attribute = request["job-hold-until"], attribute.text != "indefinite" {
            throw IPPRefusal(
                .attributesOrValuesNotSupported, "jobs are held until they are released", unsupported: [attribute])
        }
        let job = try await namedJob()
        guard await jobs.job(job.number, of: queue.localName)?.isOpen != true else {
            throw IPPRefusal(.notPossible, "the job has no document yet")
        }
        guard !job.report.state.isFinal else { throw IPPRefusal(.notPossible, "the job has ended") }
        do { try await desk.change(job.report.id, change, by: user) } catch { throw IPPRefusal(error) }
        return Answer()
    }

    // MARK: Looking up

    /// Jobs of the queue, oldest first: the desk's, then those whose documents are still to come.
    private func known() async throws(IPPRefusal) -> [Listed] {
        var listed: [Listed] = []
        do throws(OfficeError) {
            for report in await desk.jobs(of: queue) {
                listed.append(Listed(report: report, number: try await desk.number(of: report.id)))
            }
        } catch {
            throw IPPRefusal(error)
        }
        let finished = Set(listed.map(\.report.id))
        let open = await jobs.all(of: queue.localName).filter { !finished.contains($0.report.id) }
        return listed
            + open.sorted { $0.report.submitted < $1.report.submitted }.map {
                Listed(report: $0.report, number: $0.number)
            }
    }

    private func namedJob() async throws(IPPRefusal) -> Listed {
        guard let number = request.jobNumber else { throw IPPRefusal(.badRequest, "job-id is missing") }
        let open = await jobs.job(number, of: queue.localName)
        let id: JobID?
        do throws(OfficeError) {
            id = if let open { open.report.id } else { try await desk.job(number: number, of: queue) }
        } catch {
            throw IPPRefusal(error)
        }
        if let id, let report = await desk.job(id) { return Listed(report: report, number: number) }
        if let open { return Listed(report: open.report, number: number) }
        throw IPPRefusal(.notFound, "there is no such job")
    }

    /// A job that ended unprinted, whose cupsd is being told so. From the backend cupsd would hear of an end and call it
    /// completed; so the job is canceled there, and the backend, which that ends, is told that it goes on.
    private func isEndingLocally(_ report: JobReport) async -> Bool {
        guard report.state == .canceled || report.state == .aborted, let cups = endpoint.cups else { return false }
        do throws(OfficeError) {
            return try await cups.cancelSubmission(report.id, on: queue.localName)
        } catch {
            return false
        }
    }

    /// Whether it is only the backend that ends: it cancels its job also where cupsd stops, as at every shutdown, or the
    /// local queue is paused, and that job is begun again later.
    private func goesOnLocally(_ report: JobReport) async -> Bool {
        guard source.caller.isBackend, let cups = endpoint.cups else { return false }
        do throws(OfficeError) {
            return try await cups.isSubmissionAlive(report.id, on: queue.localName)
        } catch {
            return true
        }
    }

    private func isOwn(_ report: JobReport) -> Bool { report.user == user && report.node == endpoint.node }

    private func cancel(_ job: Listed) async throws(IPPRefusal) {
        guard !job.report.state.isFinal else { throw IPPRefusal(.notPossible, "the job has ended") }
        if let open = await jobs.job(job.number, of: queue.localName), open.isOpen, open.stage != .known {
            guard open.report.user == user else { throw IPPRefusal(.notAuthorized, "the job is somebody else's") }
            await abandon(open, as: .canceled, "job-canceled-by-user")
            return
        }
        do { try await desk.change(job.report.id, .cancel, by: user) } catch { throw IPPRefusal(error) }
    }

    // MARK: What is asked

    private func limit() throws(IPPRefusal) -> Int {
        guard let attribute = request["limit"] else { return endpoint.limits.jobsInAnswer }
        guard case .integer(let number) = attribute.values.first, attribute.values.count == 1, number > 0 else {
            throw IPPRefusal(.badRequest, "limit has to be 1 or more")
        }
        return min(Int(number), endpoint.limits.jobsInAnswer)
    }

    private func whichJobs() throws(IPPRefusal) -> WhichJobs {
        guard let text = try request.keyword("which-jobs") else { return .notCompleted }
        guard let which = WhichJobs(rawValue: text) else {
            throw IPPRefusal(
                .attributesOrValuesNotSupported, "which-jobs can't be \(text.plain(atMost: 64))",
                unsupported: [IPPAttribute("which-jobs", .keyword(text))])
        }
        return which
    }

    private func jobIDs() throws(IPPRefusal) -> Set<Int32>? {
        guard let attribute = request["job-ids"] else { return nil }
        let numbers = attribute.values.compactMap { value in if case .integer(let id) = value { id } else { nil } }
        guard numbers.count == attribute.values.count, numbers.allSatisfy({ $0 > 0 }) else {
            throw IPPRefusal(.badRequest, "job-ids have to be numbers of jobs")
        }
        return Set(numbers)
    }
}
