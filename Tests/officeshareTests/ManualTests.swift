import ArgumentParser
import Foundation
import Testing

@testable import OfficeCommands

/// The manual page and the command line tell of the same commands and options.
@Suite("The manual page")
struct ManualTests {
    @Test("has every command with every option of it, and no other")
    func same() throws {
        let commands = try Self.commands()
        let manual = try Manual()
        #expect(commands.count > 20)
        #expect(Set(manual.items.keys) == Set(commands.keys))
        for (name, options) in commands {
            var told = manual.items[name, default: []].union(manual.common)
            if ["get", "put", "sync"].contains(name) { told.formUnion(manual.transfers) }
            #expect(told == options, "\(name)")
        }
    }

    // MARK: The commands as the parser has them

    private struct Dump: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable { let kind: String, name: String }
            let names: [Name]?, shouldDisplay: Bool
        }
        struct Command: Decodable {
            let commandName: String, subcommands: [Command]?, arguments: [Argument]?
        }
        let command: Command
    }

    /// The options of every verb, by its whole name: `office admin add`.
    private static func commands() throws -> [String: Set<String>] {
        let dump = try JSONDecoder().decode(Dump.self, from: Data(Officeshare._dumpHelp().utf8))
        var found: [String: Set<String>] = [:]
        func visit(_ command: Dump.Command, _ path: [String]) {
            let verbs = (command.subcommands ?? []).filter { $0.commandName != "help" }
            for verb in verbs { visit(verb, path + [verb.commandName]) }
            guard verbs.isEmpty else { return }
            let names = (command.arguments ?? []).filter(\.shouldDisplay).flatMap { $0.names ?? [] }
            found[path.joined(separator: " ")] = Set(
                names.map { ($0.kind == "long" ? "--" : "-") + $0.name } + ["--help", "-h", "--version"])
        }
        visit(dump.command, [])
        return found
    }
}

/// What docs/man/officeshare.1 says, as mdoc(7) has it.
private struct Manual {
    /// The options named at each command.
    var items: [String: Set<String>] = [:]
    /// Those of every command, and those of get, put and sync.
    var common: Set<String> = []
    var transfers: Set<String> = []

    init() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/man/officeshare.1")
        let text = try String(contentsOf: page, encoding: .utf8)
        let body = text.components(separatedBy: ".Ss Options of every command")[1].components(separatedBy: "\n.Sh ")[0]
        for list in body.components(separatedBy: "\n.Bl ").dropFirst() {
            for item in list.components(separatedBy: "\n.El")[0].components(separatedBy: "\n.It ").dropFirst() {
                let isShared = item.hasPrefix("Fl")
                let options = Self.options(in: isShared ? Self.head(item) : item)
                if isShared {
                    if items.isEmpty { common.formUnion(options) } else { transfers.formUnion(options) }
                } else {
                    for name in Self.names(Self.head(item)) { items[name, default: []].formUnion(options) }
                }
            }
        }
    }

    /// The line of an item, or the lines between `Xo` and `Xc`, as words.
    private static func head(_ item: String) -> String {
        let isLong = item.hasPrefix("Xo\n")
        let head = String(isLong ? item.components(separatedBy: "\n.Xc")[0].dropFirst(3) : item.prefix { $0 != "\n" })
        return head.replacing("\n.", with: " ").replacing(/^\./, with: "")
    }

    /// `Cm office admin Cm add | rm Ar node`: the commands that an item is about.
    private static func names(_ head: String) -> [String] {
        let words = head.split(separator: " ").map(String.init)
        let macros: Set = ["Ar", "Op", "Oo", "Fl"]
        let names = words.prefix { !macros.contains($0) }.filter { $0 != "Cm" }
        guard let bar = names.firstIndex(of: "|") else { return [names.joined(separator: " ")] }
        // What stands at a choice of arguments is no command.
        let before = Array(names[..<(bar - 1)])
        guard before != ["completions"] else { return [before.joined(separator: " ")] }
        return names[(bar - 1)...].filter { $0 != "|" }.map { (before + [$0]).joined(separator: " ") }
    }

    /// `Fl -json`, `Fl q , -quiet`, `Fl -rw | -ro`: the options that a text names.
    private static func options(in text: String) -> Set<String> {
        var options: Set<String> = []
        for match in text.matches(of: /Fl ((?:-?[a-zA-Z][-a-zA-Z]*)(?: [,|] -[-a-z]+)*)/) {
            for name in match.1.split(separator: " ") where name != "," && name != "|" { options.insert("-\(name)") }
        }
        return options
    }
}
