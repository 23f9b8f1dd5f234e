import ArgumentParser
import OfficeControl
import OfficeCore

struct Print: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "print", abstract: "Print files on a printer of the office.",
        usage: "officeshare print <file> ... [--to <node/queue>] [<options>]",
        discussion: """
            PDF, PostScript, text, images, and whatever else the CUPS of the printer's machine can filter; '-' is standard \
            input. A job that is accepted is on this machine's disk and is printed once, whatever is switched off \
            meanwhile: 'officeshare jobs' shows how it stands.
            """)

    @Argument(help: "What to print; '-' is standard input.", completion: .file())
    var files: [ByteString]

    @Option(
        name: [.long, .customShort("d")],
        help: ArgumentHelp("The printer (default: yours, or the only one).", valueName: "node/queue"))
    var to: ByteString?

    @Option(name: [.long, .customShort("n")], help: "How many copies.")
    var copies: Int?

    /// The parser has no option with a value that may be left out: `spelled` makes this of `--duplex=short`.
    @Option(help: .hidden)
    var duplexEdge: ByteString?

    @Flag(help: "Both sides of the paper, turned at the long edge; --duplex=short at the short one.")
    var duplex = false

    @Option(help: ArgumentHelp("The paper: A4, Letter, iso_a5_148x210mm…", valueName: "paper"))
    var media: ByteString?

    @Option(
        name: [.long, .customShort("P")], help: ArgumentHelp("Which pages: 1-4,7,9-", valueName: "ranges"))
    var pages: ByteString?

    @Flag(help: "In colour.")
    var color = false

    @Flag(help: "In shades of one ink.")
    var mono = false

    @Option(name: [.long, .customShort("t")], help: "The job's title (default: the file's name).")
    var title: ByteString?

    @Option(
        name: [.customShort("o"), .customLong("option")],
        help: ArgumentHelp("An option as lp(1) takes it. Can be given more than once.", valueName: "name=value"))
    var option: [ByteString] = []

    @Flag(help: "Not before 'officeshare job release'.")
    var hold = false

    @Flag(name: [.long, .customShort("w")], help: "Wait until it is printed, and say how it went.")
    var wait = false

    @OptionGroup var options: GlobalOptions

    /// The arguments as the parser understands them: `--duplex=short` has a value, `--duplex` has none.
    static func spelled(_ arguments: [String]) -> [String] {
        guard CommandTree.path(of: arguments).first == configuration.commandName else { return arguments }
        let options = arguments.prefix { $0 != "--" }.map { argument in
            argument.hasPrefix("--duplex=") ? "--duplex-edge=" + argument.dropFirst("--duplex=".count) : argument
        }
        return options + arguments.dropFirst(options.count)
    }

    func validate() throws {
        if files.isEmpty { throw ValidationError("What to print has to be named") }
        if color && mono { throw ValidationError("--color and --mono exclude each other") }
        if files.count(where: \.isStandardInput) > 1 { throw ValidationError("Standard input can be read once only") }
        if let copies, copies < 1 { throw ValidationError("--copies is 1 or more") }
    }

    func run(in session: Session) async throws {
        let wishes = try attributes()
        let target = try to?.text("--to")
        let givenTitle = try title?.text("--title")
        var output = PrintOutput(jobs: [])
        var errors: [OfficeError] = []
        for file in files {
            do {
                let job = try await Submission(file: file, session: session).submit(
                    to: target, title: givenTitle, options: wishes, hold: hold)
                output.jobs.append(job)
                if !session.wantsJSON { session.notice("\(job.path): job \(job.id) (\(job.title))") }
            } catch let error as OfficeError {
                errors.append(error)
            }
        }
        if wait {
            for job in output.jobs {
                do { try await JobWait(session: session).untilPrinted(job) } catch let error as OfficeError {
                    errors.append(error)
                }
            }
        }
        if session.wantsJSON { try await session.console.write(JSONText.document(output)) }
        if !errors.isEmpty { throw Failures(verb: "print", errors: errors, of: files.count) }
    }

    private func attributes() throws(OfficeError) -> [String] {
        var wishes: [String] = []
        if let copies { wishes.append("copies=\(copies)") }
        if duplex || duplexEdge != nil {
            let edge = try duplexEdge?.text("--duplex") ?? "long"
            guard ["long", "short"].contains(edge) else {
                throw OfficeError(
                    .usage, "--duplex", "'\(edge.escapedForTerminal)' is no edge", mend: "Give long or short.")
            }
            wishes.append("sides=two-sided-\(edge)-edge")
        }
        if let media { wishes.append("media=\(try media.text("--media"))") }
        if let pages { wishes.append("page-ranges=\(try pages.text("--pages"))") }
        if color { wishes.append("print-color-mode=color") }
        if mono { wishes.append("print-color-mode=monochrome") }
        for option in option { wishes.append(try option.text("-o")) }
        return wishes
    }
}

/// What `print --json` prints.
struct PrintOutput: Encodable, Sendable {
    var jobs: [PrintedModel]
}

extension ByteString {
    /// `-`
    var isStandardInput: Bool { bytes == [UInt8(ascii: "-")] }
}
