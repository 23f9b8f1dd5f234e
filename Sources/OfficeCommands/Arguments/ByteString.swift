import ArgumentParser
import OfficeCore

/// One argument as its exact bytes: a path, a name, a pattern.
struct ByteString: ExpressibleByArgument, Hashable, Sendable, CustomStringConvertible {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    init?(argument: String) { bytes = ArgumentBytes.bytes(of: argument) }

    /// For people: control characters escaped.
    var description: String { escapedForTerminal(bytes) }

    /// As text, where only text is possible.
    func text(_ what: String) throws(OfficeError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw OfficeError(.malformed, what, "'\(description)' is not UTF-8")
        }
        return text
    }

    /// A path of the office.
    func officePath() throws(OfficeError) -> OfficePath { try OfficePath(parsing: bytes) }
}
