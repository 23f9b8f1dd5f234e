internal import ArgumentParser
internal import OfficeLab

struct Clean: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes what killed labs left behind: folders with their logs.",
        discussion: "Processes, mounts and networks of a lab end with it by themselves, even by kill -9.")

    func run() {
        let removed = Leftovers.clean()
        for directory in removed { print("removed \(directory)") }
        if removed.isEmpty { print("nothing was left behind") }
    }
}
