package import OfficeCore

/// A class of one queue, `QUEUE@officeshare`, by which jobs of the office reach that queue, and which is shut but for
/// the moment in which one of them is begun.
///
/// A cupsd that is killed while it prints begins the job again when it starts, though its backend may have printed it to
/// the end as an orphan. There is no way to tell it not to but this one: what waits at a paused class isn't begun, a
/// class that is paused disturbs neither the job that it has passed on nor the jobs of others on the queue, and a
/// cupsd that starts again finds it paused. Its name is no `Label`, so it can't be mistaken for a queue; it accepts no
/// jobs, so nobody gets there by mistake.
package struct CUPSGate: Sendable, Hashable {
    static let suffix = "@officeshare"

    /// Whether CUPS begins by itself what waits there.
    package var isOpen: Bool
    /// Whether it leads to its queue: not, where that was deleted since.
    package var isWhole: Bool
    package var jobs: Int
    /// The queue behind a gate of that name; nil where it is no gate's.
    static func queue(ofName name: String) -> Label? {
        guard name.hasSuffix(suffix) else { return nil }
        return try? Label(String(name.dropLast(suffix.count)))
    }

    init(_ printer: IPPGroup, before queue: Label) {
        isOpen = Sanitizer.state(of: printer) != .stopped
        isWhole = printer["member-names"]?.texts == ["\(queue)"]
        jobs = Int(max(printer["queued-job-count"]?.number ?? 0, 0))
    }

    /// One that no gate was ever shut with.
    static func freshMark() -> String {
        "opened by officeshare for a moment, for each job (\(hexEncoded((0..<8).map { _ in UInt8.random(in: 0...255) })))"
    }
}

extension CUPSScheduler {
    /// Makes the gate before a queue, shut, or makes it lead there again.
    package func makeGate(_ queue: Label) throws(OfficeError) {
        let behind = CUPSRequest.Target.queue(queue)
        // cupsd would make a class of nothing for it.
        guard try askForAny(.getPrinterAttributes, behind, wanting: ["printer-name"]) != nil else {
            throw OfficeError(.notFound, "\(queue)", "the queue does not exist")
        }
        try ask(
            .addModifyClass, .gate(queue),
            groups: [
                IPPGroup(
                    .printer,
                    [
                        IPPAttribute("member-uris", behind.attribute.values),
                        IPPAttribute("printer-info", .text("\(queue), jobs of the office (made by officeshare)")),
                        IPPAttribute("printer-is-shared", .boolean(false)),
                        IPPAttribute("printer-is-accepting-jobs", .boolean(false)),
                        IPPAttribute("printer-state", .enumeration(5)),
                    ])
            ], resource: "/admin/")
    }

    /// Lets CUPS begin what waits at a gate, as soon as the queue behind it is free; or no more.
    ///
    /// - Parameter mark: What tells afterwards whether it is still the same cupsd; nil: nothing does.
    package func setGate(_ queue: Label, open: Bool, mark: String? = nil) throws(OfficeError) {
        let target = CUPSRequest.Target.gate(queue)
        if open {
            try ask(.resumePrinter, target, resource: "/admin/")
        } else {
            try ask(.pausePrinter, target, Self.shutting(mark), resource: "/admin/")
        }
    }

    private static func shutting(_ mark: String?) -> [IPPAttribute] {
        mark.map { [IPPAttribute("printer-state-message", .text($0))] } ?? []
    }

    /// Lets CUPS begin what waits at a gate if the queue behind it is free at this moment, and never writes down that
    /// the gate was open: killed whenever, it finds the gate shut when it starts.
    ///
    /// Returns whether that is certain: not with a cupsd that doesn't wait as this one's authors know it to (`CUPSPulse`).
    @discardableResult package func pulseGate(_ queue: Label, mark: String? = nil) throws(OfficeError) -> Bool {
        let target = CUPSRequest.Target.gate(queue)
        do throws(OfficeError) {
            // Resuming makes nothing of the mark; but both have to be equally long (see there).
            let outcome = try pulse.send(
                CUPSRequest.message(.resumePrinter, target, Self.shutting(mark)),
                then: CUPSRequest.message(.pausePrinter, target, Self.shutting(mark)), resource: "/admin/")
            try CUPSFailure.check(outcome.second, of: .pausePrinter, target.name)
            try CUPSFailure.check(outcome.first, of: .resumePrinter, target.name)
            return outcome.cameTogether
        } catch {
            // It may be open. Gone with the cupsd that doesn't answer this either, it is tried again by who sees it open.
            try setGate(queue, open: false, mark: mark)
            throw error
        }
    }

    /// What the gate was shut with last. cupsd has it in memory alone: one that was started since knows it no more.
    func mark(ofGate queue: Label) throws(OfficeError) -> String? {
        try askForAny(.getPrinterAttributes, .gate(queue), wanting: ["printer-state-message"])?
            .attribute("printer-state-message", in: .printer)?.text
    }

    /// Takes the gate away. Done, too, where there is none.
    package func removeGate(_ queue: Label) throws(OfficeError) {
        do throws(OfficeError) {
            try ask(.deleteClass, .gate(queue), resource: "/admin/")
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }

    /// Brings a job of a queue to the gate before it.
    package func moveToGate(_ job: Int32, of queue: Label, as user: String?) throws(OfficeError) {
        try ask(
            .moveJob, .job(job), user: user,
            groups: [
                IPPGroup(.job, [IPPAttribute("job-printer-uri", CUPSRequest.Target.gate(queue).attribute.values)])
            ])
    }

    /// What waits at a gate or is printed from there.
    package func jobs(atGate queue: Label) throws(OfficeError) -> [CUPSJob] {
        try jobs(of: .gate(queue), "not-completed")
    }
}
