import ArgumentParser

/// Which verb some arguments name.
enum CommandTree {
    /// The names of the verb that the arguments begin with: `["share", "add"]`.
    static func path(of arguments: [String]) -> [String] {
        var path: [String] = []
        var command: any ParsableCommand.Type = Officeshare.self
        for argument in arguments {
            guard let next = command.configuration.subcommands.first(where: { $0.name == argument }) else { break }
            command = next
            path.append(argument)
        }
        return path
    }

    /// What stands where a noun's verb should be, and is none.
    static func unknownVerb(in arguments: [String]) -> String? {
        let path = path(of: arguments)
        guard path.count < arguments.count, !arguments[path.count].hasPrefix("-") else { return nil }
        let command = path.reduce(Officeshare.self as any ParsableCommand.Type) { command, name in
            command.configuration.subcommands.first { $0.name == name } ?? command
        }
        return command.configuration.subcommands.isEmpty ? nil : arguments[path.count]
    }

    /// Moves the options that every verb takes from before the verb to behind it: `officeshare --json status`.
    static func verbFirst(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var rest = arguments[...]
        while let first = rest.first {
            let name = first.split(separator: "=", maxSplits: 1).first.map(String.init) ?? first
            guard let hasValue = GlobalOptions.leading[name] else { break }
            let isTwo = hasValue && name == first && rest.count > 1
            leading += rest.prefix(isTwo ? 2 : 1)
            rest = rest.dropFirst(isTwo ? 2 : 1)
        }
        let verb = path(of: Array(rest))
        return verb.isEmpty ? arguments : verb + leading + rest.dropFirst(verb.count)
    }
}

extension ParsableCommand {
    /// The name it is called by; every command of ours has one.
    static var name: String { configuration.commandName ?? "" }
}
