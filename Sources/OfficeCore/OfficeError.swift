/// The one error type of the house: what went wrong with what, why, and what would mend it.
///
/// It is shown on one line (`officeshare: WHAT: WHY. MEND`) and travels between programs as
/// `{"error":{"code","what","why","mend"}}`. Decisions are made on `code`, never on text.
package struct OfficeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure this is. Exit statuses and HTTP statuses are switches on it, in `ErrorStatus.swift`.
    package enum Code: String, Codable, CaseIterable, Sendable {
        /// The command or request was put together wrongly.
        case usage
        /// A value that was given can't be read: a bad code, a bad path.
        case malformed
        /// No such node, share, file, printer or job, or none that this caller may know of.
        case notFound
        /// The daemon, the node or its service can't be reached.
        case unavailable
        /// Something of that name is there already, and is different.
        case exists
        /// The destination can't be made.
        case cannotCreate
        /// Reading or writing failed.
        case io
        /// The disk is full: nothing else has room there either.
        case noSpace
        /// It is more than a space's quota has left. Something smaller may have room.
        case overQuota
        /// Failed for now: the same again goes on where it stopped.
        case temporary
        /// The source changed while it was read; nothing of the mixture was kept.
        case changed
        /// A configured limit was reached.
        case limit
        /// Seen, but this is not allowed.
        case notAllowed
        /// The configuration is wrong.
        case configuration
        /// Several items failed with different codes.
        case partial
        /// A bug of officeshare's own.
        case fault
    }

    package var code: Code
    /// The thing it happened to, as the user names it: `alice-pc/docs`.
    package var what: String
    /// Why, without a final full stop: `the node is offline since 10:02`.
    package var why: String
    /// What would mend it, a whole sentence, or nil where nothing would.
    package var mend: String?

    package init(_ code: Code, _ what: String, _ why: String, mend: String? = nil) {
        self.code = code
        self.what = what
        self.why = why
        self.mend = mend
    }

    /// `WHAT: WHY. MEND`, on one line, control characters escaped.
    package var description: String {
        var line = "\(what): \(why)."
        if let mend { line += " \(mend)" }
        return line.escapedForTerminal
    }
}

extension OfficeError: Codable {
    private enum CodingKeys: String, CodingKey { case code, what, why, mend }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // A newer node may know more codes than we do.
        let code = Code(rawValue: try container.decode(String.self, forKey: .code)) ?? .fault
        self.init(
            code,
            try container.decode(String.self, forKey: .what),
            try container.decode(String.self, forKey: .why),
            mend: try container.decodeIfPresent(String.self, forKey: .mend)
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(code.rawValue, forKey: .code)
        try container.encode(what, forKey: .what)
        try container.encode(why, forKey: .why)
        try container.encode(mend, forKey: .mend)
    }
}

extension OfficeError {
    /// The form in which errors travel: one object with the key `error`.
    package struct Envelope: Codable, Sendable {
        package var error: OfficeError
        package init(_ error: OfficeError) { self.error = error }
    }

    /// The same error said of another thing: the layer that knows the user's name for it renames it.
    package func about(_ what: String) -> OfficeError {
        var copy = self
        copy.what = what
        return copy
    }
}
