package import OfficeCore

/// A queue that officeshare makes in the local CUPS for an office queue.
package struct CUPSQueuePlan: Sendable, Hashable {
    /// `NODE_QUEUE`.
    package var name: Label
    /// Of our own endpoint on loopback: `ipp://localhost:PORT/…`.
    package var deviceURI: String
    package var info: String
    package var location: String
    /// Another one whenever the endpoint tells other capabilities: `QueueDescription.edition`. CUPS keeps it with the
    /// queue, so that after a restart too nobody has to make anew what is as it should be.
    package var edition: String

    package init(name: Label, deviceURI: String, info: String, location: String, edition: String = "") {
        self.name = name
        self.deviceURI = deviceURI
        self.info = Sanitizer.text(info) ?? "\(name)"
        self.location = Sanitizer.text(location) ?? ""
        self.edition = edition
    }

    /// What is written on the queue once it is as planned.
    fileprivate var mark: String { Sanitizer.text("officeshare \(edition)") ?? "officeshare" }
    fileprivate var marking: IPPAttribute { IPPAttribute("printer-organizational-unit", .text(mark)) }
}

extension CUPSScheduler {
    /// Makes a permanent, unshared IPP Everywhere queue, or makes the one of that name so, and returns once CUPS has
    /// asked the endpoint what it can do and the queue can be printed to. One that is so already is left alone, but
    /// resumed where it was stopped.
    ///
    /// Jobs wait in it as long as they must: `retry-current-job` never gives up and keeps their order (with
    /// `retry-job`, `JobRetryLimit` aborts them), and `job-cancel-after` outlasts `MaxJobTime`. When its device or
    /// edition changes, CUPS begins the job that it is sending anew: the endpoint knows it by its UUID.
    ///
    /// Throws `.exists` where a queue of that name isn't officeshare's (a printer of the user's own), and `.temporary`
    /// where the endpoint didn't answer CUPS within `limit`: a new queue is taken away again.
    package func addQueue(_ plan: CUPSQueuePlan, within limit: Duration = .seconds(20)) async throws(OfficeError) {
        let before = try queue(plan.name)
        if let before {
            guard Self.isFromOfficeshare(before.deviceURI) else {
                throw OfficeError(
                    .exists, "\(plan.name)", "CUPS has a queue of that name which isn't officeshare's",
                    mend: "Give one of the two another name.")
            }
            if before.mark == plan.mark, Self.isFinished(before, plan) { return try touchUp(before, plan) }
        }
        let clock = ContinuousClock()
        let end = clock.now + limit
        if before == nil {
            try make(plan, [Self.unshared, plan.marking])
        } else {
            try make(plan, [])
            // cupsd keeps what it knows of a PPD (NAME.data) and believes it where the PPD isn't from a later second:
            // now it has the old PPD's, and with the next request it finds the new PPD.
            try? await clock.sleep(for: .milliseconds(1_200))
            try make(plan, [plan.marking])
        }
        // cupsd tells nobody when its thread has done; it takes about 0.1 s.
        while clock.now < end {
            if let made = try queue(plan.name), Self.isFinished(made, plan) { return }
            do { try await clock.sleep(for: .milliseconds(50)) } catch { break }
        }
        if before == nil { try? removeQueue(plan.name) }
        throw OfficeError(
            .temporary, "\(plan.name)", "CUPS couldn't make the queue: its printer didn't answer within \(limit)")
    }

    private func make(_ plan: CUPSQueuePlan, _ extra: [IPPAttribute]) throws(OfficeError) {
        try ask(
            .addModifyPrinter, .queue(plan.name), [IPPAttribute("ppd-name", .name("everywhere"))],
            groups: [IPPGroup(.printer, attributes(of: plan) + extra)], resource: "/admin/")
    }

    /// What can be changed of a queue that prints.
    private func touchUp(_ queue: CUPSQueue, _ plan: CUPSQueuePlan) throws(OfficeError) {
        if queue.description.info != plan.info || queue.description.location ?? "" != plan.location {
            try ask(
                .addModifyPrinter, .queue(plan.name), groups: [IPPGroup(.printer, words(of: plan))],
                resource: "/admin/")
        }
        if queue.description.state == .stopped { try resumeQueue(plan.name) }
    }

    private func words(of plan: CUPSQueuePlan) -> [IPPAttribute] {
        [
            IPPAttribute("printer-info", .text(plan.info)), IPPAttribute("printer-location", .text(plan.location)),
        ]
    }

    /// For a new queue: CUPS shares no remote one, and refuses to be told so of one that is there.
    private static let unshared = IPPAttribute("printer-is-shared", .boolean(false))

    private func attributes(of plan: CUPSQueuePlan) -> [IPPAttribute] {
        words(of: plan) + [
            IPPAttribute("device-uri", .uri(plan.deviceURI)),
            IPPAttribute("printer-error-policy", .name("retry-current-job")),
            IPPAttribute("job-cancel-after-default", .integer(Self.never)),
            IPPAttribute("printer-state", .enumeration(3)),
            IPPAttribute("printer-is-accepting-jobs", .boolean(true)),
        ]
    }

    /// Until then cupsd calls it a "Remote Printer" and has no idea of its media.
    private static func isFinished(_ made: CUPSQueue, _ plan: CUPSQueuePlan) -> Bool {
        guard let model = made.description.model, model.hasSuffix("IPP Everywhere") else { return false }
        return made.description.accepting && made.deviceURI == plan.deviceURI
    }

    /// Whether a queue with that device is one that officeshare made: only its endpoint serves printers to this
    /// machine alone. Port 631 is CUPS itself.
    ///
    /// - Parameter port: The endpoint's, where only that will do.
    package static func isFromOfficeshare(_ deviceURI: String, port: Int? = nil) -> Bool {
        for host in ["localhost", "127.0.0.1", "[::1]"] where deviceURI.hasPrefix("ipp://\(host):") {
            let rest = deviceURI.dropFirst("ipp://\(host):".count)
            guard let slash = rest.firstIndex(of: "/"), let found = UInt16(rest[..<slash]), found != 631 else {
                continue
            }
            return rest[slash...].hasPrefix("/printers/") && (port.map { $0 == Int(found) } ?? true)
        }
        return false
    }

    /// Lets a stopped queue print again, its jobs first. CUPS stops one of ours for good, whatever its error policy,
    /// where our endpoint went away in mid-document; that looks the same as when somebody paused it.
    package func resumeQueue(_ name: Label) throws(OfficeError) {
        try ask(.resumePrinter, .queue(name), resource: "/admin/")
    }

    /// Stops a queue, and what it prints.
    package func pauseQueue(_ name: Label) throws(OfficeError) {
        try ask(.pausePrinter, .queue(name), resource: "/admin/")
    }

    /// Takes a queue away, with the jobs on it. Done, too, where there is none.
    package func removeQueue(_ name: Label) throws(OfficeError) {
        do throws(OfficeError) {
            try ask(.deletePrinter, .queue(name), resource: "/admin/")
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }
}
