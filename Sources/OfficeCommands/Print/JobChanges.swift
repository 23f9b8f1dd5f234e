import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

/// `officeshare job …`: what can be done with a job.
struct Job: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Cancel, hold, release, reprint or move a print job.",
        subcommands: [JobCancel.self, JobHold.self, JobRelease.self, JobReprint.self, JobMove.self])
}

/// A job that is named on the command line, and a change of it.
struct JobArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The job, as 'officeshare jobs' shows it.", valueName: "id"))
    var id: ByteString

    func change(_ change: String, to target: String? = nil, in session: Session, saying done: String) async throws {
        let text = try id.text("the job's id")
        let isName = text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || $0 >= 0x30 && $0 < 0x7B }
        guard isName, !text.isEmpty else {
            throw OfficeError(.malformed, text.escapedForTerminal, "this is no job's id")
        }
        let job: JobModel = try await session.client.send(
            .post, "/v1/jobs/\(percentEncoded(Array(text.utf8)))/changes",
            JobChangeRequest(change: change, to: target))
        try await session.show(job) { ["\(job.title.escapedForTerminal) \(done): \(job.shownState)."] }
    }
}

struct JobCancel: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Don't print a job.")
    @OptionGroup var job: JobArgument
    @OptionGroup var options: GlobalOptions
    func run(in session: Session) async throws {
        try await job.change("cancel", in: session, saying: "is to be canceled")
    }
}

struct JobHold: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Don't print a job before its release.")
    @OptionGroup var job: JobArgument
    @OptionGroup var options: GlobalOptions
    func run(in session: Session) async throws { try await job.change("hold", in: session, saying: "is to be held") }
}

struct JobRelease: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "release", abstract: "Let a held job be printed.")
    @OptionGroup var job: JobArgument
    @OptionGroup var options: GlobalOptions
    func run(in session: Session) async throws { try await job.change("release", in: session, saying: "is released") }
}

struct JobReprint: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprint", abstract: "Print a job once more.",
        discussion: "Its document is kept on the printer's machine for a day.")
    @OptionGroup var job: JobArgument
    @OptionGroup var options: GlobalOptions
    func run(in session: Session) async throws {
        try await job.change("reprint", in: session, saying: "is printed once more")
    }
}

struct JobMove: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "move", abstract: "Print a job on another printer.")
    @OptionGroup var job: JobArgument
    @Argument(help: ArgumentHelp("The other printer.", valueName: "node/queue"))
    var printer: ByteString
    @OptionGroup var options: GlobalOptions
    func run(in session: Session) async throws {
        try await job.change("move", to: try printer.text("the printer"), in: session, saying: "is moved")
    }
}

/// `officeshare printer …`: this machine's printers in the office.
struct Printer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "printer", abstract: "Offer printers of this machine, and choose yours.",
        subcommands: [PrinterShare.self, PrinterUnshare.self, PrinterDefault.self])
}
