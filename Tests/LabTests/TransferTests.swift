import Foundation
import OfficeLab
import Testing

/// Files that are fetched and put: whole and exact, or not there.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct TransferTests {
    /// Two hosts, an office, and a writable share `docs` of alice's on pc1.
    private func withDocs(_ body: (LabHost, LabHost) async throws -> Void) async throws {
        try await withLab("pc1", "pc2") { lab in
            try await lab.foundOffice()
            try await lab["pc1"].share("docs", "--rw", "--allow", "office", files: [:])
            try await eventually("pc2 lists it") {
                try await lab["pc2"].ask("ls", of: [Offer].self).contains { $0.path == "pc1/docs" }
            }
            try await body(lab["pc1"], lab["pc2"])
        }
    }

    @Test func aRealTreeIsFetchedExactly() async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell(Tree.script, as: "alice").checked()
            let got = try await pc2.officeshare(["get", "-r", "pc1/docs/", "./copy", "--json"], as: "bob")
            #expect(got.status == 0, "\(got)")
            try await Tree.expectSame((pc1, "/home/alice/docs"), (pc2, "/home/bob/copy"))
            // Again it finds all there and moves nothing.
            // (into a folder that is there, as cp does).
            try await pc2.must("get", "-r", "pc1/docs", ".", as: "bob")
            let again: Summary = try await pc2.ask("get", "-r", "pc1/docs", ".", as: "bob")
            #expect(again.bytes == 0 && again.failed.isEmpty)
            try await Tree.expectSame((pc1, "/home/alice/docs"), (pc2, "/home/bob/docs"))
        }
    }

    @Test func aRealTreeIsPutExactly() async throws {
        try await withDocs { pc1, pc2 in
            // A link out of the share is refused there, by its name, and the rest is put.
            try await pc2.shell(Tree.script + "\nrm deep/up", as: "bob").checked()
            try await pc2.shell("touch -d '2011-11-11 11:11:11.111111111' docs/deep", as: "bob").checked()
            let put = try await pc2.officeshare(["put", "-r", "./docs", "pc1/docs/", "--json"], as: "bob")
            #expect(put.status == 0, "\(put)")
            try await Tree.expectSame((pc2, "/home/bob/docs"), (pc1, "/home/alice/docs/docs"))
            let again: Summary = try await pc2.ask("put", "-r", "./docs", "pc1/docs/", as: "bob")
            #expect(again.bytes == 0 && again.failed.isEmpty)
        }
    }

    // MARK: Interruptions

    enum Blow: String, CaseIterable { case commandKilled, ownDaemonKilled, peerDaemonKilled, linkDown }

    /// A file that is interrupted: large enough for the blow to hit it, at a rate that leaves the time.
    struct Load {
        let size: Int, block: Int, megabits: Int
        /// What may be on the way, unverified, when the blow falls.
        let inFlight: Int

        static let medium = Load(size: 128 << 20, block: 128 << 10, megabits: 400, inFlight: 24 << 20)
        /// Of the largest blocks there are.
        static let large = Load(size: 2 << 30, block: 16 << 20, megabits: 4000, inFlight: 128 << 20)
    }

    /// What the receiver of a transfer had when it was hit, and what the same command moved afterwards.
    private func interrupt(
        _ blow: Blow, _ arguments: [String], of load: Load = .medium, on pc2: LabHost, peer pc1: LabHost,
        arriving at: LabHost, as final: String
    ) async throws {
        try await pc2.rate(megabits: load.megabits)
        let before = try at.traffic().received
        let transfer = try pc2.start(["officeshare"] + arguments, as: "bob")
        try await eventually("half of it has arrived", within: promised(30)) {
            try at.traffic().received - before > load.size / 2 || transfer.exit != nil
        }
        #expect(transfer.exit == nil, "\(transfer.stderr)")
        switch blow {
        case .commandKilled: try await transfer.signal(SIGKILL)
        case .ownDaemonKilled: try await pc2.killDaemon()
        case .peerDaemonKilled: try await pc1.killDaemon()
        case .linkDown: try await pc2.cutLink(.interface)
        }
        let arrived = try at.traffic().received - before
        let exit = try await transfer.ended(within: promised(60))
        #expect(exit == (blow == .commandKilled ? .signal(SIGKILL) : .status(75)), "\(transfer.stderr)")
        #expect(!at.exists(final))

        switch blow {
        case .commandKilled: break
        case .ownDaemonKilled: try await pc2.startDaemon()
        case .peerDaemonKilled: try await pc1.startDaemon()
        case .linkDown: try await pc2.plugLink()
        }
        try await eventually("pc2 reaches pc1 again", within: promised(10)) {
            try await pc2.officeshare(["ls", "pc1/docs"]).status == 0
        }
        try await pc2.rate(megabits: nil)
        let moved = try at.traffic().received
        let summary = try await pc2.officeshare(arguments + ["--json"], as: "bob").json(Summary.self)
        #expect(summary.files == 1 && summary.failed.isEmpty)
        #expect(summary.bytes + summary.resumedBytes <= load.size + load.block)
        #expect(summary.bytes + summary.resumedBytes >= load.size)
        // What had come over the wire is kept, but for what was in flight and not verified yet.
        #expect(summary.resumedBytes > arrived - load.inFlight, "\(summary), \(arrived) had arrived")
        #expect(try at.traffic().received - moved < summary.bytes * 11 / 10 + (1 << 20))
    }

    @Test(arguments: Blow.allCases) func anInterruptedGetGoesOnWhereItStopped(_ blow: Blow) async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell("head -c \(Load.medium.size) /dev/urandom >docs/large", as: "alice").checked()
            try await interrupt(
                blow, ["get", "pc1/docs/large", "./large"], on: pc2, peer: pc1, arriving: pc2, as: "/home/bob/large")
            try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), pc2.path("/home/bob/large")]).checked()
            #expect(try await pc2.run(["ls", "-A", "/home/bob"]).lines == ["large"])
        }
    }

    @Test(arguments: Blow.allCases) func anInterruptedPutGoesOnWhereItStopped(_ blow: Blow) async throws {
        try await withDocs { pc1, pc2 in
            try await pc2.shell("head -c \(Load.medium.size) /dev/urandom >large", as: "bob").checked()
            try await interrupt(
                blow, ["put", "./large", "pc1/docs/large"], on: pc2, peer: pc1, arriving: pc1,
                as: "/home/alice/docs/large")
            try await Command.run(["cmp", pc2.path("/home/bob/large"), pc1.path("/home/alice/docs/large")]).checked()
        }
    }

    @Test func aCommandThatIsKilledLeavesNothingRunning() async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell("head -c 64M /dev/urandom >docs/file", as: "alice").checked()
            try await pc2.rate(megabits: 200)
            for _ in 0..<4 {
                let before = try pc2.traffic().received
                let reading = try pc2.start(["officeshare", "cat", "pc1/docs/file"], as: "bob")
                try await eventually("it is on its way") { try pc2.traffic().received > before + (4 << 20) }
                try await reading.signal(SIGKILL)
                try await reading.ended()
            }
            for host in [pc1, pc2] {
                try await eventually("\(host.name) moves nothing") {
                    try await host.ask("status", of: TransferCount.self).transfers == 0
                }
            }
        }
    }

    private struct TransferCount: Decodable { let transfers: Int }

    /// Among the largest blocks there are, not more of them than was missing.
    @Test func anInterruptedGetOfTwoGigabytesGoesOnWhereItStopped() async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell("head -c \(Load.large.size) /dev/urandom >docs/large", as: "alice").checked()
            try await interrupt(
                .peerDaemonKilled, ["get", "pc1/docs/large", "./large"], of: .large, on: pc2, peer: pc1, arriving: pc2,
                as: "/home/bob/large")
            try await Command.run(["cmp", pc1.path("/home/alice/docs/large"), pc2.path("/home/bob/large")]).checked()
        }
    }

    @Test func aLossyLinkDeliversTheSame() async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell("head -c 20M /dev/urandom >docs/file", as: "alice").checked()
            for host in [pc1, pc2] { try await host.loss(percent: 5) }
            try await eventually("the file is fetched", within: promised(120)) {
                try await pc2.officeshare(["get", "pc1/docs/file", "/tmp/file"], timeout: .seconds(120)).status == 0
            }
            try await Command.run(["cmp", pc1.path("/home/alice/docs/file"), pc2.path("/tmp/file")]).checked()
        }
    }

    // MARK: Changing sources

    @Test(arguments: [
        // Rewritten in place, grown, shrunk; and replaced, as editors do.
        "tr A B <docs/file | dd of=docs/file conv=notrunc bs=1M",
        "tr A B <docs/file >>docs/file.b; cat docs/file.b >>docs/file",
        "truncate -s 20M docs/file; tr A B <docs/file | dd of=docs/file conv=notrunc bs=1M",
        "tr A B <docs/file >docs/new; mv docs/new docs/file",
    ]) func aSourceThatChangesNeverYieldsAMixture(_ change: String) async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell("head -c 32M /dev/zero | tr '\\0' A >docs/file", as: "alice").checked()
            try await pc2.rate(megabits: 100)
            let before = try pc2.traffic().received
            let getting = try pc2.start(["officeshare", "get", "pc1/docs/file", "/tmp/file"])
            try await eventually("some of it has come") { try pc2.traffic().received - before > 8 << 20 }
            #expect(getting.exit == nil)
            try await pc1.shell(change, as: "alice").checked()
            let exit = try await getting.ended(within: promised(60))
            #expect([.status(0), .status(75)].contains(exit), "\(getting.stderr)")
            #expect((exit == .status(0)) == pc2.exists("/tmp/file"))
            if exit == .status(0) {
                // Whole as it was, or whole as it is.
                let was = try await pc2.shell("head -c 32M /dev/zero | tr '\\0' A | cmp - /tmp/file").status == 0
                let same = ["cmp", pc1.path("/home/alice/docs/file"), pc2.path("/tmp/file")]
                let isNow = try await Command.run(same).status == 0
                #expect(was || isNow)
            }
            try await pc2.rate(megabits: nil)
            try await pc2.must("get", "--force", "pc1/docs/file", "/tmp/file")
            try await Command.run(["cmp", pc1.path("/home/alice/docs/file"), pc2.path("/tmp/file")]).checked()
        }
    }

    // MARK: What can't be

    @Test func aFullDiskIsSaidAndLeavesNoHalf() async throws {
        try await withDocs { pc1, pc2 in
            try await pc1.shell("head -c 9M /dev/urandom >docs/file", as: "alice").checked()
            try await pc2.mountTmpfs(at: "/srv/small", megabytes: 8, owner: "bob")
            try await pc2.refused(74, "get", "pc1/docs/file", "/srv/small/file", as: "bob")
            #expect(!pc2.exists("/srv/small/file"))
            // With room again the same command goes on.
            try await pc2.run(["mount", "-o", "remount,size=32m", "/srv/small"]).checked()
            let summary: Summary = try await pc2.ask("get", "pc1/docs/file", "/srv/small/file", as: "bob")
            #expect(summary.resumedBytes > 4 << 20)
            try await Command.run(["cmp", pc1.path("/home/alice/docs/file"), pc2.path("/srv/small/file")]).checked()

            try await pc1.mountTmpfs(at: "/srv/small", megabytes: 8, owner: "alice")
            try await pc1.must("share", "add", "/srv/small", "--rw", as: "alice")
            try await pc2.refused(74, "put", "/srv/small/file", "pc1/small/file", as: "bob")
            #expect(!pc1.exists("/srv/small/file"))
            #expect(try await pc1.status().office?.name == "Acme")
        }
    }

    @Test func whatCannotBeReadIsNamedAndTheRestIsFetched() async throws {
        try await withDocs { pc1, pc2 in
            let script = "mkdir docs/open docs/closed; echo 1 >docs/open/a; echo 2 >docs/closed/b; echo 3 >docs/c"
            try await pc1.shell(script, as: "alice").checked()
            try await pc1.run(["setfacl", "-b", "/home/alice/docs/closed"]).checked()
            try await pc1.run(["chmod", "700", "/home/alice/docs/closed"]).checked()
            let output = try await pc2.officeshare(["get", "-r", "pc1/docs/", "/tmp/copy"])
            #expect(output.status == 1 || output.status == 77, "\(output)")
            #expect(output.stderr.contains("closed"))
            #expect(pc2.exists("/tmp/copy/open/a") && pc2.exists("/tmp/copy/c") && !pc2.exists("/tmp/copy/closed/b"))
            try await pc1.run(["chmod", "700", "/home/bob"]).checked()
            try await pc1.refused(77, "share", "add", "/home/bob", as: "alice")
            try await pc1.refused(66, "share", "add", "/home/alice/none", as: "alice")
        }
    }

    @Test func wrongNamesGetTheirCodes() async throws {
        try await withDocs { pc1, pc2 in
            try pc1.write("one", to: "/home/alice/docs/file", owner: "alice")
            try await pc2.refused(66, "get", "nobody/docs/file", "/tmp/x")
            try await pc2.refused(66, "get", "pc1/none/file", "/tmp/x")
            try await pc2.refused(66, "get", "pc1/docs/none", "/tmp/x")
            try await pc2.refused(66, "ls", "nobody")
            try await pc2.refused(64, "get")
            try await pc2.refused(65, "get", "pc1/docs/../../etc/passwd", "/tmp/x")
            try await pc2.refused(66, "ls", "pc1/docs/none")
            let long = String(repeating: "n", count: 256)
            try await pc2.refused(65, "ls", "pc1/docs/\(long)")
            try await pc2.refused(65, "mkdir", "pc1/docs/\(long)")
            try await pc2.refused(65, "get", "pc1/docs/file", "/tmp/\(long)")
            try await pc2.refused(73, "get", "pc1/docs/file", "/tmp/no/such/folder/x")

            try pc2.write("other", to: "/tmp/file")
            try await pc2.refused(73, "get", "pc1/docs/file", "/tmp/file")
            #expect(try pc2.read("/tmp/file") == Data("other".utf8))
            try await pc2.must("get", "--force", "pc1/docs/file", "/tmp/file")
            #expect(try pc2.read("/tmp/file") == Data("one".utf8))
            try await pc2.must("get", "pc1/docs/file", "/tmp/file")
            try pc2.write("mine", to: "/tmp/mine")
            try await pc2.refused(73, "put", "/tmp/mine", "pc1/docs/file")
            try await pc2.must("put", "--force", "/tmp/mine", "pc1/docs/file")
            #expect(try pc1.read("/home/alice/docs/file") == Data("mine".utf8))

            try await pc1.stopDaemon()
            try await eventually("pc2 knows that pc1 is gone", within: promised(2)) {
                try await pc2.members().count(where: \.online) == 1
            }
            try await pc2.refused(69, "get", "pc1/docs/file", "/tmp/x")
            try await pc2.stopDaemon()
            try await pc2.refused(69, "ls")
        }
    }

    @Test func whatIsChangedByNameIsChanged() async throws {
        try await withDocs { pc1, pc2 in
            try pc1.write("one", to: "/home/alice/docs/file", owner: "alice")
            try await pc2.must("mkdir", "pc1/docs/new")
            try await pc2.must("mv", "pc1/docs/file", "pc1/docs/new/moved")
            #expect(try await pc2.must("cat", "pc1/docs/new/moved").stdout == "one")
            #expect(try await pc2.must("find", "mov*").stdout.contains("pc1/docs/new/moved"))
            try await pc2.must("rm", "-r", "pc1/docs/new")
            #expect(!pc1.exists("/home/alice/docs/new"))
            // What the service made, the folder's owner can change.
            try await pc2.must("mkdir", "pc1/docs/theirs")
            try await pc1.shell("echo x >docs/theirs/x && rm -r docs/theirs", as: "alice").checked()
        }
    }
}
