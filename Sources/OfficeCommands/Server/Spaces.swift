import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

/// `officeshare space …`: the office's own folders.
struct SpaceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "space", abstract: "See to the office's own folders, which the file server holds.",
        subcommands: [SpaceAdd.self, SpaceSet.self, SpaceRemove.self, SpaceList.self])
}

private let allowHelp = ArgumentHelp(
    "Who may use it: office (everyone), NODE, USER@NODE or user:NAME. Can be given more than once.",
    valueName: "principal")

struct SpaceAdd: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make a folder of the office.",
        discussion: """
            The same again changes nothing, and goes on with a share that was interrupted on its way. Without --allow \
            everybody may use it, or with --from who might use the share. For admins' machines and the file server.
            """)

    @Argument(help: "The space's name.")
    var name: ByteString

    @Option(help: allowHelp)
    var allow: [ByteString] = []

    @Option(help: "How much may be in it: 500M, 20G.")
    var quota: Quota?

    @Option(
        help: ArgumentHelp(
            "Make it of this share: what is in it comes to the file server, and its path leads to the space.",
            valueName: "node/share"))
    var from: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        if let from { return try await bring(from, in: session) }
        let request = SpaceRequest.add(
            name: try name.text("NAME"), allow: try allow.map { try $0.text("--allow") }, quota: quota?.bytes)
        let answer = try await session.ask(request)
        guard let space = answer.spaces.first else { return }
        try await session.show(SpaceOutput(space)) { ["\(space.path.escapedForTerminal) is there now."] }
    }

    private func bring(_ source: ByteString, in session: Session) async throws {
        let request = SpaceRequest.bring(
            name: try name.text("NAME"), from: try source.text("--from"),
            allow: try allow.map { try $0.text("--allow") }, quota: quota?.bytes)
        guard let space = try await session.ask(request).spaces.first else { return }
        let from = (space.from ?? "").escapedForTerminal
        session.notice(
            "The folder itself stays where it was, and what is changed in it past officeshare doesn't come here any more."
        )
        try await session.show(SpaceOutput(space)) {
            ["\(space.path.escapedForTerminal) is there now, and '\(from)' leads to it."]
        }
    }
}

struct SpaceSet: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change who may use a space, and how much may be in it.",
        discussion: "What isn't named stays as it is. --allow names everyone who may use it from now on.")

    @Argument(help: "The space's name.")
    var name: ByteString

    @Option(help: allowHelp)
    var allow: [ByteString] = []

    @Option(help: "How much may be in it: 500M, 20G; 0 for no bound.")
    var quota: Quota?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if allow.isEmpty, quota == nil { throw ValidationError("Nothing to change was named") }
    }

    func run(in session: Session) async throws {
        let request = SpaceRequest.set(
            name: try name.text("NAME"), allow: allow.isEmpty ? nil : try allow.map { try $0.text("--allow") },
            quota: quota?.bytes)
        let output = try await session.ask(request).spaces.map(SpaceOutput.init)
        guard let space = output.first else { return }
        try await session.show(space) { SpaceOutput.table(output).lines(for: session.terminal) }
    }
}

struct SpaceRemove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Have a space no longer.",
        discussion: """
            Its files and their versions are put aside in the store's folder 'removed'; nothing is deleted. Of a space \
            that was somebody's share, that is shared again from its folder, as that was left when it was moved.
            """)

    @Argument(help: "The space's name.")
    var name: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let answer = try await session.ask(.remove(name: try name.text("NAME")))
        guard let space = answer.spaces.first else { return }
        try await session.show(SpaceOutput(space)) {
            ["\(space.path.escapedForTerminal) is a space no longer; its files are in the store's folder 'removed'."]
        }
    }
}

struct SpaceList: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Show the office's spaces.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let output = try await session.ask(.list).spaces.map(SpaceOutput.init)
        try await session.show(array: output) { SpaceOutput.table(output) }
    }
}

extension Session {
    /// Asks the file server, wherever it is.
    func ask(_ request: SpaceRequest) async throws -> SpaceAnswer {
        try await client.send(.post, "/v1/spaces", request)
    }
}

/// A space as it is printed.
struct SpaceOutput: Encodable, Sendable {
    let name: String
    let path: String
    let files: Int
    let bytes: Int64
    @OrNull var quota: Int64?
    let versionsBytes: Int64
    let allow: [String]
    @OrNull var from: String?

    init(_ space: SpaceModel) {
        name = space.name
        path = space.path
        files = space.files
        bytes = space.bytes
        quota = space.quota
        versionsBytes = space.versionsBytes
        allow = space.allow
        from = space.from
    }

    static func table(_ spaces: [SpaceOutput]) -> Table {
        var table = Table("PATH", "FILES", "SIZE", "QUOTA", "VERSIONS", "ALLOW")
        for space in spaces {
            table.add(
                space.path.escapedForTerminal, String(space.files), HumanText.size(space.bytes),
                space.quota.map(HumanText.size) ?? "-", HumanText.size(space.versionsBytes),
                space.allow.isEmpty ? "nobody" : space.allow.joined(separator: ",").escapedForTerminal)
        }
        return table
    }
}

/// Bytes as typed: `500M`, `1.5G` (powers of 1024), or bytes alone; `0` or `none` for no bound.
struct Quota: ExpressibleByArgument, Sendable, Equatable {
    let bytes: Int64

    init?(argument: String) {
        if ["0", "none"].contains(argument.lowercased()) {
            bytes = 0
            return
        }
        guard !argument.uppercased().hasSuffix("/S"), let rate = Rate(argument: argument) else { return nil }
        bytes = rate.bytesPerSecond
    }
}
