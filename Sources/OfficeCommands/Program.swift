import ArgumentParser
import OfficeCore
import OfficeTransfer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command line from its arguments to its exit status.
package enum Program {
    /// Runs this process's command and returns its exit status.
    package static func main() async -> Int32 {
        let arguments = Print.spelled(CommandTree.verbFirst(ArgumentBytes.ofProcess().map(ArgumentBytes.text(of:))))
        let console = Console()
        let wantsJSON = arguments.prefix { $0 != "--" }.contains("--json")
        defer { console.finish() }
        do {
            try await run(arguments, console)
            return 0
        } catch {
            if console.isReaderGone { return endAsIfBySIGPIPE(console) }
            return report(error, on: console, asJSON: wantsJSON)
        }
    }

    private static func run(_ arguments: [String], _ console: Console) async throws {
        let verb: any OfficeCommand
        do {
            var command = try Officeshare.parseAsRoot(arguments)
            guard let ours = command as? any OfficeCommand else {
                // Help, or a noun without its verb: running it throws its help.
                return try command.run()
            }
            verb = ours
        } catch {
            guard Officeshare.exitCode(for: error) == .success else { throw usageError(error, arguments) }
            // Help, the version, a completion script: what was asked for, so on standard output.
            return try await console.write(ended(Officeshare.message(for: error)))
        }
        try await verb.run(in: Session(options: verb.options, console: console))
    }

    private static func ended(_ text: String) -> String { text.hasSuffix("\n") ? text : text + "\n" }

    /// What the parser found wrong, in the house's one line.
    static func usageError(_ error: any Error, _ arguments: [String]) -> OfficeError {
        if let error = error as? OfficeError { return error }
        let path = CommandTree.path(of: arguments)
        let help = "See '\((["officeshare"] + path).joined(separator: " ")) --help'."
        let what = path.isEmpty ? "command" : path.joined(separator: " ")
        if let unknown = CommandTree.unknownVerb(in: arguments) {
            return OfficeError(.usage, what, "there is no '\(ArgumentBytes.readable(unknown))'", mend: help)
        }
        let message = ArgumentBytes.readable(Officeshare.message(for: error)).split(separator: "\n")
        let sentences = message.joined(separator: " ").split(separator: ". ", maxSplits: 1)
        var why = (sentences.first ?? "")[...]
        while why.last == "." { why.removeLast() }
        return OfficeError(
            .usage, what, why.prefix(1).lowercased() + why.dropFirst(),
            mend: sentences.count > 1 ? "\(sentences[1]) \(help)" : help)
    }

    /// Says what went wrong, on one line for each thing, and returns the exit status.
    static func report(_ error: any Error, on console: Console, asJSON: Bool) -> Int32 {
        let failure: OfficeError
        switch error {
        case let several as Failures:
            failure = several.summary
            if !asJSON {
                for error in several.errors { console.note("officeshare: \(error)") }
                return failure.code.exitStatus
            }
        case let error as OfficeError: failure = error
        case is CancellationError:
            failure = OfficeError(.temporary, "officeshare", "it was interrupted", mend: "Run the same again.")
        default: failure = OfficeError(.fault, "officeshare", "an error it doesn't know: \(error)")
        }
        var exact = failure
        exact.what = ExactName(shown: failure.what).text
        if asJSON, let bytes = try? JSONText.encode(OfficeError.Envelope(exact)) {
            console.note(String(decoding: bytes, as: UTF8.self))
        } else {
            console.note("officeshare: \(failure)")
        }
        return failure.code.exitStatus
    }

    /// Ends as every other program does whose reader went away, which shells know to be nothing to speak of.
    private static func endAsIfBySIGPIPE(_ console: Console) -> Int32 {
        console.finish()
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        return 128 + SIGPIPE
    }
}
