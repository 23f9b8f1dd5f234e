package import OfficeCore
package import OfficeTrust

/// What stands behind a submission by a backend.
package enum CUPSSubmission: Sendable, Hashable {
    /// That job, with the banners (`job-sheets`) that it asks for: a local queue whose printer is another IPP printer
    /// gets none from its cupsd, and its backend doesn't ask for any.
    case job(JobID, sheets: [String])
    /// A job of several files: its one backend sends what the filters made of each as one document.
    case severalFiles
    /// It can't be said for sure.
    case unknown
}

/// The jobs of a local queue whose device is our own endpoint, as their backend submits them.
extension CUPSScheduler {
    /// The job that a queue's backend is submitting now. A queue has one job in work at a time.
    package func submission(
        on queue: String, user: UserName, title: String
    ) throws(OfficeError) -> CUPSSubmission {
        let working = try working(on: queue)
        guard working.count == 1, let job = working.first else { return .unknown }
        // Private values are there only for cupsd's administrators.
        if let told = job["job-name"]?.text, told.plain(atMost: PrintTicket.longestTitle) != title { return .unknown }
        if let told = job["job-originating-user-name"]?.text, UserName(salvaging: told) != user { return .unknown }
        if let files = job["number-of-documents"]?.number, files > 1 { return .severalFiles }
        guard let id = job["job-uuid"]?.text.flatMap({ try? JobID($0) }) else { return .unknown }
        return .job(id, sheets: job["job-sheets"]?.texts ?? [])
    }

    /// Cancels the local job that was submitted under that id, which ends its backend. Whether there is one.
    package func cancelSubmission(_ id: JobID, on queue: String) throws(OfficeError) -> Bool {
        let job = try working(on: queue).first { $0["job-uuid"]?.text.flatMap { try? JobID($0) } == id }
        guard let number = job?["job-id"]?.number else { return false }
        try cancel(number, as: nil)
        return true
    }

    /// Whether the local job that was submitted under that id hasn't come to an end. Throws where cupsd doesn't say.
    package func isSubmissionAlive(_ id: JobID, on queue: String) throws(OfficeError) -> Bool {
        try notCompleted(on: queue).contains { $0["job-uuid"]?.text.flatMap { try? JobID($0) } == id }
    }

    private func working(on queue: String) throws(OfficeError) -> [IPPGroup] {
        try notCompleted(on: queue).filter { $0["job-state"]?.number == CUPSJob.State.processing.rawValue }
    }

    private func notCompleted(on queue: String) throws(OfficeError) -> [IPPGroup] {
        guard let name = try? Label(queue) else { return [] }
        let wanting = [
            "job-id", "job-uuid", "job-state", "job-sheets", "number-of-documents", "job-name",
            "job-originating-user-name",
        ]
        let answer = try askForAny(
            .getJobs, .queue(name), wanting: wanting, [IPPAttribute("which-jobs", .keyword("not-completed"))])
        return (answer?.groups ?? []).filter { $0.tag == .job }
    }
}
