internal import Glibc
package import OfficeCore

/// A job to be opened at the local CUPS.
package struct CUPSWish: Sendable {
    package var queue: Label
    package var id: JobID
    package var attempt: Int
    /// As it is to be seen there: `alice@pc1`.
    package var user: String
    package var title: String
    /// Those that `JobAttributes` keeps; others are left out.
    package var attributes: [IPPAttribute]
    package var isHeld: Bool

    package init(
        queue: Label, id: JobID, attempt: Int = 1, user: String, title: String, attributes: [IPPAttribute] = [],
        isHeld: Bool = false
    ) {
        self.queue = queue
        self.id = id
        self.attempt = attempt
        self.user = user
        self.title = title
        self.attributes = attributes
        self.isHeld = isHeld
    }
}

extension CUPSScheduler {
    /// Bytes of a document that are in memory at once.
    private static let piece = 256 << 10
    /// cupsd's `MaxJobTime` (3 h) cancels a job that takes longer: none of ours, for it may well wait for paper.
    static let never = Int32.max

    /// Opens a job and gives CUPS's number of it. It begins once a last document is there, and not before it is
    /// released where it is held.
    ///
    /// Not to be repeated blindly: where no answer came (`.unavailable`), `find` says whether there is a job.
    package func createJob(_ wish: CUPSWish) throws(OfficeError) -> Int32 {
        var attributes = JobAttributes.kept(of: wish.attributes)
        attributes += [
            IPPAttribute("job-uuid", .uri(wish.id.uri)),
            IPPAttribute(CUPSJob.idAttribute, .uri(wish.id.uri)),
            IPPAttribute(CUPSJob.attemptAttribute, .integer(Int32(clamping: wish.attempt))),
            IPPAttribute("job-cancel-after", .integer(Self.never)),
        ]
        if wish.isHeld { attributes.append(IPPAttribute("job-hold-until", .keyword("indefinite"))) }
        let answer = try ask(
            .createJob, .queue(wish.queue), user: wish.user,
            [IPPAttribute("job-name", .name(Sanitizer.text(wish.title, most: PrintTicket.longestTitle) ?? "Untitled"))],
            groups: [IPPGroup(.job, attributes)])
        guard let number = answer.attribute("job-id", in: .job)?.number else {
            throw OfficeError(.io, "\(wish.queue)", "CUPS opened a job without a number")
        }
        return number
    }

    /// Sends a document, from the beginning of an open file, and returns once CUPS has it all.
    ///
    /// The file stays the caller's and its offset where it was. Other calls are answered meanwhile, for this has a
    /// connection of its own and takes turns. Cancelled or failed, CUPS forgets what it got: the job is without
    /// that document, and it may be sent again.
    ///
    /// - Parameters:
    ///   - format: MIME type; CUPS finds out itself of `application/octet-stream`.
    ///   - user: The job's.
    package func sendDocument(
        _ descriptor: Int32, format: String, to job: Int32, on queue: Label, user: String, isLast: Bool = true
    ) async throws(OfficeError) {
        let target = CUPSRequest.Target.queue(queue)
        let what = "\(queue), job \(job)"
        let request = CUPSRequest.message(
            .sendDocument, target, user: user,
            [
                IPPAttribute("job-id", .integer(job)), IPPAttribute("document-format", .mimeType(format)),
                IPPAttribute("last-document", .boolean(isLast)),
            ])
        let connection = CUPSConnection(socket: socket, timeout: timeout / .seconds(1))
        try connection.begin(request, resource: target.resource, as: .named, hasDocument: true)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.piece, alignment: 16)
        defer { buffer.deallocate() }
        var offset: off_t = 0
        while true {
            guard !Task.isCancelled else { throw OfficeError(.temporary, what, "sending the document was cancelled") }
            let count = pread(descriptor, buffer.baseAddress, buffer.count, offset)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw OfficeError(.io, what, "the document can't be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            try connection.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += off_t(count)
            await Task.yield()
        }
        // libcups sends the last chunk with `finish`: without that CUPS throws away what it got.
        try CUPSFailure.check(try connection.finish(resource: target.resource), of: .sendDocument, what)
    }

    /// What types have that a document of the office goes by, before the type proper (`etc/cups/officeshare.types`).
    static let guarded = "application/vnd.officeshare."

    /// The type by which a document of that format passes `officeshare-begin` before anything else; nil where CUPS has
    /// no such filter for it, or where the queue has no filters at all.
    package func guardedFormat(_ format: String, on queue: Label) throws(OfficeError) -> String? {
        let name = Self.guarded + String(format.map { $0 == "/" ? "." : $0 })
        let wanting = ["printer-make-and-model", "document-format-supported"]
        let printer = try askForAny(.getPrinterAttributes, .queue(queue), wanting: wanting)?
            .groups.first { $0.tag == .printer }
        // A queue without a driver takes every type that CUPS knows, and passes it on as it is.
        let hasNoDriver = ["Local Raw Printer", "Remote Printer"].contains(
            printer?["printer-make-and-model"]?.text ?? "")
        guard !hasNoDriver, printer?["document-format-supported"]?.texts.contains(name) == true else { return nil }
        return name
    }

    /// The job with that number; nil where CUPS has none or has forgotten it.
    package func job(_ number: Int32) throws(OfficeError) -> CUPSJob? {
        try askForAny(.getJobAttributes, .job(number), wanting: CUPSJob.attributes)?
            .groups.first { $0.tag == .job }.flatMap(CUPSJob.init)
    }

    /// The job of the office with that id and attempt, whatever its state and whichever queue it is on by now; nil
    /// where CUPS has none. Of several (a submission that was repeated blindly) the first with a document, and none
    /// that came to its end without one.
    package func find(_ id: JobID, attempt: Int) throws(OfficeError) -> CUPSJob? {
        let found = try jobs(of: .everything, "all").filter { $0.id == id && $0.attempt == attempt }
        return found.first { !$0.isHollow } ?? found.first { !$0.state.isFinal }
    }

    /// The jobs of a queue that aren't at an end, in the order they are printed in.
    package func jobs(on queue: Label) throws(OfficeError) -> [CUPSJob] { try jobs(of: .queue(queue), "not-completed") }

    /// The jobs of all queues that aren't at an end.
    package func jobs() throws(OfficeError) -> [CUPSJob] { try jobs(of: .everything, "not-completed") }

    func jobs(of target: CUPSRequest.Target, _ which: String) throws(OfficeError) -> [CUPSJob] {
        let answer = try ask(
            .getJobs, target, wanting: CUPSJob.attributes, [IPPAttribute("which-jobs", .keyword(which))])
        return answer.groups.filter { $0.tag == .job }.compactMap(CUPSJob.init)
    }

    /// Cancels a job in that user's name: its submitter, or nil for this process, which cupsd allows it where it is
    /// one of its administrators. A job at its end is `.notAllowed`, one that isn't there `.notFound`.
    package func cancel(_ job: Int32, as user: String?) throws(OfficeError) {
        try ask(.cancelJob, .job(job), user: user)
    }

    /// Keeps a job from being printed before it is released.
    package func hold(_ job: Int32, as user: String?) throws(OfficeError) { try ask(.holdJob, .job(job), user: user) }

    package func release(_ job: Int32, as user: String?) throws(OfficeError) {
        try ask(.releaseJob, .job(job), user: user)
    }
}
