import Configuration
import OfficeCore
import Yams

/// A configuration file as it was read: its values, where each stands, and what is wrong with it.
///
/// Read by Yams and not by swift-configuration's `YAMLSnapshot`, which forgets lines, takes `limits.shares: 5` for a
/// key in a section, and gives up whole where an unknown key has a list of lists (`docs/decisions/0001`).
struct ConfigurationFile {
    /// As people named it.
    let path: String
    private(set) var problems: [OfficeError] = []
    /// Where each key stands, by its name: `FILE:LINE: KEY`, as editors jump to it.
    private(set) var places: [String: String] = [:]
    /// The values of known keys, as they are written.
    private(set) var values: [AbsoluteConfigKey: ConfigValue] = [:]

    init(path: String, bytes: [UInt8]) {
        self.path = path
        guard let text = String(validating: bytes, as: UTF8.self) else {
            problems = [problem(nil, "the file is not UTF-8 text", mend: "Write it as UTF-8.")]
            return
        }
        do {
            // Without a document in it (all of it comments) a file is as good as none.
            guard let root = try Yams.Parser(yaml: text).singleRoot(), root.null == nil else { return }
            guard let mapping = root.mapping else {
                let why = "the file is not a list of keys"
                problems = [problem(root.mark?.line, why, mend: "Write 'KEY: VALUE' lines.")]
                return
            }
            check(mapping, section: [])
        } catch {
            problems = [problem(of: error)]
            return
        }
    }

    // MARK: What is there

    private mutating func check(_ mapping: Node.Mapping, section: [String]) {
        for (key, value) in mapping {
            guard let word = key.scalar?.string else {
                problems.append(problem(key.mark?.line, "a key has to be a word", mend: "Write 'KEY: VALUE' lines."))
                continue
            }
            let path = section + [word]
            let name = path.joined(separator: ".")
            if let known = ConfigurationKey.all.first(where: { $0.path == path }) {
                check(value, of: known, line: key.mark?.line)
            } else if section.isEmpty, ConfigurationKey.sections.contains(where: { $0.name == word }) {
                checkSection(value, name: word, line: key.mark?.line)
            } else {
                problems.append(unknown(name, in: section, line: key.mark?.line))
            }
        }
    }

    private mutating func checkSection(_ value: Node, name: String, line: Int?) {
        if let mapping = value.mapping {
            check(mapping, section: [name])
        } else if value.null == nil {
            let why = "a section has keys, not a value"
            problems.append(problem(line, key: name, why, mend: "Write its keys below it, indented."))
        }
    }

    private mutating func check(_ value: Node, of key: ConfigurationKey, line: Int?) {
        places[key.name] = place(of: key.name, line)
        do throws(Refusal) {
            values[key.absolute] = ConfigValue(try content(value, of: key), isSecret: false)
        } catch {
            problems.append(problem(line, key: key.name, error.why, mend: "Give \(key.allowed)."))
        }
    }

    private struct Refusal: Error {
        let why: String
    }

    private func content(_ value: Node, of key: ConfigurationKey) throws(Refusal) -> ConfigContent {
        switch value {
        case .scalar where value.null != nil:
            throw Refusal(why: "there is no value")
        case .scalar(let scalar):
            guard !key.isList else { throw Refusal(why: "one value is not a list") }
            return .string(scalar.string)
        case .sequence(let items):
            guard key.isList else { throw Refusal(why: "a list is not possible here") }
            let texts = items.compactMap { $0.null == nil ? $0.scalar?.string : nil }
            guard texts.count == items.count else { throw Refusal(why: "a list has to have one value in each place") }
            return .stringArray(texts)
        case .mapping, .alias:
            throw Refusal(why: "keys below it are not possible here")
        }
    }

    // MARK: What is said of it

    private func unknown(_ name: String, in section: [String], line: Int?) -> OfficeError {
        if section.isEmpty, let key = ConfigurationKey.named(name), let word = key.path.last {
            // `limits.shares: 5`: a second way to say it would be a way to say it twice.
            return problem(
                line, key: name, "a section's keys stand below it",
                mend: "Write '\(word):' indented below '\(key.path.dropLast().joined(separator: "."))':.")
        }
        return problem(line, key: name, "there is no such key", mend: ConfigurationKey.mend(forUnknown: name))
    }

    private func problem(_ line: Int?, key: String? = nil, _ why: String, mend: String?) -> OfficeError {
        OfficeError(.configuration, place(of: key, line), why, mend: mend)
    }

    private func place(of key: String?, _ line: Int?) -> String {
        path + (line.map { ":\($0)" } ?? "") + (key.map { ": \($0)" } ?? "")
    }

    private func problem(of error: any Error) -> OfficeError {
        switch error as? YamlError {
        case .scanner(_, let what, let mark, _), .parser(_, let what, let mark, _), .composer(_, let what, let mark, _):
            problem(mark.line, "not YAML: \(what)", mend: "Mend the file there, or just before.")
        case .duplicatedKeysInMapping(let keys, let context):
            problem(
                context.mark.line, key: keys.sorted().joined(separator: ", "), "the key is there twice",
                mend: "Remove all but one.")
        default:
            problem(nil, "it can't be read as YAML: \(error)", mend: nil)
        }
    }
}

extension ConfigurationKey {
    /// What to do about a key that isn't one.
    static func mend(forUnknown name: String) -> String {
        if let key = nearest(to: name) { return "Did you mean '\(key.name)'?" }
        return "officeshare.yaml(5) lists all keys."
    }
}
