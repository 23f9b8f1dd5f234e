import Foundation
import OfficeLab
import Testing

/// One row of the fault matrix, carried out.
final class FaultyMove {
    private let row: FaultRow
    private let office: FaultMatrixOffice
    private let (pc1, pc2): (LabHost, LabHost)
    /// Where what has come is looked for.
    private let (receiver, folder): (LabHost, String)
    private let contents: [String: String]
    /// What each run of the command said of itself.
    private var summaries: [MoveSummary] = []
    /// How often the command was given.
    private var runs = 0

    init(_ row: FaultRow, _ office: FaultMatrixOffice) {
        self.row = row
        self.office = office
        (pc1, pc2) = (office.pc1, office.pc2)
        let isFull = row.mishap == .diskFull
        switch row.way {
        case .get: (receiver, folder) = (office.pc2, isFull ? "/srv/full/copy" : "/home/bob/copy")
        case .put: (receiver, folder) = (office.pc1, "/home/alice/\(isFull ? "full" : "drop")")
        case .pin: (receiver, folder) = (office.pc2, "/var/lib/officeshare/pins")
        case .send: (receiver, folder) = (office.pc2, "/var/lib/officeshare/inbox")
        }
        var contents = office.contents[row.share] ?? [:]
        if row.way == .send, row.cargo == .small {
            contents = contents.filter { Int($0.key).map { $0 <= Cargo.smallDeliveries } ?? false }
        }
        self.contents = contents
    }

    func run() async throws {
        try await prepare()
        let (counts, received) = (office.proxy.counts, try receiver.traffic().received)
        var command = try start()
        try await strike(command, since: received)
        try await untilDone(&command)
        if row.way == .send { try await untilDelivered(command) }
        try await expectAll(in: folder)
        if row.way == .send { try await take() }
        try await expectLittleTwice(counts)
    }

    // MARK: The command

    private func start() throws -> HostProcess {
        runs += 1
        return switch row.way {
        case .get: try pc2.start(["officeshare", "get", "-r", "pc1/\(row.share)/", folder, "--json"], as: "bob")
        case .put:
            try pc2.start(
                ["officeshare", "put", "-r", "./\(row.share)", "pc1/\(row.mishap == .diskFull ? "full" : "drop")/"]
                    + ["--json"], as: "bob")
        case .pin: try pc2.start(["officeshare", "pin", "pc1/\(row.share)", "--wait"], as: "bob")
        case .send:
            try pc1.start(
                ["bash", "-c", "officeshare send $(find \(row.share) -type f | \(pick)) pc2:bob --json"], as: "alice")
        }
    }

    /// The files that are sent: a delivery is one file.
    private var pick: String {
        row.cargo == .large ? "cat" : "awk -F/ '$NF <= \(Cargo.smallDeliveries)'"
    }

    /// Waits for the end of the command, and gives it again until it succeeds; what it says has to be true.
    private func untilDone(_ command: inout HostProcess) async throws {
        let deadline = ContinuousClock.now + promised(90)
        while true {
            let exit = try await command.ended(within: promised(90))
            if row.way == .get || row.way == .put { note(command) }
            if exit == .status(0) { break }
            #expect(isExpected(exit), "\(exit): \(command.stderr)")
            try await expectOnlyRight()
            guard ContinuousClock.now < deadline, isExpected(exit) else {
                throw MoveError(description: "\(row.testDescription): \(exit): \(command.stderr)")
            }
            if row.mishap == .diskFull { try await free() }
            try await eventually("pc2 reaches pc1", within: promised(30)) {
                try await pc2.officeshare(["ls", "pc1/\(row.share)"], as: "bob").status == 0
            }
            command = try start()
        }
    }

    private func isExpected(_ exit: Exit) -> Bool {
        switch row.mishap {
        case .diskFull: exit == .status(row.way == .pin ? 75 : 74)
        case .receiverKilled where row.way == .get: exit == .signal(SIGKILL)
        default: exit == .status(75) || exit == .status(69)
        }
    }

    private func note(_ command: HostProcess) {
        guard let summary = try? JSONDecoder().decode(MoveSummary.self, from: Data(command.stdout.utf8)) else { return }
        summaries.append(summary)
    }

    private func untilDelivered(_ command: HostProcess) async throws {
        let sent = try JSONDecoder().decode([SendTests.Delivery].self, from: Data(command.stdout.utf8))
        #expect(sent.count == contents.count)
        let ids = Set(sent.map(\.id))
        try await eventually("all is delivered", within: promised(90), every: .milliseconds(100)) {
            try await pc1.ask("sent", as: "alice", of: [SendTests.Delivery].self)
                .count { ids.contains($0.id) && $0.state == "delivered" && $0.receipt != nil } == ids.count
        }
    }

    /// Bob takes it all.
    private func take() async throws {
        let there = try await pc2.ask("inbox", as: "bob", of: [SendTests.Delivery].self).map(\.id)
        try await pc2.run(["mkdir", "/home/bob/copy"], as: "bob").checked()
        try await pc2.officeshare(["inbox", "accept", "--to", "/home/bob/copy"] + there, as: "bob").checked()
        try await expectAll(in: "/home/bob/copy")
    }

    // MARK: What goes wrong

    /// What is wrong from the start.
    private func prepare() async throws {
        switch row.mishap {
        case .loss5, .loss20:
            for host in [pc1, pc2] { try await host.loss(percent: row.mishap == .loss5 ? 5 : 20) }
        case .resets: office.proxy.faults = .init(resetAfter: 5_000_000)
        case .stalls: office.proxy.faults = .init(stallAfter: row.bytes / 2, stallFor: .seconds(3))
        case .corruption where row.isSpoiltOnTheWire:
            office.proxy.faults = .init(
                corruptEvery: row.cargo == .large || row.way == .send ? 50 * row.block : 1 << 20)
        case .corruption: try await rot("/alice/\(row.share)/")
        case .sourceKilled, .sourceGone, .receiverKilled: try await pc2.rate(megabits: row.cargo == .large ? 250 : 8)
        case .diskFull: try await fill()
        }
    }

    private func rot(_ folder: String) async throws {
        try await pc1.stopDaemon()
        try await pc1.shell("touch \(RottenDisk.log); chmod 666 \(RottenDisk.log)").checked()
        try await pc1.startDaemon(disk: RottenDisk(folder: folder, every: 50 * row.block))
        if pc2.service(.officeshare) == nil { try await pc2.startDaemon() }
        try await office.lab.settle(within: promised(20))
    }

    /// A disk with room for some of it.
    private func fill() async throws {
        let megabytes = max(1, row.cargo == .large ? (row.bytes * 2 / 3) >> 20 : (contents.count * 8 / 3) >> 10)
        switch row.way {
        case .get: try await pc2.mountTmpfs(at: "/srv/full", megabytes: megabytes, owner: "bob")
        case .put:
            try await pc1.mountTmpfs(at: folder, megabytes: megabytes, owner: "alice")
            try await pc1.must("share", "add", "full", "--rw", as: "alice")
            try await eventually("pc2 sees it") {
                try await pc2.officeshare(["ls", "pc1/full"], as: "bob").status == 0
            }
        case .pin, .send: try await pc2.mountTmpfs(at: folder, megabytes: megabytes, owner: "officeshare")
        }
    }

    private func free() async throws {
        let disk = row.way == .get ? "/srv/full" : folder
        try await receiver.run(["mount", "-o", "remount,size=\(Cargo.largeBytes * 4)", disk]).checked()
    }

    /// The blow, in the middle.
    private func strike(_ command: HostProcess, since: Int) async throws {
        guard [.sourceKilled, .sourceGone, .receiverKilled].contains(row.mishap) else { return }
        try await eventually("some of it has come", within: promised(30), every: .milliseconds(5)) {
            guard try receiver.traffic().received - since > row.bytes * 4 / 10 else { return false }
            return row.way != .send || command.exit != nil
        }
        #expect(row.way == .send || command.exit == nil, "it was too fast")
        switch (row.mishap, row.way) {
        case (.receiverKilled, .get): try await command.signal(SIGKILL)
        case (.receiverKilled, .put), (.sourceKilled, .get), (.sourceKilled, .pin), (.sourceKilled, .send):
            try await pc1.killDaemon()
            try await expectOnlyRight()
            try await pc1.startDaemon()
        case (.receiverKilled, _), (.sourceKilled, .put):
            try await pc2.killDaemon()
            try await expectOnlyRight()
            try await pc2.startDaemon()
        case (.sourceGone, _): try await pc1.killDaemon()
        default: break
        }
        try await pc2.rate(megabits: nil)
    }

    // MARK: What has to be true

    /// That every file that can be seen is what it has to be.
    private func expectOnlyRight() async throws {
        for (name, hash) in try await FaultMatrixOffice.hashes(in: folder, of: receiver) {
            #expect(contents[name] == hash, "\(row.testDescription): \(name)")
        }
    }

    private func expectAll(in folder: String) async throws {
        let there = try await FaultMatrixOffice.hashes(in: folder, of: receiver)
        #expect(there == contents, "\(row.testDescription): \(there.count) of \(contents.count)")
        #expect(summaries.last?.failed.isEmpty ?? true)
    }

    /// That hardly anything was sent twice, and that the command says so truly.
    private func expectLittleTwice(_ before: FaultProxy.Counts) async throws {
        let after = office.proxy.counts
        // Connections that were there before and broke have no new one for each: the proxy counts those that it spoilt.
        let breaks = max(after.faults - before.faults, after.connections - before.connections)
        let wrong = Int(try await pc1.shell("cat \(RottenDisk.log) | wc -l").stdout.filter(\.isNumber)) ?? 0
        let allowance = Allowance(row, breaks: breaks, wrong: wrong)
        guard row.way == .get || row.way == .put else {
            let carried = after.toClient - before.toClient
            #expect(carried <= allowance.onTheWire(contents.count), "\(row.testDescription): \(carried) bytes")
            return
        }
        let last = try #require(summaries.last)
        let (moved, resent) = (summaries.reduce(0) { $0 + $1.bytes }, summaries.reduce(0) { $0 + $1.resentBlocks })
        #expect(resent <= allowance.blocks, "\(row.testDescription): \(summaries)")
        // What was on its way when the disk was found full comes again with the next command.
        let again = max(resent, row.mishap == .diskFull ? allowance.blocks : 0) + allowance.duplicates
        #expect(moved <= row.bytes + again * row.block, "\(summaries)")
        #expect(last.bytes + last.resumedBytes >= row.bytes, "\(summaries)")
        #expect(last.bytes + last.resumedBytes <= row.bytes + again * row.block)
        let rejected = summaries.flatMap(\.sources).reduce(0) { $0 + $1.rejected }
        #expect(rejected == (row.isSpoiltOnTheWire ? 0 : wrong), "\(summaries)")
        if row.mishap == .corruption, wrong > 0 { #expect(resent == rejected) }
        let isBlow = row.mishap == .sourceKilled || row.mishap == .receiverKilled
        if isBlow, row.cargo == .large, runs > 1 { #expect(last.resumedBytes > 0, "\(summaries)") }
    }
}

/// What a row may send twice.
private struct Allowance {
    private let row: FaultRow
    /// Blocks that are asked for again.
    let blocks: Int
    /// Blocks that several sources may send at once, near the end.
    let duplicates: Int

    init(_ row: FaultRow, breaks: Int, wrong: Int) {
        self.row = row
        duplicates = row.mishap == .sourceGone ? 8 : 0
        blocks =
            switch row.mishap {
            // Of the connections that loss breaks only those are counted that were made since: one was there before.
            case .loss5, .loss20: breaks + 1
            case .resets: breaks
            case .stalls: 0
            case .corruption: breaks + wrong
            // Two batches are on their way at once.
            case .sourceKilled, .receiverKilled, .sourceGone, .diskFull: 2
            }
    }

    /// Bytes on the way when somebody is killed, or finds that the disk is full.
    private var inFlight: Int {
        switch row.mishap {
        case .sourceKilled, .receiverKilled, .diskFull: 12 << 20
        // What is behind a spoilt record is thrown away with it.
        case .corruption where row.isSpoiltOnTheWire: 512 << 10
        // A reset throws away what its receiver's socket held: of the block that was asked for next, too.
        case .resets: 512 << 10
        default: 64 << 10
        }
    }

    /// Bytes that so many files take on the wire: frames, TLS, offers and receipts besides.
    func onTheWire(_ files: Int) -> Int {
        row.bytes * 102 / 100 + files * 1_000 + (blocks + 1) * (row.block + inFlight)
    }
}

struct MoveError: Error, CustomStringConvertible { let description: String }

/// What a command says of what it moved.
struct MoveSummary: Decodable {
    struct Source: Decodable { let node: String, bytes: Int, blocks: Int, rejected: Int }
    let files: Int, bytes: Int, resumedBytes: Int, resentBlocks: Int, sources: [Source], failed: [Summary.Failed]
}
