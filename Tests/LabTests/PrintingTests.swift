import Foundation
import OfficeLab
import Testing

/// A printer on one desk is on every desk: real cupsds, and printers that are folders.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct PrintingTests {
    @Test func aPrinterIsOnEveryDeskWithWhatItCan() async throws {
        try await withPrintingOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let seen = try #require(try await pc2.printers().first)
            #expect(seen.path == "pc1/laser" && seen.info == "The laser" && seen.location == "2nd floor")
            #expect(seen.duplex && !seen.color && seen.shared && !seen.local && seen.accepting)
            #expect(seen.media.contains("iso_a4_210x297mm"))
            #expect(try await pc1.printers().map(\.local) == [true])

            for (command, expected) in [
                (["cupsdisable", "-r", "no paper", "laser"], "stopped"), (["cupsenable", "laser"], "idle"),
            ] {
                try await pc1.run(command).checked()
                for host in lab.hosts {
                    try await eventually("\(host.name) sees it \(expected)", within: promised(2)) {
                        try await host.printers().first?.state == expected
                    }
                }
            }
            try await pc1.run(["cupsreject", "laser"]).checked()
            try await eventually("pc2 sees that it takes nothing", within: promised(2)) {
                try await pc2.printers().first?.accepting == false
            }
            try await pc1.must("printer", "unshare", "laser")
            try await eventually("it is gone from pc2", within: promised(2)) { try await pc2.printers().isEmpty }
            try await pc2.refused(66, "print", "/etc/hostname", "--to", "pc1/laser")
        }
    }

    @Test func aDocumentIsPrintedOnceAsItWasWanted() async throws {
        try await withPrintingOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try pc2.writeDocument("/home/alice/letter", "dear Bob", owner: "alice")
            let output = try await pc2.must(
                "print", "/home/alice/letter", "--to", "pc1/laser", "--copies", "3", "--duplex=short", "--media", "A4",
                "--title", "Lettre à Bob", "--wait", as: "alice")
            #expect(output.stderr.contains("completed"), "\(output)")
            let box = try pc1.box("laser")
            #expect(box.printed == [1])
            let arguments = try #require(box.arguments(1))
            #expect(Array(arguments[1...3]) == ["alice@pc2", "Lettre à Bob", "3"])
            #expect(arguments[4].contains("sides=two-sided-short-edge") && arguments[4].contains("media=iso_a4"))
            let job = try #require(try await pc2.jobs(as: "alice").first)
            #expect(job.state == "completed" && job.user == "alice@pc2" && job.title == "Lettre à Bob")
            #expect(try await pc1.jobs().map(\.id) == [job.id])
            // From standard input, and as what the owner prints on its own queue.
            try await pc2.must("print", "-", "--wait", input: "piped\n")
            try await pc1.must("print", "-", "--to", "pc1/laser", "--wait", input: "own\n")
            #expect(box.printed == [1, 2, 3])
        }
    }

    @Test func everyProgramPrintsByTheLocalQueue() async throws {
        try await withPrintingOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try pc2.writeDocument("/home/alice/letter", "dear Bob", owner: "alice")
            try await eventually("CUPS on pc2 has the queue", within: promised(10)) {
                try await pc2.shell("lpstat -e").stdout.contains("pc1_laser")
            }
            #expect(try await !pc1.shell("lpstat -e").stdout.contains("pc1_laser"))
            try await pc2.run(
                ["lp", "-d", "pc1_laser", "-n", "2", "-t", "by lp", "/home/alice/letter"], as: "alice"
            ).checked()
            let box = try pc1.box("laser")
            try await eventually("it is printed", within: promised(20)) { box.printed == [1] }
            #expect(Array(try #require(box.arguments(1))[1...3]) == ["alice@pc2", "by lp", "2"])
            try await eventually("the local job says so", within: promised(15)) {
                try await pc2.shell("lpstat -W completed", as: "alice").stdout.contains("pc1_laser-1")
            }

            // Away, it takes jobs all the same and freezes nobody.
            try await pc1.stopDaemon()
            let began = ContinuousClock.now
            try await pc2.run(["lp", "-d", "pc1_laser", "/home/alice/letter"], as: "alice").checked()
            #expect(ContinuousClock.now - began < promised(5))
            try await eventually("the job waits", within: promised(10)) {
                try await pc2.jobs(as: "alice").last?.state == "waiting"
            }
            try await pc1.startDaemon()
            try await eventually("it is printed", within: promised(20)) { box.printed == [1, 2] }
            try await pc1.must("printer", "unshare", "laser")
            try await eventually("the queue is gone from CUPS on pc2", within: promised(10)) {
                try await !pc2.shell("lpstat -e").stdout.contains("pc1_laser")
            }
        }
    }

    @Test func onlyWhoMayPrintsAndEachTouchesTheirOwn() async throws {
        try await withPrintingOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("printer", "share", "laser", "--allow", "alice@pc2")
            try await eventually("pc3 sees none", within: promised(2)) { try await pc3.printers().isEmpty }
            #expect(try await pc2.printers(as: "bob").isEmpty)
            try await pc2.refused(66, "print", "/etc/hostname", "--to", "pc1/laser", as: "bob")
            try await pc3.refused(66, "print", "/etc/hostname", "--to", "pc1/laser", as: "alice")
            try await pc3.refused(66, "jobs", "pc1/laser", as: "alice")
            try await pc2.refused(77, "printer", "share", "laser", as: "alice")

            try await pc1.must("printer", "share", "laser", "--allow", "pc2")
            try pc1.box("laser").set("busy", "")
            let first = try await pc2.print("/etc/hostname", "--to", "pc1/laser", as: "alice")
            let second = try await pc2.print("/etc/hosts", "--to", "pc1/laser", as: "alice")
            try await pc2.eventuallyJob(first, is: "processing")
            // Seen by who may use the queue, and changed only by whose it is and by the owner.
            try await eventually("bob sees both", within: promised(3)) {
                Set(try await pc2.jobs(as: "bob").map(\.id)) == [first, second]
            }
            try await pc2.refused(77, "job", "cancel", second, as: "bob")
            try await pc3.refused(66, "job", "cancel", second)
            try await pc1.refused(77, "job", "cancel", second, as: "bob")
            try await pc1.must("job", "cancel", second)
            try await pc2.eventuallyJob(second, is: "canceled", as: "alice")
            try pc1.box("laser").set("busy", nil)
            try await pc2.eventuallyJob(first, is: "completed", as: "alice")
            #expect(try pc1.box("laser").printed.count == 1)
        }
    }

    @Test func whatCannotBePrintedIsRefusedBeforeItIsSent() async throws {
        try await withPrintingOffice("pc1", "pc2") { lab in
            let pc2 = lab["pc2"]
            try pc2.write("", to: "/home/alice/empty", owner: "alice")
            try pc2.write(Data([0x7F, 0x45, 0x4C, 0x46, 0, 0, 1, 2, 3]), to: "/home/alice/program", owner: "alice")
            try await pc2.refused(66, "print", "/home/alice/none")
            try await pc2.refused(65, "print", "/home/alice/empty")
            try await pc2.refused(65, "print", "/home/alice")
            try await pc2.refused(66, "print", "/etc/hostname", "--to", "pc1/none")
            try await pc2.refused(66, "print", "/etc/hostname", "--to", "nobody/laser")
            try await pc2.refused(65, "print", "/etc/hostname", "--to", "laser")
            try await pc2.refused(77, "print", "/etc/shadow", as: "alice")
            for wish in [["--media", "A0"], ["--pages", "9-2"], ["--color"], ["-o", "sides=inside-out"]] {
                let output = try await pc2.officeshare(["print", "/etc/hostname"] + wish)
                #expect([64, 65].contains(output.status), "\(wish): \(output)")
                #expect(output.stderr.split(separator: "\n").count == 1, "\(output)")
            }
            let media = try await pc2.officeshare(["print", "/etc/hostname", "--media", "A0"])
            #expect(media.stderr.contains("A3") || media.stderr.contains("iso_a"), "\(media)")
            #expect(try await pc2.jobs().isEmpty)
        }
    }

    @Test func jobsAreHeldReleasedCanceledReprintedAndMoved() async throws {
        try await withPrintingOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let box = try pc1.box("laser")
            let held = try await pc2.print("/etc/hostname", "--hold")
            try await pc2.eventuallyJob(held, is: "held")
            let passed = try await pc2.print("/etc/hostname")
            try await pc2.eventuallyJob(passed, is: "completed")
            try await pc2.must("job", "release", held)
            try await pc2.eventuallyJob(held, is: "completed")
            try await pc2.must("job", "reprint", held)
            try await eventually("it is printed once more", within: promised(10)) { box.printed.count == 3 }
            try await pc2.eventuallyJob(held, is: "completed")

            try await pc1.addPrinter("color")
            try await pc1.must("printer", "share", "color")
            try await eventually("pc2 has it", within: promised(3)) { try await pc2.printers().count == 2 }
            try await pc2.refused(64, "print", "/etc/hostname")
            try await pc2.must("printer", "default", "pc1/laser")
            try await pc1.run(["cupsdisable", "laser"]).checked()
            let stuck = try await pc2.print("/etc/hostname")
            try await pc2.eventuallyJob(stuck, is: "pending")
            let moved = try await pc2.print("/etc/hosts")
            for job in [stuck, moved] { try await pc2.must("job", "move", job, "pc1/color") }
            try await pc2.eventuallyJob(stuck, is: "completed")
            try await pc2.eventuallyJob(moved, is: "completed")
            let gone = try await pc2.print("/etc/hostname")
            try await pc2.must("job", "cancel", gone)
            try await pc2.eventuallyJob(gone, is: "canceled")
            try await pc1.run(["cupsenable", "laser"]).checked()
            let last = try await pc2.print("/etc/hostname", "--wait")
            #expect(try await pc2.job(last)?.state == "completed")
            #expect(box.printed.count == 4)
            #expect(try pc1.box("color").printed.count == 2)
        }
    }

    @Test func tuningIsUndoneToTheLetter() async throws {
        try await withPrintingOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let before = try await pc1.run(["cat", "/etc/cups/cupsd.conf"]).checked().stdout
            try await pc1.refused(77, "printer", "share", "laser", "--tune", as: "alice")
            try await pc1.must("printer", "share", "laser", "--tune")
            #expect(try await pc1.shell("tail -n 5 /etc/cups/cupsd.conf").stdout.contains("DirtyCleanInterval 0"))
            let doctor = try await pc1.officeshare(["doctor"])
            #expect(doctor.stdout.contains("writes jobs down at once"), "\(doctor)")
            let job = try await pc2.print("/etc/hostname")
            try await pc2.eventuallyJob(job, is: "completed")
            try await pc1.must("printer", "share", "laser", "--untune")
            #expect(try await pc1.run(["cat", "/etc/cups/cupsd.conf"]).checked().stdout == before)
        }
    }

    @Test func withoutCUPSTheRestWorks() async throws {
        try await withPrintingOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.stop(.cups)
            try await eventually("pc1 says so", within: promised(3)) {
                try await pc1.status().problems.contains { $0.what == "printing" }
            }
            try await eventually("pc2 sees it", within: promised(3)) {
                try await pc2.printers().first?.reasons == ["cups-not-running"]
            }
            try await pc1.share("docs")
            try await eventually("folders go on") { try await pc2.ask("ls", of: [Offer].self).count == 1 }
            let job = try await pc2.print("/etc/hostname")
            try await pc2.eventuallyJob(job, is: "waiting")
            try await pc1.start(.cups)
            try await pc2.eventuallyJob(job, is: "completed")
            #expect(try pc1.box("laser").printed.count == 1)
            #expect(try await pc1.status().problems.allSatisfy { $0.what != "printing" })
        }
    }
}
