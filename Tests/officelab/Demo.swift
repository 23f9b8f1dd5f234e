internal import ArgumentParser
internal import Foundation
internal import OfficeCore
internal import OfficeLab

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows an office of three hosts: found, joined, shared, fetched, refused, printed, taken down.")

    @Option(help: "The folder with officeshare and officeshared.") var binaries: String?

    func run() async throws {
        let binaries = binaries
        try await Interruption.cancelling { try await Play(binaries: binaries).perform() }
    }
}

/// The demo, scene by scene. Each checks what it shows: a demo that lies is worse than none.
private struct Play {
    let binaries: String?
    private let say = Narration()

    init(binaries: String?) { self.binaries = binaries }

    func perform() async throws {
        say.step("Raising three hosts: each with its own network, files, users, avahi, CUPS, officeshared")
        let say = say
        let plans = ["pc1", "pc2", "pc3"].map { HostPlan($0, cups: true) }
        try await Lab.with(plans, options: .init(binaries: binaries, narrate: { say.note($0) })) { lab in
            try await found(lab)
            try await share(lab["pc1"])
            try await browseAndFetch(from: lab["pc1"], to: lab["pc2"])
            try await refuse(on: lab["pc3"])
            try await print(from: lab["pc2"], on: lab["pc1"])
            say.step("Taking everything down")
        }
        say.held("nothing is left: no process, no mount, no network, no file")
    }

    private func found(_ lab: Lab) async throws {
        say.step("An office is founded on pc1; pc2 and pc3 join it by a code")
        try await type(["office", "create", "Acme"], on: lab["pc1"])
        for host in [lab["pc2"], lab["pc3"]] {
            struct Invitation: Decodable { let code: String }
            let arguments = ["office", "invite", "--json"]
            let invitation: Invitation = try await lab["pc1"].officeshare(arguments).json()
            say.command(["officeshare", "office", "invite"], by: "root", on: "pc1")
            say.note(invitation.code)
            try await type(["office", "join", invitation.code], on: host)
        }
        try await eventually("all three see each other") {
            struct Member: Decodable { let online: Bool }
            let members: [Member] = try await lab["pc3"].officeshare(["office", "members", "--json"]).json()
            return members.count == 3 && members.allSatisfy(\.online)
        }
        try await type(["office", "members"], on: lab["pc3"])
    }

    private func share(_ pc1: LabHost) async throws {
        say.step("alice on pc1 shares a folder: this machine's own documentation, and a large file")
        let script = """
            cp -r --no-dereference --preserve=mode,timestamps,links /usr/share/doc docs
            head -c 512M /dev/urandom >docs/video.bin
            find docs | wc -l; du -sh docs | cut -f1
            """
        let made = try await pc1.shell(script, as: "alice").checked().lines
        say.note("\(made.first ?? "?") files, links and folders, \(made.last ?? "?")")
        try await type(["share", "add", "docs", "--allow", "alice@pc2"], as: "alice", on: pc1)
    }

    private func browseAndFetch(from pc1: LabHost, to pc2: LabHost) async throws {
        say.step("alice on pc2 sees it, and fetches it")
        try await eventually("pc2 sees the share") {
            try await pc2.officeshare(["ls"], as: "alice").stdout.contains("docs")
        }
        try await type(["ls"], as: "alice", on: pc2)
        say.command(["officeshare", "ls", "-l", "pc1/docs", "|", "tail", "-n", "5"], by: "alice", on: "pc2")
        say.output(try await pc2.shell("officeshare ls -l pc1/docs | tail -n 5", as: "alice").checked().stdout)

        say.command(["officeshare", "get", "-r", "pc1/docs/", "copy"], by: "alice", on: "pc2")
        let exit = try await pc2.show(["officeshare", "get", "-r", "pc1/docs/", "copy"], as: "alice")
        guard exit == .status(0) else { throw OfficeError(.fault, "officeshare get", "it ended with \(exit)") }
        let difference = try await Command.run(
            ["diff", "-r", "--no-dereference", pc1.path("/home/alice/docs"), pc2.path("/home/alice/copy")],
            timeout: .seconds(300))
        guard difference.status == 0 else {
            throw OfficeError(.fault, "the copy", "it isn't what was shared: \(difference.stdout.prefix(2000))")
        }
        say.held("diff -r finds no difference between the two hosts' folders")
    }

    private func refuse(on pc3: LabHost) async throws {
        say.step("bob on pc3 wasn't given it")
        let arguments = ["get", "-r", "pc1/docs/", "copy"]
        say.command(["officeshare"] + arguments, by: "bob", on: "pc3")
        let refused = try await pc3.officeshare(arguments, as: "bob")
        say.output(refused.stderr)
        guard [66, 77].contains(refused.status), !pc3.exists("/home/bob/copy") else {
            throw OfficeError(.fault, "the refusal", "there was none: \(refused)")
        }
        say.held("exit status \(refused.status), and not a byte of it on pc3")
    }

    private func print(from pc2: LabHost, on pc1: LabHost) async throws {
        say.step("pc1 shares its printer; alice prints on it from pc2, by the command and by lp, as any program does")
        try await pc1.addPrinter("laser")
        try await type(["printer", "share", "laser"], on: pc1)
        try await eventually("pc2 has the printer, and its CUPS a queue for it") {
            try await pc2.run(["lpstat", "-v", "pc1_laser"]).status == 0
        }
        try await type(["printers"], as: "alice", on: pc2)
        try await type(["print", "/etc/services", "--copies", "2", "--wait"], as: "alice", on: pc2)
        say.step("pc1 goes away; what is printed meanwhile waits on pc2's disk")
        try await pc1.stopDaemon()
        say.command(["lp", "-d", "pc1_laser", "/etc/hosts"], by: "alice", on: "pc2")
        say.output(try await pc2.run(["lp", "-d", "pc1_laser", "/etc/hosts"], as: "alice").checked().stdout)
        try await eventually("the job waits") {
            try await pc2.officeshare(["jobs"], as: "alice").stdout.contains("waiting")
        }
        try await type(["jobs"], as: "alice", on: pc2)
        try await pc1.startDaemon()
        let box = try pc1.box("laser")
        try await eventually("it is printed", within: .seconds(60)) { box.printed.count == 2 }
        try await type(["jobs", "--all"], as: "alice", on: pc2)
        say.held("two documents came out of pc1's printer, each once")
    }

    /// Types an officeshare command and shows what it answers.
    private func type(_ arguments: [String], as user: String? = nil, on host: LabHost) async throws {
        say.command(["officeshare"] + arguments, by: user ?? "root", on: host.name)
        let output = try await host.officeshare(arguments, as: user).checked()
        say.output(output.stdout + output.stderr)
    }
}
