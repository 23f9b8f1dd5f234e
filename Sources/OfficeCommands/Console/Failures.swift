import OfficeCore

/// Some of several items failed: each named, and one exit status for all.
struct Failures: Error {
    let verb: String
    let errors: [OfficeError]
    /// 1 where some of several failed, or all with different codes; where all failed with one, that.
    let code: OfficeError.Code

    init(verb: String, errors: [OfficeError], code: OfficeError.Code) {
        self.verb = verb
        // What stopped several alike (no daemon, no node) is said once.
        self.errors = errors.indices.filter { $0 == 0 || errors[$0] != errors[$0 - 1] }.map { errors[$0] }
        self.code = code
    }

    /// - Parameter total: How many items there were, the failed ones among them.
    init(verb: String, errors: [OfficeError], of total: Int) {
        let first = errors.first?.code ?? .partial
        let isOne = errors.count >= total && errors.allSatisfy { $0.code == first }
        self.init(verb: verb, errors: errors, code: isOne ? first : .partial)
    }

    /// The one error that stands for all, where only one can be told.
    var summary: OfficeError {
        if errors.count == 1, let only = errors.first, only.code == code { return only }
        return OfficeError(
            code, verb, "\(HumanText.count(errors.count, "item")) failed: \(errors.first.map { "\($0)" } ?? "")")
    }
}
