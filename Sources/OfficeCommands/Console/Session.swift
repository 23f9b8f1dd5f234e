import NIOPosix
import OfficeControl
import OfficeCore

/// What a verb works with: the daemon, the console, and how this caller wants to be told things.
struct Session: Sendable {
    let client: ControlClient
    let console: Console
    let terminal: Terminal
    let wantsJSON: Bool
    let isQuiet: Bool

    init(client: ControlClient, console: Console, terminal: Terminal, wantsJSON: Bool = false, isQuiet: Bool = false) {
        self.client = client
        self.console = console
        self.terminal = terminal
        self.wantsJSON = wantsJSON
        self.isQuiet = isQuiet
    }

    /// As the caller asked for it.
    init(options: GlobalOptions, console: Console = Console()) throws {
        let socket = try options.socket?.text("--socket") ?? Terminal.environment("OFFICESHARE_SOCKET")
        // One thread is enough for one socket, and quicker to start than one for each core.
        client = ControlClient(
            socketPath: socket ?? ControlClient.defaultSocket, group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        self.console = console
        terminal = Terminal.current(quiet: options.quiet)
        wantsJSON = options.json
        isQuiet = options.quiet
    }

    /// Prints one object: its JSON, or what people see.
    func show(_ model: some Encodable, _ lines: () -> [String]) async throws {
        try await console.write(wantsJSON ? JSONText.document(model) : Self.text(lines()))
    }

    /// Prints an array: its JSON, or a table for people.
    func show(array: [some Encodable], _ table: () -> Table) async throws {
        try await console.write(
            wantsJSON ? JSONText.document(array: array) : Self.text(table().lines(for: terminal)))
    }

    /// What is worth knowing but no result: on standard error, and only for people.
    func notice(_ text: String) {
        if !isQuiet && !wantsJSON { console.note(text.escapedForTerminal) }
    }

    private static func text(_ lines: [String]) -> [UInt8] {
        Array(lines.map { $0 + "\n" }.joined().utf8)
    }
}
