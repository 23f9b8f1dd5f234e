import Configuration
import OfficeCore

/// One place that values come from, with the words for where exactly.
struct ConfigurationSource: Sendable {
    let snapshot: any ConfigSnapshot
    /// How a message names the place of a key: `FILE:LINE: KEY`, a variable, a flag.
    let place: @Sendable (ConfigurationKey) -> String

    /// What this source gives for `key`, or nil where it gives nothing.
    ///
    /// Everything is asked for as text: what a number or a truth looks like is the same in a file and in a variable.
    func value(of key: ConfigurationKey) throws(OfficeError) -> ConfigurationValue? {
        let found: ConfigValue?
        do {
            found = try snapshot.value(forKey: key.absolute, type: key.isList ? .stringArray : .string).value
        } catch {
            let why = key.isList ? "one value is not a list" : "one value is needed"
            throw OfficeError(.configuration, key.name, why, mend: "Give \(key.allowed).")
        }
        switch found?.content {
        case .string(let text): return .one(text)
        // An empty variable is an empty list, not a list of one empty text.
        case .stringArray(let texts): return .many(texts == [""] ? [] : texts)
        default: return nil
        }
    }
}

extension ConfigurationKey {
    /// The key as swift-configuration has it.
    var absolute: AbsoluteConfigKey { AbsoluteConfigKey(path) }
}
