import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct ShareAdd: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Offer a folder of yours to the office.",
        discussion: """
            Gives the service access to the folder by access lists (getfacl shows them), and says what it gave; \
            'officeshare share rm' takes it back. The same again changes nothing.
            """)

    @Argument(help: "The folder.", completion: .directory)
    var dir: ByteString

    @Option(help: "The share's name (default: the folder's).")
    var name: ByteString?

    @Flag(help: "Others may change what is in it.")
    var rw = false

    @Option(
        help: ArgumentHelp(
            "Who may use it: office (everyone, the default), NODE, or USER@NODE. Can be given more than once.",
            valueName: "principal"))
    var allow: [ByteString] = []

    @Option(help: ArgumentHelp("What others read beside its name.", valueName: "text"))
    var comment: ByteString?

    @Flag(help: "The file server keeps a copy for when this machine is off.")
    var keep = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let typed = try LocalPath(dir)
        let path = try await blocking { try SharedFolder.absolutePath(of: typed) }
        let name = try shareName(path)
        let access = try await ServiceAccess(session)
        let given = try await access.give(to: path, name: name, writable: rw)
        let request = ShareAddRequest(
            path: percentEncoded(path), name: name, writable: rw, allow: try allow.map { try $0.text("--allow") },
            comment: try comment?.text("--comment"), keep: keep, grant: given.record)
        let share: ShareModel
        do {
            share = try await session.client.send(.post, "/v1/shares", request)
        } catch {
            // What made it of use is gone again; that the daemon refused is what counts.
            try? await blocking { try given.undo() }
            throw error
        }
        for change in given.changes { session.notice("\(change).") }
        try await session.show(ShareOutput(share)) {
            let verb = share.changed == false ? "is shared already" : "is shared now"
            return ["\(escapedForTerminal(path)) \(verb) as '\(share.name.escapedForTerminal)' (\(share.mode))."]
        }
    }

    private func shareName(_ path: [UInt8]) throws(OfficeError) -> String {
        if let name { return try name.text("--name") }
        let last = path.split(separator: 0x2F).last.map(Array.init) ?? []
        do {
            return try Label(bytes: last).description
        } catch {
            throw OfficeError(
                .malformed, error.what, error.why, mend: "Give the share a name of its own with --name.")
        }
    }
}
