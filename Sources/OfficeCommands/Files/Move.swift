import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer

struct Move: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "mv", abstract: "Rename or move within a share.",
        usage: "officeshare mv <from> ... <to> [--force]",
        discussion: "Into TO where that is a folder, else to TO itself. Nothing is replaced without --force.")

    @Argument(
        help: ArgumentHelp("NODE/SHARE/PATH of what moves, one or more, and at last where to.", valueName: "path"))
    var paths: [ByteString]

    @Flag(name: [.short, .long], help: "Replace a file that is there.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if paths.count < 2 { throw ValidationError("What to move and where to have to be named") }
    }

    func run(in session: Session) async throws {
        let all = try paths.map { try $0.officePath() }
        guard let last = all.last else { return }
        let target = try RemotePlace(last)
        let isFolder = try await isFolder(target, session)
        guard isFolder || all.count == 2 else {
            throw OfficeError(
                .cannotCreate, last.description, "it is no folder", mend: "Several can only move into one.")
        }
        var changes = NameChanges(verb: "mv")
        for path in all.dropLast() {
            let source = try RemotePlace(path)
            guard source.node == target.node, source.share == target.share else {
                throw OfficeError(
                    .notAllowed, path.description, "it can't move to another share",
                    mend: "Copy it with 'officeshare get' and 'officeshare put', then remove it.")
            }
            let to = isFolder ? try target.path.appending(try source.name) : target.path
            try changes.add(path) { .move($0.path, to: to, force: force) }
        }
        try await changes.perform(in: session)
    }

    /// Whether a folder is there now.
    private func isFolder(_ place: RemotePlace, _ session: Session) async throws -> Bool {
        let request = ListRequest(path: place.path, withSelf: true, limit: 1)
        do {
            return try await session.client.list(request, node: place.node, share: place.share) { listing in
                for try await batch in listing {
                    if let itself = batch.entries.first { return itself.kind == .directory }
                }
                return false
            }
        } catch let error as OfficeError where error.code == .notFound {
            // Nothing of that name; that the share is there the move itself will tell.
            return false
        } catch let error as OfficeError {
            throw error.named(for: OfficePath(node: place.node, share: place.share, path: place.path))
        }
    }
}
