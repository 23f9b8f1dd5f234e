import ArgumentParser
import OfficeCore

struct Completions: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a completion script for a shell.",
        discussion: "For bash: 'officeshare completions bash > /etc/bash_completion.d/officeshare'.")

    @Argument(help: "The shell: bash, zsh or fish.")
    var shell: Shell

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var parserShell: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        try await session.console.write(Officeshare.completionScript(for: shell.parserShell) + "\n")
    }
}
