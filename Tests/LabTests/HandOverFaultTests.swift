import Foundation
import Glibc
import OfficeLab
import Testing

/// A hand-over that is interrupted at each of its steps, while files are written: afterwards there is one file server, it
/// has all that was acknowledged, and the same `promote` finishes.
@Suite(.serialized, .lab, .timeLimit(.minutes(6)))
struct HandOverFaultTests {
    /// The steps, in their order, as the log of the node names them that was told to promote another.
    enum Step: String, CaseIterable { case prepare, begin, copy, freeze, copyLast, confirm, write, change }

    enum Mishap: String, CaseIterable { case oldServerKilled, newServerKilled, promoterKilled, cableOut }

    struct Standing: Decodable {
        struct Office: Decodable { let fileServer: String? }
        let office: Office?
    }

    private static let store = "/var/lib/officeshare/store"

    /// The server changes between pc1 and pc2, and pc3 has it do so; pc4 and pc3 write.
    @Test(arguments: Mishap.allCases) func itEndsInOneServerWithEverything(_ mishap: Mishap) async throws {
        try await withOffice("pc1", "pc2", "pc3", "pc4") { lab in
            let (pc1, pc3) = (lab["pc1"], lab["pc3"])
            try await pc1.must("office", "admin", "add", "pc3")
            try await pc1.must("promote")
            try await pc1.must("space", "add", "docs")
            try await eventually("pc3 is an admin and sees the space", within: promised(10)) {
                let isAdmin = try await pc3.ask("status", of: Status.self).office?.role == "admin"
                return try await pc3.officeshare(["ls", "office/docs"]).status == 0 && isAdmin
            }
            let faults = try await StoreFaults([pc3, lab["pc4"]], server: pc1, store: Self.store)
            var (old, new) = (pc1, lab["pc2"])
            var struck: [Step] = []
            for step in Step.allCases {
                let last = try await interrupt(at: step, by: mishap, from: old, to: new, told: pc3)
                #expect(last >= step, "it was struck at \(last), and \(step) was meant")
                struck.append(last)
                try await restore(lab)
                try await finish(lab, to: new)
                try await faults.goOn()
                swap(&old, &new)
            }
            print("\(mishap): struck at \(struck.map(\.rawValue).joined(separator: ", "))")
            // An even number of changes: it is where it began.
            // Who has written the new epoch down and dies before anybody hears of it leaves the old one serving.
            try await faults.check(hadTwoServers: mishap == .promoterKilled)
        }
    }

    /// Strikes as soon as the log says that the step begins; the last that it says.
    private func interrupt(
        at step: Step, by mishap: Mishap, from old: LabHost, to new: LabHost, told admin: LabHost
    ) async throws -> Step {
        let before = steps(admin).count
        let victim =
            switch mishap {
            case .oldServerKilled: old
            case .newServerKilled, .cableOut: new
            case .promoterKilled: admin
            }
        let daemon = try await #require(victim.service(.officeshare)).pid()
        var promotion = try admin.start(["officeshare", "promote", new.name])
        try await eventually("the hand-over comes to \(step)", within: promised(60), every: .microseconds(300)) {
            if steps(admin).dropFirst(before).contains(step) { return true }
            // What the one before has left may still be brought in.
            if promotion.exit == .status(75) { promotion = try admin.start(["officeshare", "promote", new.name]) }
            return false
        }
        if mishap == .cableOut {
            try await victim.cutLink()
        } else {
            kill(daemon, SIGKILL)
            try await eventually("it is dead", within: promised(10)) { victim.service(.officeshare) == nil }
        }
        // It says what became of it, and doesn't hang.
        let exit = try await promotion.ended(within: promised(90))
        #expect([.status(0), .status(69), .status(75)].contains(exit), "\(exit): \(promotion.stderr)")
        return try #require(steps(admin).dropFirst(before).last)
    }

    private func steps(_ admin: LabHost) -> [Step] {
        admin.daemonLog.split(separator: "\n").compactMap { line in
            guard line.contains("the file server moves") else { return nil }
            return line.split(separator: " ").first { $0.hasPrefix("step=") }.flatMap {
                Step(rawValue: "\($0.dropFirst(5))")
            }
        }
    }

    private func restore(_ lab: Lab) async throws {
        for host in lab.hosts {
            if host.service(.officeshare) == nil {
                // What was killed outside of the lab's knowledge is reaped first.
                try await host.killDaemon()
                try await host.startDaemon()
            }
            try await host.plugLink()
        }
        try await lab.settle(within: promised(30))
    }

    /// The same again, until it is done: then all know of the one server.
    private func finish(_ lab: Lab, to new: LabHost) async throws {
        try await eventually("the same command finishes", within: promised(60)) {
            try await lab["pc3"].officeshare(["promote", new.name]).status == 0
        }
        for host in lab.hosts {
            try await eventually("\(host.name) knows of it", within: promised(20)) {
                try await host.ask("status", of: Standing.self).office?.fileServer == new.name
            }
        }
    }
}

extension HandOverFaultTests.Step: Comparable {
    static func < (one: Self, other: Self) -> Bool {
        (allCases.firstIndex(of: one) ?? 0) < (allCases.firstIndex(of: other) ?? 0)
    }
}
