import Foundation
import OfficeLab
import Testing

/// The fault matrix of printing: whatever dies, is cut or fills up, each document comes out exactly once and as it was
/// wanted, or its state says truthfully why not. Every row is tried with a page and with 20 MB at once.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct PrintFaultTests {
    // MARK: The owner's side dies

    enum Moment: String, CaseIterable { case absent, arriving, pending, processing, completing }

    @Test(arguments: Moment.allCases)
    func theOwnersDaemonMayDieAtAnyMoment(_ moment: Moment) async throws {
        try await FaultyOffice.with { office in
            let (owner, sender) = (office.owner, office.sender)
            switch moment {
            case .absent: try await owner.killDaemon()
            case .arriving: try await sender.rate(megabits: 40)
            case .pending: try await office.forEachQueue("cupsdisable")
            case .processing, .completing: try office.set("busy", "")
            }
            let jobs = try await office.printAll()
            switch moment {
            case .absent: try await office.all(jobs, are: "waiting", because: "offline")
            case .arriving: try await office.arriving()
            case .pending: try await office.all(jobs, are: "pending")
            case .processing: try await office.begun()
            case .completing:
                try await office.begun()
                try office.set("busy", nil)
                let box = try office.box(.large)
                try await eventually("it comes out", every: .milliseconds(1)) { box.printed.count == 1 }
            }
            try await owner.killDaemon()
            try await sender.rate(megabits: nil)
            try await owner.startDaemon()
            switch moment {
            case .pending: try await office.forEachQueue("cupsenable")
            case .processing: try office.set("busy", nil)
            case .absent, .arriving, .completing: break
            }
            try await office.expectPrinted(jobs)
        }
    }

    enum Memory: String, CaseIterable {
        /// Debian's: what cupsd took in the last half minute is forgotten when it is killed.
        case late
        /// `DirtyCleanInterval 0`, as `doctor` recommends.
        case atOnce
    }

    enum End: String, CaseIterable {
        /// Killed alone; its backend prints on to the end, of which no cupsd ever hears.
        case orphanPrints
        /// Killed, and its backend ends with it.
        case orphanEnds
        /// As when it is upgraded.
        case politely
    }

    /// What CUPS forgot, or had in work when it ended, may have been printed or not: nobody can tell, and so it isn't
    /// printed again unasked, least of all by the cupsd that starts again.
    @Test(arguments: Memory.allCases, End.allCases)
    func theOwnersCUPSMayDieWhileItPrints(_ memory: Memory, _ end: End) async throws {
        try await FaultyOffice.with(cupsd: memory == .atOnce ? ["DirtyCleanInterval 0"] : []) { office in
            try office.set("busy", "")
            let jobs = try await office.printAll()
            try await office.all(jobs, are: "processing")
            try await office.begun()
            // The fault is a time: 2 s after it accepted.
            try await ContinuousClock().sleep(for: .seconds(2))
            try await office.owner.stop(.cups, by: end == .politely ? SIGTERM : SIGKILL)
            if end == .orphanPrints {
                try office.set("busy", nil)
                for paper in Paper.allCases {
                    let box = try office.box(paper)
                    try await eventually("\(paper) comes out of the orphan", within: promised(10)) {
                        box.printed.count == 1
                    }
                }
            } else {
                try await office.endOrphans()
            }
            try await office.owner.start(.cups)
            try await office.all(jobs, are: "stopped", because: "unknown: ")
            // What comes after them is printed, and by then they would have been printed before it.
            let later = try await office.printAll()
            try await office.all(later, are: "completed", within: 30)
            for paper in Paper.allCases {
                #expect(try office.box(paper).printed.count == (end == .orphanPrints ? 2 : 1))
            }
            for job in jobs.values {
                let change = end == .orphanPrints ? "cancel" : "reprint"
                try await office.sender.must("job", change, job, as: "alice")
            }
            try await office.all(jobs, are: end == .orphanPrints ? "canceled" : "completed", within: 30)
            for paper in Paper.allCases {
                #expect(try office.box(paper).printed.count == 2)
                try office.expectWanted(paper)
            }
            try await office.expectTidy()
        }
    }

    /// Jobs of the office and of the owner's own programs take turns, and a cupsd that dies between them prints none
    /// of the office's twice. Where no driver helps with that, the owner's go first.
    @Test(arguments: Paper.allCases) func theOwnersOwnJobsTakeTheirTurns(_ paper: Paper) async throws {
        try await FaultyOffice.with(cupsd: ["DirtyCleanInterval 0"]) { office in
            let (owner, box) = (office.owner, try office.box(paper))
            func printHere(_ title: String) async throws {
                try await owner.run(["lp", "-d", paper.queue, "-t", title, "/etc/hostname"]).checked()
            }
            try office.set("busy", "")
            try await printHere("own 1")
            try await eventually("it begins", within: promised(10)) { box.tries.count == 1 }
            let job = try await office.print(paper)
            try await eventually("it is at the gate", within: promised(20)) {
                try await owner.shell("lpstat -o").stdout.contains("\(paper.queue)@officeshare")
            }
            try await office.all([paper: job], are: "pending")
            try await printHere("own 2")
            try office.set("busy", nil)
            try await office.all([paper: job], are: "completed")
            try await eventually("all come out", within: promised(20)) { box.printed.count == 3 }
            #expect(
                box.titles
                    == (paper == .page ? ["own 1", "\(paper)", "own 2"] : ["own 1", "own 2", "\(paper)"]))
            try await office.expectTidy()
        }
    }

    /// A cupsd that keeps no history of what it printed (`PreserveJobHistory No`) has still said how it ended.
    @Test func theOwnersCUPSMayKeepNoHistory() async throws {
        try await FaultyOffice.with(cupsd: ["DirtyCleanInterval 0", "PreserveJobHistory No"]) { office in
            for _ in 1...2 {
                let jobs = try await office.printAll()
                try await office.all(jobs, are: "completed")
            }
            try office.set("busy", "")
            let jobs = try await office.printAll()
            try await office.all(jobs, are: "processing")
            for job in jobs.values { try await office.sender.must("job", "cancel", job, as: "alice") }
            try await office.all(jobs, are: "canceled")
            try await office.endOrphans()
            for paper in Paper.allCases { #expect(try office.box(paper).printed.count == 2) }
            try await office.expectTidy()
        }
    }

    // MARK: The sender's side dies

    enum Victim: String, CaseIterable { case daemon, cups, cupsPolitely }

    /// Two ways to print: by `print`, and by a program through the local queue.
    @Test(arguments: Victim.allCases)
    func whoSentMayDieWhileTheOwnerPrints(_ victim: Victim) async throws {
        try await FaultyOffice.with { office in
            let sender = office.sender
            try office.set("busy", "")
            let jobs = try await office.printAll()
            try await office.begun()
            for paper in Paper.allCases { try await office.printByProgram(paper) }
            try await eventually("the owner has all four", within: promised(30)) {
                try await office.owner.ask("jobs", of: [PrintJob].self).count == 4
            }
            switch victim {
            case .daemon:
                try await sender.killDaemon()
                try await sender.startDaemon()
                // Sees its own local queues, and the jobs in them.
                try await eventually("pc1 is seen", within: promised(10)) {
                    try await sender.members().allSatisfy(\.online)
                }
            case .cups, .cupsPolitely:
                try await sender.stop(.cups, by: victim == .cups ? SIGKILL : SIGTERM)
                try await sender.start(.cups)
            }
            try office.set("busy", nil)
            try await office.all(jobs, are: "completed", within: 30)
            let all = Set(try await office.owner.jobs().map(\.id))
            for job in all { try await sender.eventuallyJob(job, is: "completed", as: "alice", within: 30) }
            #expect(all.count == 4)
            try await eventually("the local queues are empty", within: promised(30)) {
                try await sender.shell("lpstat -o").lines.isEmpty
            }
            for paper in Paper.allCases {
                #expect(try office.box(paper).printed.count == 2)
                try office.expectWanted(paper)
            }
            try await office.expectTidy()
        }
    }

    /// A program's document that the endpoint had half of: CUPS stops such a queue for good.
    @Test func theSendersDaemonMayDieWhileAProgramPrints() async throws {
        try await FaultyOffice.with { office in
            let sender = office.sender
            try await office.printByProgram(.large)
            try await office.arriving(at: sender, "spool-submitted")
            try await sender.killDaemon()
            try await sender.startDaemon()
            try await eventually("it is printed", within: promised(40)) {
                try await office.owner.jobs().map(\.state) == ["completed"]
            }
            #expect(try office.box(.large).printed.count == 1)
            try office.expectWanted(.large)
            try await eventually("the local queue is empty", within: promised(30)) {
                try await sender.shell("lpstat -o").lines.isEmpty
            }
            try await office.expectTidy()
        }
    }

    // MARK: The network

    /// What is canceled or held on its way counts, whatever the owner had of it by then.
    @Test func whatIsChangedInMidDocumentIsNotPrintedAllTheSame() async throws {
        try await FaultyOffice.with { office in
            let (owner, sender, box) = (office.owner, office.sender, try office.box(.large))
            try await sender.rate(megabits: 40)
            let canceled = try await office.print(.large)
            try await office.arriving()
            try await sender.must("job", "cancel", canceled, as: "alice")
            try await sender.rate(megabits: nil)
            try await eventually("it is canceled there too", within: promised(10)) {
                try await owner.job(canceled)?.state == "canceled"
            }
            try await office.all([.large: canceled], are: "canceled")
            try await sender.rate(megabits: 40)
            let held = try await office.print(.large)
            try await office.arriving()
            try await sender.must("job", "hold", held, as: "alice")
            try await sender.rate(megabits: nil)
            let page = try await office.print(.page)
            try await office.all([.page: page], are: "completed")
            try await office.all([.large: held], are: "held")
            #expect(box.tries.isEmpty)
            try await sender.must("job", "release", held, as: "alice")
            try await office.expectPrinted([.page: page, .large: held])
        }
    }

    enum Cut: String, CaseIterable {
        case cable, silent
        var cut: LabHost.Cut { self == .cable ? .cable : .silent }
    }

    @Test(arguments: Cut.allCases)
    func theCableMayBePulledInMidDocument(_ cut: Cut) async throws {
        try await FaultyOffice.with { office in
            let sender = office.sender
            try await sender.rate(megabits: 40)
            let jobs = try await office.printAll()
            try await office.arriving()
            try await sender.cutLink(cut.cut)
            try await eventually("pc2 sees pc1 away", within: promised(10)) {
                try await sender.members().first { $0.name == "pc1" }?.online == false
            }
            try await sender.plugLink()
            try await sender.rate(megabits: nil)
            try await office.expectPrinted(jobs)
        }
    }
}
