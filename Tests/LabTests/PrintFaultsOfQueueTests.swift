import Foundation
import OfficeLab
import Testing

/// The fault matrix of printing, continued: printers that stop, queues that are paused or go, disks that are full, and
/// the order of what waits.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct PrintFaultsOfQueueTests {
    // MARK: Printers and queues

    enum Trouble: String, CaseIterable {
        /// The printer fails, and CUPS stops its queue.
        case stops
        /// Somebody pauses the queue before, or while it prints.
        case paused, pausedWhilePrinting
        /// The queue takes no jobs.
        case rejects

        /// What the sender sees meanwhile.
        var state: String { self == .rejects ? "waiting" : "pending" }
        var reason: String? {
            switch self {
            case .rejects: "not accepting"
            // A queue that is let go on before it was seen to stop is one whose printer failed: tried again in 30 s.
            case .stops: "printer-stopped"
            case .paused, .pausedWhilePrinting: nil
            }
        }
    }

    @Test(arguments: Trouble.allCases)
    func whatAPrinterKeepsBackIsPrintedOnceLater(_ trouble: Trouble) async throws {
        try await FaultyOffice.with { office in
            switch trouble {
            case .stops: try office.set("exit", "4")
            case .paused: try await office.forEachQueue("cupsdisable")
            case .pausedWhilePrinting: try office.set("busy", "")
            case .rejects: try await office.forEachQueue("cupsreject")
            }
            let jobs = try await office.printAll()
            if trouble == .pausedWhilePrinting {
                try await office.begun()
                try await office.forEachQueue("cupsdisable")
                try office.set("busy", nil)
            }
            try await office.all(jobs, are: trouble.state, because: trouble.reason)
            for paper in Paper.allCases { #expect(try office.box(paper).printed.isEmpty) }
            if trouble == .stops { try office.set("exit", nil) }
            try await office.forEachQueue(trouble == .rejects ? "cupsaccept" : "cupsenable")
            try await office.expectPrinted(jobs)
        }
    }

    /// The queue's error policy holds although CUPS gets the job by a class, which has none.
    @Test(arguments: ["stop-printer", "abort-job", "retry-current-job"])
    func whatAPrinterFailsToPrintGoesByItsQueuesPolicy(_ policy: String) async throws {
        try await FaultyOffice.with { office in
            for paper in Paper.allCases {
                try await office.owner.run(["lpadmin", "-p", paper.queue, "-o", "printer-error-policy=\(policy)"])
                    .checked()
            }
            try office.set("exit", "1")
            let jobs = try await office.printAll()
            switch policy {
            case "stop-printer": try await office.all(jobs, are: "pending", because: "printer-stopped")
            case "abort-job": try await office.all(jobs, are: "aborted", because: "error policy")
            default:
                for paper in Paper.allCases {
                    let box = try office.box(paper)
                    try await eventually("\(paper) is tried again", within: promised(20)) { box.tries.count > 2 }
                }
            }
            for paper in Paper.allCases { #expect(try office.box(paper).printed.isEmpty) }
            try office.set("exit", nil)
            if policy == "stop-printer" { try await office.forEachQueue("cupsenable") }
            if policy == "abort-job" {
                for job in jobs.values { try await office.sender.must("job", "reprint", job, as: "alice") }
            }
            try await office.expectPrinted(jobs)
        }
    }

    enum Holder: String, CaseIterable { case backend, owner }

    /// What is held with CUPS's own means is told as held, and printed when it is released by the office's.
    @Test(arguments: Holder.allCases)
    func whatIsHeldInCUPSIsPrintedOnceItIsReleased(_ holder: Holder) async throws {
        try await FaultyOffice.with { office in
            switch holder {
            case .backend: try office.set("exit", "3")
            case .owner: try await office.forEachQueue("cupsdisable")
            }
            let jobs = try await office.printAll()
            if holder == .owner {
                try await office.all(jobs, are: "pending", because: "printer-stopped")
                try await office.owner.shell(
                    "for each in $(lpstat -o | cut -d' ' -f1); do lp -i ${each##*-} -H hold; done"
                )
                .checked()
            }
            try await office.all(jobs, are: "held")
            try office.set("exit", nil)
            if holder == .owner { try await office.forEachQueue("cupsenable") }
            for job in jobs.values { try await office.sender.must("job", "release", job, as: "alice") }
            try await office.expectPrinted(jobs)
        }
    }

    /// CUPS stops what it prints when its queue is deleted; that and what waits is printed when the queue is there again.
    @Test func aQueueMayGoAndComeBack() async throws {
        try await FaultyOffice.with { office in
            try office.set("busy", "")
            let first = try await office.printAll()
            try await office.begun()
            let second = try await office.printAll()
            try await office.all(second, are: "pending")
            for paper in Paper.allCases { try await office.owner.run(["lpadmin", "-x", paper.queue]).checked() }
            try await office.all(first, are: "waiting", because: "does not exist")
            try await office.endOrphans()
            for paper in Paper.allCases { #expect(try office.box(paper).printed.isEmpty) }
            try await office.addPrinters()
            for jobs in [first, second] { try await office.all(jobs, are: "completed", within: 30) }
            for paper in Paper.allCases { #expect(try office.box(paper).printed.count == 2) }
            try await office.expectTidy()
        }
    }

    // MARK: Disks

    @Test(arguments: ["/var/lib/officeshare/spool-submitted", "/var/lib/officeshare"])
    func aFullDiskAtTheSenderIsSaidAtOnce(_ folder: String) async throws {
        let disk = FaultyOffice.Disk(host: "pc2", folder: folder, megabytes: 12, user: "officeshare")
        try await FaultyOffice.with(disk: disk) { office in
            let words = ["print", Paper.large.path, "--to", "pc1/raw"]
            let refused = try await office.sender.officeshare(words, as: "alice")
            expectRefusal(refused, 74)
            #expect(try await office.sender.jobs(as: "alice").isEmpty)
            // What fits is taken, and nothing of the other is left.
            let job = try await office.print(.page)
            try await office.all([.page: job], are: "completed")
            #expect(try office.box(.large).tries.isEmpty)
            try await office.expectTidy()
        }
    }

    enum OwnersDisk: String, CaseIterable {
        case spool = "/var/lib/officeshare/spool-received"
        case cups = "/var/spool/cups"
        /// Its records lie there, too.
        case state = "/var/lib/officeshare"
    }

    @Test(arguments: OwnersDisk.allCases)
    func whatTheOwnersDiskHasNoRoomForWaits(_ full: OwnersDisk) async throws {
        let disk = FaultyOffice.Disk(
            host: "pc1", folder: full.rawValue, megabytes: Paper.large.megabytes + 28,
            user: full == .cups ? "root" : "officeshare")
        try await FaultyOffice.with(disk: disk) { office in
            let filler = "\(full.rawValue)/filler"
            let filled = Paper.large.megabytes + 20
            try await office.owner.shell("head -c \(filled)M /dev/zero > \(filler); chmod 600 \(filler)").checked()
            let large = try await office.print(.large)
            try await office.all([.large: large], are: "waiting", because: "full")
            // Said once, not flickering.
            let before = try await office.sender.job(large, as: "alice")
            let page = try await office.print(.page)
            try await office.all([.page: page], are: "completed")
            #expect(try await office.sender.job(large, as: "alice") == before)
            try await office.owner.run(["rm", filler]).checked()
            try await office.expectPrinted([.page: page, .large: large])
        }
    }

    /// Not a byte for a record: how jobs stand is told late, and right.
    @Test func theOwnersRecordsMayFindNoRoom() async throws {
        let folder = "/var/lib/officeshare"
        let disk = FaultyOffice.Disk(
            host: "pc1", folder: folder, megabytes: 2 * Paper.large.megabytes + 28, user: "officeshare")
        try await FaultyOffice.with(disk: disk) { office in
            try office.set("busy", "")
            let first = try await office.printAll()
            try await office.all(first, are: "processing")
            // dd says that there is no room, which is what is wanted.
            let filler = "\(folder)/filler"
            try await office.owner.shell(
                "dd if=/dev/zero of=\(filler) bs=64k; dd if=/dev/zero of=\(filler)2 bs=512; true"
            )
            .checked()
            try office.set("busy", nil)
            for paper in Paper.allCases {
                let box = try office.box(paper)
                try await eventually("\(paper) comes out", within: promised(20)) { box.printed.count == 1 }
            }
            let second = try await office.printAll()
            try await office.all(second, are: "waiting")
            try await office.owner.shell("rm \(filler) \(filler)2").checked()
            for jobs in [first, second] { try await office.all(jobs, are: "completed", within: 30) }
            for paper in Paper.allCases { #expect(try office.box(paper).printed.count == 2) }
            try await office.expectTidy()
        }
    }

    // MARK: Order

    enum Deed: String, CaseIterable { case ownersDaemon, ownersCUPS, ownersCUPSHangs, sendersDaemon }

    @Test(arguments: Deed.allCases)
    func theOrderOfAQueueIsKept(_ deed: Deed) async throws {
        try await FaultyOffice.with(cupsd: ["DirtyCleanInterval 0"]) { office in
            let (owner, sender) = (office.owner, office.sender)
            let box = try office.box(.large)
            let titles = (1...20).map { "job \($0)" }
            func print(_ titles: some Sequence<String>) async throws {
                for title in titles {
                    try await sender.must("print", Paper.page.path, "--to", "pc1/raw", "--title", title, as: "alice")
                }
            }
            try await print(titles[..<8])
            try await eventually("some came out", within: promised(10), every: .milliseconds(2)) {
                box.printed.count >= 4
            }
            switch deed {
            case .ownersDaemon: try await owner.killDaemon()
            case .ownersCUPS:
                // What it has in work is unknown afterwards, and goes again when somebody says so.
                try box.set("busy", "")
                let before = box.tries.count
                try await print(titles[8..<9])
                try await eventually("one is begun", within: promised(10)) { box.tries.count > before }
                try await owner.stop(.cups, by: SIGKILL)
                try await office.endOrphans()
            // It takes connections and answers none: whether it has the job nobody knows until it is gone.
            case .ownersCUPSHangs:
                try await eventually("nothing is in CUPS", within: promised(20)) {
                    try await owner.ask("jobs", of: [PrintJob].self).isEmpty
                }
                try await owner.service(.cups)?.signal(SIGSTOP)
            case .sendersDaemon:
                try await sender.killDaemon()
                try await sender.startDaemon()
            }
            try await print(titles[(deed == .ownersCUPS ? 9 : 8)...])
            switch deed {
            case .ownersDaemon: try await owner.startDaemon()
            case .ownersCUPS: try await owner.start(.cups)
            case .ownersCUPSHangs:
                try await eventually("a job waits for CUPS", within: promised(20)) {
                    try await sender.jobs(as: "alice").contains { $0.state == "waiting" }
                }
                try await owner.stop(.cups, by: SIGKILL)
                try await owner.start(.cups)
            case .sendersDaemon: break
            }
            var ordered = titles
            if deed == .ownersCUPS {
                try await eventually("one is unknown", within: promised(20)) {
                    try await sender.jobs(as: "alice").contains { $0.state == "stopped" }
                }
                let unknown = try #require(try await sender.jobs(as: "alice").first { $0.state == "stopped" })
                try await sender.must("job", "reprint", unknown.id, as: "alice")
                ordered.removeAll { $0 == unknown.title }
                ordered.append(unknown.title)
            }
            try await eventually("all come out", within: promised(40)) { box.printed.count >= titles.count }
            if deed == .ownersCUPS, let again = ordered.popLast() {
                #expect(box.titles.count { $0 == again } == 1)
                #expect(box.titles.filter { $0 != again } == ordered)
            } else {
                #expect(box.titles == titles)
            }
            try await eventually("all are known to", within: promised(10)) {
                try await sender.jobs(as: "alice").allSatisfy { $0.state == "completed" }
            }
            try await office.expectTidy()
        }
    }
}
