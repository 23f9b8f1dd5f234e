import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct PrinterShare: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "share", abstract: "Offer a printer of this machine to the office.",
        discussion: """
            QUEUE is one of this machine's CUPS ('lpstat -e' shows them). The same again changes nothing; \
            with other principals it changes who may use it. --tune (as root) sets in cupsd.conf what lets CUPS forget no \
            job when it is killed and cancel none that waits long; --untune takes it out again.
            """)

    @Argument(help: "The queue's name in CUPS.")
    var queue: ByteString

    @Option(
        help: ArgumentHelp(
            "Who may use it: office (everyone, the default), NODE, or USER@NODE. Can be given more than once.",
            valueName: "principal"))
    var allow: [ByteString] = []

    @Flag(help: "Also let CUPS keep its jobs better: sets lines in cupsd.conf (as root).")
    var tune = false

    @Flag(help: "Take out of cupsd.conf what --tune set (as root).")
    var untune = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if tune && untune { throw ValidationError("--tune and --untune exclude each other") }
    }

    func run(in session: Session) async throws {
        let name = try Label(bytes: queue.bytes)
        let request = PrinterShareRequest(allow: try allow.map { try $0.text("--allow") })
        let printer: PrinterModel = try await session.client.send(
            .post, "/v1/printers/\(percentEncoded(name.bytes))/share", request)
        if tune || untune {
            let tuned = tune
            let isChanged = try await blocking { try SchedulerTuning.apply(tuned: tuned) }
            session.notice(
                isChanged
                    ? "\(SchedulerTuning.file) was changed; as it was before the first time it is kept beside it."
                    : "\(SchedulerTuning.file) is so already.")
        }
        try await session.show(printer) {
            let allowed = (printer.allow ?? []).joined(separator: ", ")
            return ["\(printer.path.escapedForTerminal) is shared with \(allowed.escapedForTerminal)."]
        }
    }
}

struct PrinterUnshare: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "unshare", abstract: "Offer a printer of this machine no more.",
        discussion: "Jobs that were taken are printed still.")

    @Argument(help: "The queue's name in CUPS.")
    var queue: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let name = try Label(bytes: queue.bytes)
        try await session.client.perform(
            .delete, "/v1/printers/\(percentEncoded(name.bytes))/share", Optional<PrinterShareRequest>.none)
        session.notice("\(name) is shared no more.")
    }
}

struct PrinterDefault: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "default", abstract: "Choose the printer that 'officeshare print' uses for you.")

    @Argument(help: "NODE/QUEUE")
    var path: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let model = PrinterDefaultModel(path: try path.text("the printer"))
        let chosen: PrinterDefaultModel = try await session.client.send(.put, "/v1/printers/default", model)
        try await session.show(chosen) { ["Your default is \(chosen.path.escapedForTerminal) now."] }
    }
}
