import ArgumentParser
import OfficeConfiguration

/// The flags by which the configuration can be given: the usual ones, and `--set` for every key there is.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String?

    @Option(name: .long, help: ArgumentHelp("This node's name before it is in an office.", valueName: "name"))
    var name: String?

    @Option(name: .long, help: ArgumentHelp("The TCP port for members.", valueName: "port"))
    var port: String?

    @Option(
        name: .long,
        help: ArgumentHelp("An address to serve members on. Can be given several times.", valueName: "address"))
    var listen: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("A node to try besides those found. Can be given several times.", valueName: "host[:port]"))
    var peer: [String] = []

    @Option(name: .long, help: ArgumentHelp("Where the node keeps its key and state.", valueName: "directory"))
    var stateDirectory: String?

    @Option(name: .long, help: ArgumentHelp("The control socket.", valueName: "path"))
    var controlSocket: String?

    @Option(name: .long, help: ArgumentHelp("The least that is logged.", valueName: "level"))
    var logLevel: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Any key of officeshare.yaml(5), as limits.shares=10; lists separated by commas.", valueName: "key=value"))
    var set: [Assignment] = []

    /// In the order of precedence: the last of two for one key counts, as people expect of flags.
    var flags: [SettingsReader.Flag] {
        let usual: [(String, String, String?)] = [
            ("--name", "name", name),
            ("--port", "port", port),
            ("--listen", "listenAddresses", listen.isEmpty ? nil : listen.joined(separator: ",")),
            ("--peer", "peers", peer.isEmpty ? nil : peer.joined(separator: ",")),
            ("--state-directory", "stateDirectory", stateDirectory),
            ("--control-socket", "controlSocket", controlSocket),
            ("--log-level", "logLevel", logLevel),
        ]
        return usual.compactMap { spelling, key, value in
            value.map { SettingsReader.Flag(spelling: spelling, key: key, value: $0) }
        } + set.map { SettingsReader.Flag(spelling: "--set \($0.key)", key: $0.key, value: $0.value) }
    }
}

/// `KEY=VALUE`.
struct Assignment: ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[0].isEmpty else { return nil }
        key = String(halves[0])
        value = String(halves[1])
    }
}
