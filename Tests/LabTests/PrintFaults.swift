import Foundation
import OfficeLab
import Testing

/// What the fault matrix prints: on which of pc1's queues, and how large it is.
enum Paper: String, CaseIterable, CustomTestStringConvertible {
    /// Text for `laser`, which CUPS filters into pages.
    case page
    /// 20 MB (or what `LAB_PRINT_MEGABYTES` says) for `raw`, which takes bytes as they are.
    case large

    private static let megabytes =
        ProcessInfo.processInfo.environment["LAB_PRINT_MEGABYTES"].flatMap { Int($0) } ?? 20

    var queue: String { self == .page ? "laser" : "raw" }
    var bytes: Int { self == .page ? 1_000 : megabytes << 20 }
    /// Of the page too little to count.
    var megabytes: Int { self == .page ? 0 : Self.megabytes }
    var path: String { "/home/alice/\(rawValue)" }
    var testDescription: String { rawValue }

    /// How it is wanted. What prints it twice, or not so, is caught by `expectPrinted`.
    var options: [String] {
        self == .page ? ["--copies", "2", "--duplex=short", "--media", "A4"] : ["--copies", "2"]
    }
}

/// An office whose pc1 shares `laser` (which filters) and `raw` (which doesn't), and alice of pc2 with a document for
/// each. pc1's are the printers, pc2 is who prints.
struct FaultyOffice {
    let lab: Lab
    let (owner, sender): (LabHost, LabHost)

    /// - Parameters:
    ///   - cupsd: Lines for the owner's cupsd.conf.
    ///   - disk: A folder that is a disk of its own.
    static func with(
        cupsd: [String] = [], disk: Disk? = nil, _ body: (FaultyOffice) async throws -> Void
    ) async throws {
        let plans = [HostPlan("pc1", cups: true), HostPlan("pc2", cups: true)]
        try await Lab.with(plans, failed: { Verdict.current?.failed ?? false }) { lab in
            let office = FaultyOffice(lab: lab, owner: lab["pc1"], sender: lab["pc2"])
            try await office.raise(cupsd: cupsd, disk: disk)
            try await body(office)
        }
    }

    /// A disk of its own, small enough to be filled.
    struct Disk {
        let host: String, folder: String, megabytes: Int, user: String
        var isOfCUPS: Bool { folder.hasPrefix("/var/spool/cups") }
    }

    private func raise(cupsd: [String], disk: Disk?) async throws {
        if !cupsd.isEmpty {
            try await owner.stop(.cups)
            try await owner.shell("printf '%s\\n' '\(cupsd.joined(separator: "' '"))' >> /etc/cups/cupsd.conf")
                .checked()
            try await owner.start(.cups)
        }
        if let disk {
            let host = lab[disk.host]
            try await host.stopDaemon()
            if disk.isOfCUPS { try await host.stop(.cups) }
            try await host.mountTmpfs(at: disk.folder, megabytes: disk.megabytes, owner: disk.user)
            if disk.isOfCUPS { try await host.start(.cups) }
            try await host.startDaemon()
        }
        try await lab.foundOffice()
        try await addPrinters()
        for paper in Paper.allCases {
            try await owner.must("printer", "share", paper.queue)
            try sender.writeDocument(paper.path, "\(paper)", bytes: paper.bytes, owner: "alice")
        }
        // Debian's cupsd writes its queues down late, too: one that is killed would forget them.
        if cupsd.isEmpty { try await owner.restart(.cups) }
        try await eventually("pc2 has the printers", within: promised(5)) { try await sender.printers().count == 2 }
    }

    func addPrinters() async throws {
        for paper in Paper.allCases { try await owner.addPrinter(paper.queue, isRaw: paper == .large) }
    }

    // MARK: Printing

    /// Prints as alice; returns the job's id.
    func print(_ paper: Paper) async throws -> String {
        let words = ["print", paper.path, "--to", "pc1/\(paper.queue)", "--json"] + paper.options
        let printed = try await sender.officeshare(words, as: "alice").json(Printed.self)
        return try #require(printed.jobs.first).id
    }

    /// Prints one of each.
    func printAll() async throws -> [Paper: String] {
        var jobs: [Paper: String] = [:]
        for paper in Paper.allCases { jobs[paper] = try await print(paper) }
        return jobs
    }

    /// Prints as a program of alice's does, by the local queue of pc2.
    func printByProgram(_ paper: Paper) async throws {
        let queue = "pc1_\(paper.queue)"
        try await eventually("CUPS on pc2 has \(queue)", within: promised(20)) {
            try await sender.shell("lpstat -e").lines.contains(queue)
        }
        let options = paper == .page ? ["-o", "sides=two-sided-short-edge", "-o", "media=A4"] : ["-o", "raw"]
        try await sender.run(
            ["lp", "-d", queue, "-n", "2", "-t", "\(paper)"] + options + [paper.path], as: "alice"
        ).checked()
    }

    /// Ends what a cupsd that was killed has left running, before it has printed anything.
    func endOrphans() async throws {
        try set("exit", "1")
        try set("busy", nil)
        try await eventually("no backend is left", within: promised(5)) {
            try await owner.shell("pgrep -f 'sh osbox:|backend/osbox'").status == 1
        }
        try set("exit", nil)
    }

    func box(_ paper: Paper) throws -> Box { try owner.box(paper.queue) }

    /// Sets one of `busy`, `exit` and `say` (`BoxBackend`) on both printers, or takes it away.
    func set(_ name: String, _ text: String?) throws {
        for paper in Paper.allCases { try box(paper).set(name, text) }
    }

    /// Runs a command of CUPS's for both queues at the owner.
    func forEachQueue(_ command: String) async throws {
        for paper in Paper.allCases { try await owner.run([command, paper.queue]).checked() }
    }

    /// Waits until both printers have begun.
    func begun() async throws {
        for paper in Paper.allCases {
            let box = try box(paper)
            try await eventually("\(paper.queue) begins", within: promised(20)) { !box.tries.isEmpty }
        }
    }

    /// Waits until each job is in this state for who sent it.
    func all(
        _ jobs: [Paper: String], are state: String, because reason: String? = nil, within seconds: Double = 20
    ) async throws {
        for (paper, job) in jobs {
            try await sender.eventuallyJob(job, is: state, as: "alice", within: seconds)
            guard let reason else { continue }
            try await eventually("\(paper) says '\(reason)'", within: promised(5)) {
                try await sender.job(job, as: "alice")?.reasons.first?.contains(reason) == true
            }
        }
    }

    /// Waits until the document begins to arrive in a spool; the owner's without a host.
    func arriving(at host: LabHost? = nil, _ spool: String = "spool-received") async throws {
        let folder = URL(fileURLWithPath: (host ?? owner).path("/var/lib/officeshare/\(spool)"))
        try await eventually("the document arrives", within: promised(10), every: .milliseconds(1)) {
            try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.fileSizeKey])
                .contains { file in
                    let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
                    return file.pathExtension == "part" && size > 1 << 20
                }
        }
    }

    // MARK: What has to be true

    /// Waits for the end of all, and expects that each came out exactly once, as it was wanted, and that everybody
    /// says so.
    func expectPrinted(_ jobs: [Paper: String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for (paper, job) in jobs { try await expectPrinted(job, paper, sourceLocation: sourceLocation) }
        try await expectTidy(sourceLocation: sourceLocation)
    }

    private func expectPrinted(_ job: String, _ paper: Paper, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        try await sender.eventuallyJob(job, is: "completed", as: "alice", within: 30)
        let box = try box(paper)
        #expect(box.printed.count == 1, sourceLocation: sourceLocation)
        try expectWanted(paper, sourceLocation: sourceLocation)
        try await eventually("the owner says so too", within: promised(5)) {
            try await owner.job(job)?.state == "completed"
        }
    }

    /// That the latest of what came out is the document, with its options once applied.
    func expectWanted(_ paper: Paper, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let box = try box(paper)
        let number = try #require(box.printed.last, sourceLocation: sourceLocation)
        let arguments = try #require(box.arguments(number), sourceLocation: sourceLocation)
        #expect(
            Array(arguments[1...3]) == ["alice@pc2", "\(paper)", "2"], "\(arguments)", sourceLocation: sourceLocation)
        switch paper {
        case .page:
            #expect(arguments[4].contains("sides=two-sided-short-edge"), sourceLocation: sourceLocation)
        case .large:
            let sent = try sender.read(paper.path)
            #expect(box.document(number).map { Data($0) } == sent, sourceLocation: sourceLocation)
        }
    }

    /// That nothing waits any more, and that no document is left but the owner's, kept for `reprint`.
    func expectTidy(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for host in lab.hosts {
            #expect(try await host.ask("jobs", of: [PrintJob].self).isEmpty, sourceLocation: sourceLocation)
        }
        let left = try await sender.shell("ls /var/lib/officeshare/spool-submitted").lines
        #expect(left.isEmpty, "\(left)", sourceLocation: sourceLocation)
        let halves = try await owner.shell("ls /var/lib/officeshare/spool-received | grep part").lines
        #expect(halves.isEmpty, "\(halves)", sourceLocation: sourceLocation)
        let inCUPS = try await owner.shell("lpstat -o").lines
        #expect(inCUPS.isEmpty, "\(inCUPS)", sourceLocation: sourceLocation)
    }
}
