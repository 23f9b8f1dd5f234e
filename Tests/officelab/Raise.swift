internal import ArgumentParser
internal import Foundation
internal import OfficeCore
internal import OfficeLab

struct Raise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Raises hosts, says how to enter them, and takes them down at Ctrl-C or end of input.")

    @Argument(help: "The hosts' names.") var hosts = ["pc1", "pc2", "pc3"]
    @Option(help: "The folder with officeshare and officeshared.") var binaries: String?
    @Flag(help: "Raise the hosts alone, without officeshared.") var bare = false
    @Flag(help: "Start cupsd too.") var cups = false

    func run() async throws {
        let plans = hosts.map { HostPlan($0, cups: cups, daemon: !bare) }
        let lab = try await Lab.raise(plans, options: .init(binaries: binaries))
        for host in lab.hosts {
            print("\(host.name)  \(host.address)  nsenter -t \(host.pid) -a su - alice")
        }
        print("logs: \(lab.directory)\nCtrl-C takes the office down.")
        fflush(nil)
        await Interruption.wait()
        await lab.lower()
    }
}
