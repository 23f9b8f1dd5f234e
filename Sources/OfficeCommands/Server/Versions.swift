import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer

struct Versions: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "versions", abstract: "Show what is kept of a file that was replaced or removed.",
        discussion: "Of a folder: the last version of everything in it that is gone.")

    @Argument(help: "office/SPACE/PATH.")
    var path: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let place = try SpacePlace(path)
        let answer = try await session.ask(.versions(space: place.space, path: place.path))
        let output = try answer.versions.map { try VersionOutput($0, in: place) }
        guard !output.isEmpty else {
            throw OfficeError(.notFound, place.description, "nothing of that name is kept")
        }
        try await session.show(array: output) { VersionOutput.table(output) }
    }
}

struct Restore: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring back what was replaced or removed.",
        discussion: """
            The newest version, or the one that is named; a folder that is gone comes back with what was in it last. What \
            has the name now is kept as a version.
            """)

    @Argument(help: ArgumentHelp("office/SPACE/PATH[@VERSION].", valueName: "path"))
    var path: ByteString

    @Option(help: ArgumentHelp("Where to, in the same space (default: where it was).", valueName: "path"))
    var to: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let (bytes, version) = Self.split(path.bytes)
        do {
            try await restore(bytes, version, in: session)
        } catch let error as OfficeError where error.code == .notFound && version != nil {
            // It may be a name that looks like that.
            do {
                try await restore(path.bytes, nil, in: session)
            } catch let other as OfficeError where other.code == .notFound {
                throw error
            }
        }
    }

    private func restore(_ bytes: [UInt8], _ version: String?, in session: Session) async throws {
        let place = try SpacePlace(ByteString(bytes))
        let target = try to.map { try SpacePlace($0) }
        guard target == nil || target?.space == place.space else {
            throw OfficeError(
                .notAllowed, target?.description ?? "", "it can't be restored to another space",
                mend: "Restore it in its own, then copy it.")
        }
        let answer = try await session.ask(
            .restore(space: place.space, path: place.path, version: version, to: target?.path))
        let restored = try answer.restored.map { Restored(try place.whole($0)) }
        try await session.show(array: restored) {
            var table = Table("RESTORED")
            for item in restored { table.add(escapedForTerminal(item.exact.bytes)) }
            return table
        }
    }

    private struct Restored: Encodable {
        let exact: ExactName

        private enum CodingKeys: String, CodingKey { case path, pathBytes }

        init(_ path: ExactName) { exact = path }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(exact.text, forKey: .path)
            try container.encodeIfPresent(exact.base64, forKey: .pathBytes)
        }
    }

    /// A final `@` with digits behind it names a version.
    static func split(_ bytes: [UInt8]) -> (path: [UInt8], version: String?) {
        let digits = bytes.reversed().prefix { (0x30...0x39).contains($0) }.count
        let rest = bytes.dropLast(digits)
        guard digits > 0, digits < 19, rest.last == UInt8(ascii: "@") else { return (bytes, nil) }
        return (Array(rest.dropLast()), String(decoding: bytes.suffix(digits), as: UTF8.self))
    }
}

/// `office/SPACE/PATH`, taken apart.
struct SpacePlace: CustomStringConvertible {
    let space: String
    let path: RelativePath
    let description: String

    init(_ argument: ByteString) throws(OfficeError) {
        let whole = try argument.officePath()
        guard whole.node.description == Label.office, let share = whole.share else {
            throw OfficeError(
                .malformed, whole.description, "versions are kept of what is in the office's spaces",
                mend: "Write office/SPACE/PATH; 'officeshare space ls' shows the spaces.")
        }
        space = share.description
        path = whole.path
        description = whole.description
    }

    func whole(_ path: RelativePath) throws(OfficeError) -> ExactName {
        ExactName(OfficePath(node: try Label(Label.office), share: try Label(space), path: path).bytes)
    }
}

/// A version as it is printed.
struct VersionOutput: Encodable, Sendable {
    let version: String
    let size: Int64
    let modified: Timestamp
    let replacedBy: String
    @OrNull var root: String?
    let replaced: Timestamp
    let removed: Bool
    let path: String
    /// Base64, only where the path is not UTF-8.
    let pathBytes: String?

    init(_ version: VersionModel, in place: SpacePlace) throws(OfficeError) {
        self.version = version.version
        size = version.size
        modified = version.modified
        replacedBy = version.replacedBy
        root = version.root
        replaced = version.replaced
        removed = version.removed
        let whole = try place.whole(version.path)
        (path, pathBytes) = (whole.text, whole.base64)
    }

    static func table(_ versions: [VersionOutput]) -> Table {
        var table = Table("VERSION", "SIZE", "MODIFIED", "UNTIL", "BY", "PATH")
        for version in versions {
            table.add(
                version.version, HumanText.size(version.size), HumanText.localTime(version.modified),
                HumanText.localTime(version.replaced),
                (version.removed ? "removed by " : "") + version.replacedBy.escapedForTerminal,
                escapedForTerminal(version.pathBytes.flatMap(Base64.decode) ?? Array(version.path.utf8)))
        }
        return table
    }
}
