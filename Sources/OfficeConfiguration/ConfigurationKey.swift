import Logging
package import OfficeCore

/// One thing that can be configured: what it is called, what it may be, where it lands in `Settings`, what is said of it.
///
/// The table of all of them (`ConfigurationKey.all`) is the only description of the configuration there is: reading,
/// checking, the commented default file and the manual page are all made from it.
package struct ConfigurationKey: Sendable {
    /// Section and name, as the file nests them.
    package let path: [String]
    /// Whether a reload applies it to the running daemon; what is not needs a restart.
    package let live: Bool
    /// What it is: whole sentences, the first of them telling what it is for.
    package let summary: String
    let field: Field

    init(_ path: String..., field: Field, live: Bool = false, summary: String) {
        self.path = path
        self.field = field
        self.live = live
        self.summary = summary
    }

    /// `limits.connections`: how people and `--set` name it.
    package var name: String { path.joined(separator: ".") }

    /// `OFFICESHARE_LIMITS_CONNECTIONS_PER_PEER`: as swift-configuration spells the key for the environment,
    /// a `_` where a word begins.
    package var environmentName: String {
        ([Self.environmentScope] + path).map(Self.spelledForEnvironment).joined(separator: "_")
    }

    /// The first word of every variable of the environment that is a key.
    static let environmentScope = "officeshare"

    private static func spelledForEnvironment(_ word: String) -> String {
        var out = ""
        for character in word {
            if character.isUppercase, out.last?.isLowercase == true { out.append("_") }
            out.append(character)
        }
        return out.uppercased()
    }

    /// What may be given, as the end of a sentence that begins with "Give".
    package var allowed: String { field.allowed }

    /// Whether it takes a list of values.
    package var isList: Bool {
        if case .list = field { true } else { false }
    }

    /// Its value in `settings`, as it would be written down.
    package func value(in settings: Settings) -> ConfigurationValue { field.value(in: settings) }

    /// Sets it, or throws why `value` can't be.
    package func set(_ value: ConfigurationValue, in settings: inout Settings) throws(OfficeError) {
        try field.set(value, in: &settings)
    }

    /// Gives `target` what `source` has.
    package func copy(from source: Settings, to target: inout Settings) { field.copy(from: source, to: &target) }
}

/// What a source gives for a key, before anything is made of it.
package enum ConfigurationValue: Sendable, Equatable {
    case one(String)
    case many([String])
}

/// A place in `Settings`, with the type of what stands there.
typealias Place<Value> = any WritableKeyPath<Settings, Value> & Sendable

/// What kind of value a key has, its bounds, and its place in `Settings`.
enum Field: Sendable {
    /// A node's name; the empty text is "none given".
    case label(Place<Label?>)
    /// An absolute path of at most so many bytes.
    case path(Place<String>, maximum: Int)
    case port(Place<UInt16>)
    case integer(Place<Int>, ClosedRange<Int>)
    case flag(Place<Bool>)
    case level(Place<Logger.Level>)
    case list(Place<[String]>, of: ListItem, maximum: Int)
}

extension Field {
    private static let ports = 1...Int(UInt16.max)

    var allowed: String {
        switch self {
        case .label: "a name of 1 to \(Label.maximumLength) bytes, or '' for the host's own"
        case .path(_, let maximum): "an absolute path of at most \(maximum) bytes"
        case .port: Self.numbers(Self.ports)
        case .integer(_, let range): Self.numbers(range)
        case .flag: "true or false"
        case .level: "one of " + Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        case .list(_, let item, let maximum): "a list of at most \(maximum) \(item.allowed)"
        }
    }

    private static func numbers(_ range: ClosedRange<Int>) -> String {
        "a whole number from \(range.lowerBound) to \(range.upperBound)"
    }

    func value(in settings: Settings) -> ConfigurationValue {
        switch self {
        case .label(let place): .one(settings[keyPath: place]?.description ?? "")
        case .path(let place, _): .one(settings[keyPath: place])
        case .port(let place): .one(String(settings[keyPath: place]))
        case .integer(let place, _): .one(String(settings[keyPath: place]))
        case .flag(let place): .one(settings[keyPath: place] ? "true" : "false")
        case .level(let place): .one(settings[keyPath: place].rawValue)
        case .list(let place, _, _): .many(settings[keyPath: place])
        }
    }

    func copy(from source: Settings, to target: inout Settings) {
        switch self {
        case .label(let place): target[keyPath: place] = source[keyPath: place]
        case .path(let place, _): target[keyPath: place] = source[keyPath: place]
        case .port(let place): target[keyPath: place] = source[keyPath: place]
        case .integer(let place, _): target[keyPath: place] = source[keyPath: place]
        case .flag(let place): target[keyPath: place] = source[keyPath: place]
        case .level(let place): target[keyPath: place] = source[keyPath: place]
        case .list(let place, _, _): target[keyPath: place] = source[keyPath: place]
        }
    }

    func set(_ value: ConfigurationValue, in settings: inout Settings) throws(OfficeError) {
        switch (self, value) {
        case (.list(let place, let item, let maximum), .many(let texts)):
            guard texts.count <= maximum else { throw refusal("\(texts.count) values are too many") }
            for text in texts { if let why = item.fault(in: text) { throw refusal(why) } }
            settings[keyPath: place] = texts
        case (.list, .one(let text)):
            throw refusal("\(quoted(text)) is not a list")
        case (_, .many):
            throw refusal("a list is not possible here")
        case (_, .one(let text)):
            try set(text, in: &settings)
        }
    }

    private func set(_ text: String, in settings: inout Settings) throws(OfficeError) {
        switch self {
        case .label(let place):
            do { settings[keyPath: place] = text.isEmpty ? nil : try Label(text) } catch { throw refusal(error.why) }
        case .path(let place, let maximum):
            if let why = Self.faultOfPath(text, maximum: maximum) { throw refusal(why) }
            settings[keyPath: place] = text
        case .port(let place):
            settings[keyPath: place] = UInt16(try integer(text, in: Self.ports))
        case .integer(let place, let range):
            settings[keyPath: place] = try integer(text, in: range)
        case .flag(let place):
            switch text.lowercased() {
            case "true", "yes", "on": settings[keyPath: place] = true
            case "false", "no", "off": settings[keyPath: place] = false
            default: throw refusal("\(quoted(text)) is neither")
            }
        case .level(let place):
            guard let level = Logger.Level(rawValue: text.lowercased()) else {
                throw refusal("there is no level \(quoted(text))")
            }
            settings[keyPath: place] = level
        case .list:
            throw refusal("\(quoted(text)) is not a list")
        }
    }

    private func integer(_ text: String, in range: ClosedRange<Int>) throws(OfficeError) -> Int {
        guard let number = Int(text) else { throw refusal("\(quoted(text)) is not a whole number") }
        guard range.contains(number) else { throw refusal("\(number) is out of range") }
        return number
    }

    private static func faultOfPath(_ text: String, maximum: Int) -> String? {
        if !text.hasPrefix("/") { return "\(quoted(text)) does not begin with '/'" }
        if text.utf8.count > maximum { return "the path is \(text.utf8.count) bytes long" }
        if text.utf8.contains(0) { return "a path can't have a NUL byte in it" }
        return nil
    }

    /// Why a value is refused; whoever knows where it was given says so by `about`.
    private func refusal(_ why: String) -> OfficeError {
        OfficeError(.configuration, "configuration", why, mend: "Give \(allowed).")
    }
}

/// A value that was given, as a message shows it: escaped, and not longer than a line bears.
func quoted(_ text: String) -> String {
    let shown = text.prefix(60)
    return "'\(String(shown).escapedForTerminal)\(shown.count < text.count ? "…" : "")'"
}
