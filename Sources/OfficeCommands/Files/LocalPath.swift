import OfficeCore

/// A path of this machine as typed: the caller's own, so links and `..` mean what the shell means by them.
struct LocalPath: Sendable, Hashable, CustomStringConvertible {
    let bytes: [UInt8]

    /// Where the command was run.
    static let here = LocalPath(bytes: Array(".".utf8))

    private init(bytes: [UInt8]) { self.bytes = bytes }

    init(_ argument: ByteString) throws(OfficeError) {
        guard !argument.bytes.isEmpty else { throw OfficeError(.malformed, "''", "the path is empty") }
        bytes = argument.bytes
    }

    var description: String { escapedForTerminal(bytes) }

    /// Whether it is written as `sync` wants a local path: `/…`, `./…`, `../…`, `.` or `..`.
    static func isWrittenLocally(_ bytes: [UInt8]) -> Bool {
        [".", ".."].contains { bytes == Array($0.utf8) }
            || ["/", "./", "../"].contains { bytes.starts(with: $0.utf8) }
    }
}
