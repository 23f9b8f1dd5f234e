import ArgumentParser
import OfficeControl
import OfficeCore

struct Jobs: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Show print jobs: your own, and those of the printers that you may use.")

    @Argument(help: ArgumentHelp("Those of one printer only.", valueName: "node/queue"))
    var printer: ByteString?

    @Flag(name: [.short, .long], help: "Those that came to their end, too.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var jobs: [JobModel] = try await session.client.get("/v1/jobs")
        if let printer {
            let path = try printer.text("the printer")
            let known: [PrinterModel] = try await session.client.get("/v1/printers")
            guard known.contains(where: { $0.path == path }) || jobs.contains(where: { $0.path == path }) else {
                throw OfficeError(
                    .notFound, path.escapedForTerminal, "there is no such printer",
                    mend: "'officeshare printers' shows what there is.")
            }
            jobs.removeAll { $0.path != path }
        }
        if !all { jobs.removeAll(where: \.isFinal) }
        let shown = jobs
        try await session.show(array: shown) {
            var table = Table("JOB", "PRINTER", "USER", "SUBMITTED", "SIZE", "STATE", "TITLE")
            for job in shown {
                table.add(
                    String(job.id.prefix(8)), job.path.escapedForTerminal, job.user.escapedForTerminal,
                    HumanText.localTime(job.submitted), HumanText.size(job.size), job.shownState,
                    job.title.escapedForTerminal)
            }
            return table
        }
    }
}

extension JobModel {
    /// `waiting (its node is offline)`, `processing (page 3)`.
    var shownState: String {
        var notes = reasons.prefix(2).filter {
            $0 != "none" && !$0.hasPrefix("job-") || $0 == "job-hold-until-specified"
        }
        if let pages, state == "processing" { notes.insert("page \(pages)", at: 0) }
        return (state + (notes.isEmpty ? "" : " (\(notes.joined(separator: ", ")))")).escapedForTerminal
    }
}
