internal import ArgumentParser
internal import OfficeCore
internal import OfficeLab

/// `officelab`: the lab for people: an office on this machine to try things in, the demo and the bench.
@main
struct OfficeLabTool: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "officelab",
        abstract: "Raises an office of real hosts on this machine, in network namespaces.",
        subcommands: [Raise.self, Demo.self, Bench.self, Clean.self])
}
