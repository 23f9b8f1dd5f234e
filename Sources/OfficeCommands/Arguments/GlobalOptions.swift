import ArgumentParser
import OfficeControl

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Flag(help: "Print one JSON document instead of text for people.")
    var json = false

    @Flag(name: [.short, .long], help: "No notices, progress or colours.")
    var quiet = false

    @Option(
        help: ArgumentHelp(
            "The daemon's control socket; also OFFICESHARE_SOCKET. (default: \(ControlClient.defaultSocket))",
            valueName: "path"))
    var socket: ByteString?

    /// The flags above by how they are written, and whether a value follows: what may stand before the verb too.
    static let leading: [String: Bool] = ["--json": false, "--quiet": false, "-q": false, "--socket": true]
}

/// A verb: what it does, given what was typed.
protocol OfficeCommand: AsyncParsableCommand {
    var options: GlobalOptions { get }
    func run(in session: Session) async throws
}

extension OfficeCommand {
    /// The parser's own way in, for completeness; `Program` calls `run(in:)`.
    mutating func run() async throws {
        try await run(in: Session(options: options))
    }
}
