package import OfficeCore

/// A queue that officeshare makes in the local CUPS for an office queue.
package struct CUPSQueuePlan: Sendable, Hashable {
    /// `NODE_QUEUE`.
    package var name: Label
    /// Of our own endpoint on loopback: `ipp://localhost:PORT/…`.
    package var deviceURI: String
    package var info: String
    package var location: String

    package init(name: Label, deviceURI: String, info: String, location: String) {
        self.name = name
        self.deviceURI = deviceURI
        self.info = info
        self.location = location
    }
}

extension CUPSScheduler {
    /// Makes a permanent, unshared IPP Everywhere queue, or makes the one of that name so, and returns once CUPS has
    /// asked the endpoint what it can do and the queue can be printed to.
    ///
    /// Jobs wait in it as long as they must: `retry-current-job` never gives up and keeps their order (with
    /// `retry-job`, `JobRetryLimit` aborts them), and `job-cancel-after` outlasts `MaxJobTime`.
    ///
    /// Throws `.exists` where a queue of that name isn't officeshare's (a printer of the user's own), and `.temporary` where the endpoint didn't answer CUPS within `limit`: the queue is taken away again.
    package func addQueue(_ plan: CUPSQueuePlan, within limit: Duration = .seconds(20)) async throws(OfficeError) {
        let before = try queue(plan.name)
        guard before.map({ Self.isFromOfficeshare($0.deviceURI) }) ?? true else {
            throw OfficeError(
                .exists, "\(plan.name)", "CUPS has a queue of that name which isn't officeshare's",
                mend: "Give one of the two another name.")
        }
        try ask(
            .addModifyPrinter, .queue(plan.name), [IPPAttribute("ppd-name", .name("everywhere"))],
            groups: [IPPGroup(.printer, attributes(of: plan, isNew: before == nil))], resource: "/admin/")
        let clock = ContinuousClock()
        let end = clock.now + limit
        // cupsd tells nobody when its thread has done; it takes about 0.1 s.
        while clock.now < end {
            if let made = try queue(plan.name), Self.isFinished(made, plan) { return }
            do { try await clock.sleep(for: .milliseconds(50)) } catch { break }
        }
        if before == nil { try? removeQueue(plan.name) }
        throw OfficeError(
            .temporary, "\(plan.name)", "CUPS couldn't make the queue: its printer didn't answer within \(limit)")
    }

    private func attributes(of plan: CUPSQueuePlan, isNew: Bool) -> [IPPAttribute] {
        // CUPS shares no remote queue, and refuses to be told so of one that is there.
        let sharing = isNew ? [IPPAttribute("printer-is-shared", .boolean(false))] : []
        return sharing + [
            IPPAttribute("device-uri", .uri(plan.deviceURI)),
            IPPAttribute("printer-info", .text(Sanitizer.text(plan.info) ?? "\(plan.name)")),
            IPPAttribute("printer-location", .text(Sanitizer.text(plan.location) ?? "")),
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

    /// Takes a queue away, with the jobs on it. Done, too, where there is none.
    package func removeQueue(_ name: Label) throws(OfficeError) {
        do throws(OfficeError) {
            try ask(.deletePrinter, .queue(name), resource: "/admin/")
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }
}
