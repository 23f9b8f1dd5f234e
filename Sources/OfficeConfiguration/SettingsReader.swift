import Configuration
package import OfficeCore

/// Reads the configuration: flags before the environment, the environment before the file, the file before the defaults.
///
/// Each source is checked whole, also where another one overrides it, and everything that is wrong is told at once.
package struct SettingsReader: Sendable {
    /// The file that is read when none is named. It may be absent.
    package static let defaultFile = "/etc/officeshare/officeshare.yaml"
    /// The variable that names another file, as `--config` does.
    package static let fileVariable = "OFFICESHARE_CONFIG"
    /// Variables of that prefix which are other programs' business: officeshare(1) reads them.
    package static let foreignVariables: Set<String> = ["OFFICESHARE_SOCKET"]
    /// Bytes of the file: a hundred times what all keys with all their comments take.
    package static let fileLimit = 1 << 20

    /// A value from the command line.
    package struct Flag: Sendable {
        /// What people typed: `--port`, `--set limits.shares`.
        package var spelling: String
        package var key: String
        /// The values of a list separated by commas.
        package var value: String

        package init(spelling: String, key: String, value: String) {
            self.spelling = spelling
            self.key = key
            self.value = value
        }
    }

    /// What came of reading.
    package struct Reading: Sendable {
        /// Good only where there are no problems.
        package var settings = Settings()
        /// Everything that is wrong: what nobody knows by source, then bad values in the order of the table.
        package var problems: [OfficeError] = []
        /// The file that was read; nil where the default one is absent.
        package var file: String?

        package init() {}
    }

    private let namedFile: String?
    private let flags: [Flag]
    private let environment: [String: String]

    /// - Parameter file: The file that was named on the command line: it has to exist.
    package init(file: String?, flags: [Flag], environment: [String: String]) {
        self.flags = flags
        self.environment = environment.filter { $0.key.hasPrefix("OFFICESHARE_") }
        namedFile = file ?? environment[Self.fileVariable]
    }

    package func read() async -> Reading {
        var reading = Reading()
        let sources = [source(ofFlags: &reading), source(ofEnvironment: &reading), await source(ofFile: &reading)]
        for key in ConfigurationKey.all {
            // The last to be set is the first of the sources: every one is checked, the strongest stays.
            for source in sources.reversed().compactMap({ $0 }) {
                do throws(OfficeError) {
                    if let value = try source.value(of: key) { try key.set(value, in: &reading.settings) }
                } catch { reading.problems.append(error.about(source.place(key))) }
            }
        }
        return reading
    }

    // MARK: The sources

    private func source(ofFlags reading: inout Reading) -> ConfigurationSource? {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var spellings: [String: String] = [:]
        for flag in flags {
            guard let key = ConfigurationKey.named(flag.key) else {
                let mend = ConfigurationKey.mend(forUnknown: flag.key)
                reading.problems.append(OfficeError(.configuration, flag.spelling, "there is no such key", mend: mend))
                continue
            }
            let content = key.isList ? ConfigContent.stringArray(Self.parts(of: flag.value)) : .string(flag.value)
            values[key.absolute] = ConfigValue(content, isSecret: false)
            spellings[key.name] = flag.spelling
        }
        let provider = InMemoryProvider(name: "flags", values: values)
        return ConfigurationSource(snapshot: provider.snapshot()) { [spellings] in spellings[$0.name] ?? $0.name }
    }

    private func source(ofEnvironment reading: inout Reading) -> ConfigurationSource? {
        let known = Set(ConfigurationKey.all.map(\.environmentName)).union(Self.foreignVariables + [Self.fileVariable])
        for name in environment.keys.sorted() where !known.contains(name) {
            let nearest = ConfigurationKey.nearest(toVariable: name)
            let mend = nearest.map { "Did you mean '\($0.environmentName)'?" } ?? "officeshare.yaml(5) lists them all."
            reading.problems.append(OfficeError(.configuration, name, "there is no such variable", mend: mend))
        }
        let provider = EnvironmentVariablesProvider(environmentVariables: environment)
        let scope = ConfigKey([ConfigurationKey.environmentScope])
        return ConfigurationSource(snapshot: provider.prefixKeys(with: scope).snapshot(), place: \.environmentName)
    }

    private func source(ofFile reading: inout Reading) async -> ConfigurationSource? {
        let path = namedFile ?? Self.defaultFile
        do throws(OfficeError) {
            guard let bytes = try await FileReading.contents(of: path, limit: Self.fileLimit) else {
                guard namedFile != nil else { return nil }
                throw OfficeError(
                    .configuration, path, "there is no such file", mend: "Name one that is there, or leave it out.")
            }
            reading.file = path
            let file = ConfigurationFile(path: path, bytes: bytes)
            reading.problems += file.problems
            let provider = InMemoryProvider(name: path, values: file.values)
            return ConfigurationSource(snapshot: provider.snapshot()) { [places = file.places] in
                places[$0.name] ?? path
            }
        } catch {
            reading.problems.append(error)
            return nil
        }
    }

    /// The values of a list on the command line, as the environment's are taken apart.
    private static func parts(of text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}
