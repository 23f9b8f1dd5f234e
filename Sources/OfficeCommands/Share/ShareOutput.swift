import OfficeControl
import OfficeCore

/// A share of this machine as the command line prints it: without what is between the programs.
struct ShareOutput: Encodable, Sendable {
    let name: String
    let path: String
    /// Base64, only where the path is not UTF-8.
    let pathBytes: String?
    let mode: String
    let allow: [String]
    let keep: Bool
    @OrNull var comment: String?
    @OrNull var movedTo: String?

    init(_ share: ShareModel) {
        name = share.name
        path = share.path
        pathBytes = share.pathBytes
        mode = share.mode
        allow = share.allow
        keep = share.keep
        comment = share.comment
        movedTo = share.movedTo
    }

    static func table(_ shares: [ShareOutput]) -> Table {
        var table = Table("NAME", "MODE", "ALLOW", "KEEP", "PATH", "COMMENT")
        for share in shares {
            table.add(
                share.name.escapedForTerminal, share.mode, share.allowed, share.keep ? "yes" : "no",
                share.movedTo.map { "is \($0.escapedForTerminal)" } ?? escapedForTerminal(share.exactPath),
                (share.comment ?? "").escapedForTerminal)
        }
        return table
    }

    var exactPath: [UInt8] { pathBytes.flatMap(Base64.decode) ?? Array(path.utf8) }

    /// Who may use it, for people.
    var allowed: String {
        allow.isEmpty ? "office" : allow.joined(separator: ",").escapedForTerminal
    }
}
