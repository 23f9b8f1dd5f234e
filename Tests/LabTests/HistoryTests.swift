import Foundation
import OfficeLab
import Testing

/// What clients were told about files that all of them change, recorded and held against what one server may do; and
/// where there were two, against what is there in the end.
@Suite(.serialized, .lab, .timeLimit(.minutes(5)))
struct HistoryTests {
    private static let store = "/var/lib/officeshare/store"

    struct Standing: Decodable {
        struct Office: Decodable { let fileServer: String?, standbyInStep: Bool? }
        let office: Office?
    }

    /// pc1 is the file server of a space `docs`, and pc3 an admin, too.
    private func withServer(_ body: (Lab) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            try await lab["pc1"].must("office", "admin", "add", "pc3")
            try await lab["pc1"].must("promote")
            try await lab["pc1"].must("space", "add", "docs")
            for host in lab.hosts {
                try await eventually("\(host.name) reaches the space") {
                    try await host.officeshare(["ls", "office/docs"], as: "bob").status == 0
                }
            }
            try await body(lab)
        }
    }

    private func expectOneOrder(_ history: FileHistory, sourceLocation: SourceLocation = #_sourceLocation) {
        let lost = history.operations.count { $0.outcome == .unknown }
        print("\(history.operations.count) operations, \(lost) of which nobody knows whether they were done")
        #expect(history.operations.count > 60, sourceLocation: sourceLocation)
        #expect(history.verdict() == .linearizable, sourceLocation: sourceLocation)
    }

    @Test func aServerThatIsKilledAnswersAsOne() async throws {
        try await withServer { lab in
            let history = try await RecordedClients.record(on: lab.hosts) { clients in
                for _ in 0..<4 {
                    try await lab["pc1"].killDaemon()
                    try await lab["pc1"].startDaemon()
                    try await clients.goOn()
                }
            }
            expectOneOrder(history)
        }
    }

    @Test func aServerThatHandsOverAnswersAsOne() async throws {
        try await withServer { lab in
            let history = try await RecordedClients.record(on: lab.hosts, seed: 2) { clients in
                for node in ["pc2", "pc1", "pc3"] {
                    try await lab["pc1"].must("promote", node)
                    try await clients.goOn()
                }
            }
            expectOneOrder(history)
        }
    }

    @Test func aStandbyGoesOnAsTheSame() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("promote", "pc2", "--standby")
            let history = try await RecordedClients.record(on: [pc2, pc3], seed: 3) { clients in
                try await eventually("the standby is in step", within: promised(40)) {
                    try await pc3.ask("status", of: Standing.self).office?.standbyInStep == true
                }
                try await clients.goOn()
                try await pc1.killDaemon()
                try await pc3.must("promote", "pc2")
                try await clients.goOn()
                // Back as what it is now, it says nothing that isn't so.
                try await pc1.startDaemon()
                try await clients.goOn()
            }
            expectOneOrder(history)
        }
    }

    /// No order explains what two servers said. Everything that either acknowledged is there in the end: as the file, in its
    /// versions, or in a copy that is named after it.
    @Test func ofTwoServersNothingAcknowledgedIsLost() async throws {
        try await withServer { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            let history = try await RecordedClients.record(on: lab.hosts, seed: 4) { clients in
                try await pc1.cutLink()
                for (host, other) in [(pc3, "pc1"), (pc1, "pc3")] {
                    try await eventually("\(host.name) misses \(other)", within: promised(10)) {
                        try await host.members().contains { $0.name == other && !$0.online }
                    }
                }
                try await pc3.must("promote", "pc2", "--force")
                try await pc3.must("space", "add", "docs")
                try await clients.goOn(15)
                try await pc1.plugLink()
                try await eventually("pc1 follows pc2", within: promised(20)) {
                    try await pc1.ask("status", of: Standing.self).office?.fileServer == "pc2"
                }
                try await clients.goOn()
            }
            try await eventually("everything is brought in", within: promised(40)) {
                try await pc1.status().problems.allSatisfy { $0.what != Self.store }
            }
            let lost = history.acknowledged.lost(given: try await contents(on: pc2))
            #expect(lost.isEmpty && history.acknowledged.writes.count > 30)
        }
    }

    /// All that is in the store under each file's name: what has it, its versions, and copies named after it.
    private func contents(on host: LabHost) async throws -> [Int: Set<Int>] {
        var contents: [Int: Set<Int>] = [:]
        for file in 0..<RecordedClients.files {
            let script = """
                cd \(Self.store)
                cat spaces/docs/f\(file) spaces/docs/f\(file)' (conflict of '* versions/docs/in/f\(file)/was/* \
                    versions/docs/in/f\(file)' (conflict of '*/was/*; true
                """
            contents[file] = Set(try await host.shell(script).checked().lines.compactMap { Int($0) })
        }
        return contents
    }
}

extension FileHistory {
    /// What was acknowledged, and under which names it may be by what was moved, or may have been.
    fileprivate var acknowledged: Acknowledged<Int, Int> {
        var model = Acknowledged<Int, Int>()
        for operation in operations where operation.outcome == .done || operation.outcome == .occupied {
            switch (operation.act, operation.outcome) {
            // Beside what has the name, there is a copy of it.
            case (.edit(let file, _, let content), _): model.wrote(content, in: file)
            case (.put(let file, let content), .done), (.create(let file, let content), .done):
                model.wrote(content, in: file)
            default: continue
            }
        }
        for operation in operations {
            guard case .move(let from, let to) = operation.act else { continue }
            model.moved(from: from, to: to)
        }
        return model
    }
}
