import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct ShareSet: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change what a share allows.",
        discussion: "What isn't named stays as it is. --allow names everyone who may use it from now on.")

    enum Mode: String, EnumerableFlag {
        case rw, ro

        static func help(for value: Mode) -> ArgumentHelp? {
            value == .rw ? "Others may change what is in it." : "Others may only read."
        }
    }

    @Argument(help: "The share's name.")
    var name: ByteString

    @Flag(exclusivity: .exclusive)
    var mode: Mode?

    @Option(
        help: ArgumentHelp(
            "Who may use it: office (everyone), NODE, or USER@NODE. Can be given more than once.",
            valueName: "principal"))
    var allow: [ByteString] = []

    @Option(help: ArgumentHelp("What others read beside its name.", valueName: "text"))
    var comment: ByteString?

    @Flag(inversion: .prefixedNo, help: "The file server keeps a copy for when this machine is off.")
    var keep: Bool?

    @Flag(help: "Give the service access again to all that is in it.")
    var grant = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if mode == nil, allow.isEmpty, comment == nil, keep == nil, !grant {
            throw ValidationError("Nothing to change was named")
        }
    }

    func run(in session: Session) async throws {
        let name = try name.text("NAME")
        var request = ShareSetRequest(
            writable: mode.map { $0 == .rw }, allow: allow.isEmpty ? nil : try allow.map { try $0.text("--allow") },
            comment: try comment?.text("--comment"), keep: keep)
        var given: ServiceAccess.Given?
        if mode != nil || grant {
            let access = try await ServiceAccess(session)
            guard let share = access.share(named: name).map(ShareOutput.init) else {
                throw OfficeError(
                    .notFound, name, "this machine has no such share", mend: "'officeshare share ls' shows what it has."
                )
            }
            let writable = mode.map { $0 == .rw } ?? (share.mode == "rw")
            given = try await access.give(to: share.exactPath, name: name, writable: writable)
            request.grant = given?.record
        }
        do {
            let share: ShareModel = try await session.client.send(.patch, Self.path(of: name), request)
            for change in given?.changes ?? [] { session.notice("\(change).") }
            let output = ShareOutput(share)
            try await session.show(output) { ShareOutput.table([output]).lines(for: session.terminal) }
        } catch let error as OfficeError {
            if let given { try? await blocking { try given.undo() } }
            throw error
        }
    }

    /// Where the daemon has a share of its own.
    static func path(of name: String) -> String { "/v1/shares/\(percentEncoded(Array(name.utf8)))" }
}
