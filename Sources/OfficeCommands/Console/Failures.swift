import OfficeCore

/// Some of several items failed: each named, and one exit status for all.
struct Failures: Error {
    struct Item: Sendable {
        let what: String
        let error: OfficeError
    }

    let verb: String
    let items: [Item]

    /// All with one code: that code; else 1.
    var code: OfficeError.Code {
        guard let first = items.first?.error.code, items.allSatisfy({ $0.error.code == first }) else { return .partial }
        return first
    }

    /// The one error that stands for all, where only one can be told.
    var summary: OfficeError {
        if items.count == 1, let only = items.first { return only.error }
        return OfficeError(
            code, verb, "\(items.count) items failed", mend: "Each is named with its reason where they are listed.")
    }
}
